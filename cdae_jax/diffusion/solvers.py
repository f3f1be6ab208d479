"""The solvers of the probability flow by name, each as (encode, decode) along the steps of `grids.time_grid`.

encode(eps_fn, schedule, x_0, t) -> x_T        decode(eps_fn, schedule, x_T, t) -> x_0
"""

from cdae_jax.diffusion.ddim import ddim_decode, ddim_encode
from cdae_jax.diffusion.dpm_solver import dpm_decode, dpm_encode

SOLVERS = {
    "ddim": (ddim_encode, ddim_decode),  # first order
    "dpm_solver": (dpm_encode, dpm_decode),  # second order, multistep
}
