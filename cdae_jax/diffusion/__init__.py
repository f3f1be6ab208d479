"""The diffusion process and its solvers on pure arrays: no Flax, no model, no graph."""
