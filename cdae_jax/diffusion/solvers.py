"""The solvers of the probability flow by name, each a function of `ddim.both_ways`:

solve(eps_fn, schedule, x_0, t, to_noise=True) -> x_T        solve(eps_fn, schedule, x_T, t, to_noise=False) -> x_0
"""

from cdae_jax.diffusion.ddim import ddim
from cdae_jax.diffusion.dpm_solver import dpm_solver

SOLVERS = {"ddim": ddim, "dpm_solver": dpm_solver}  # first order; second order, multistep
