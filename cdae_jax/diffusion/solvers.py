"""The solvers of the probability flow by name, each as (encode, decode) along the steps of `grids.time_grid`.

encode(eps_fn, schedule, x_0, t) -> noise        decode(eps_fn, schedule, noise, t) -> x_0
"""

from cdae_jax.diffusion.bdia import bdia_decode, bdia_encode
from cdae_jax.diffusion.ddim import ddim_decode, ddim_encode
from cdae_jax.diffusion.dpm_solver import dpm_decode, dpm_encode

SOLVERS = {
    "ddim": (ddim_encode, ddim_decode),  # first order
    "dpm_solver": (dpm_encode, dpm_decode),  # second order, multistep
    "bdia": (bdia_encode, bdia_decode),  # second order, undone exactly
}


def evaluations(
    solver: str, num_steps: int, guidance: float = 1.0, abduction: str = "invert", corrections: int = 0
) -> int:
    """Network evaluations for one counterfactual: there, and back with guidance (0 and 1 need one condition alone);
    back once more to restore what is lost, and for each correction; from fresh noise not there.

    BDIA comes back a step shorter, since it keeps the pair of states that it arrives with.
    """
    back = (num_steps - (solver == "bdia")) * (1 if guidance in (0, 1) else 2)
    found = {"invert": num_steps + back, "restore": num_steps + 2 * back, "noise": back}[abduction]
    return found + (corrections * back if guidance == 1 else 0)
