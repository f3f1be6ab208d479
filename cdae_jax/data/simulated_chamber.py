"""The light tunnel of `causal_chamber` as the causalchamber package simulates its images: model F3 of arXiv 2404.11341,
appendix IV.2.2 (sensitivity of the camera, white balance, Malus' law with leaking polarisers), NumPy alone.

The five actuators follow a linear causal model over the given graph, of the form of the chamber's own experiments. On
the scale 0..1 each is

    z_i = e_i for a root, else 0.6 (mean of its parents' z) + 0.4 e_i;   e_i ~ N(0.5, 0.15) clipped to 0..1

and under an intervention on i, z_i = e_i ~ N(0.7, 0.15) clipped. Colours are 255 z, polarisers 180 z - 90 degrees; an
actuator that is not in the graph is still: colours off, polarisers at 0. These coefficients are our own, so that no
result compares with the chamber's. Any combination can be rendered.
"""

import contextlib
import functools
import io
import warnings

import numpy as np
import pandas as pd

from cdae_jax.data.causal_chamber import of_experiments
from cdae_jax.data.dataset import Dataset
from cdae_jax.data.settings import SimulatedChamber
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph

SCALES = {name: (255, 0) for name in ("red", "green", "blue")} | {name: (180, -90) for name in ("pol_1", "pol_2")}
OWN, MEAN, SHIFTED, SD = 0.4, 0.5, 0.7, 0.15
# Those that the package's tutorial fits to the chamber, but a shorter exposure, so that no colour saturates.
CAMERA = {
    "S": np.array(
        [[0.2995802, 0.06920322, 0.028159], [0.04017132, 0.9209918, 0.31265], [0.00217392, 0.2071558, 0.75763]]
    ),
    **{"w_r": 2.65625, "w_g": 1.0, "w_b": 1.77344, "exposure": 1.6},
    "Tp": np.array([[0.29, 0.35, 0.33]]).T,
    "Tc": np.array([[0.02, 0.08, 0.18]]).T,
    **{"center_x": 0.5, "center_y": 0.5, "radius": 0.22, "offset": 0},
}


def _scaled(graph: CausalGraph) -> tuple[np.ndarray, np.ndarray]:
    """[n] factor and offset of each variable."""
    factor, offset = np.array([SCALES[name] for name in graph.names], float).T
    return factor, offset


def _follow(graph: CausalGraph, own: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """z [N, n] of each variable's own noise [N, n] and the values [N, n] of those that are set, [N, n] bool."""
    z = np.zeros_like(own)
    for i in graph.order:
        parents = list(graph.parents[i])
        z[:, i] = (1 - OWN) * z[:, parents].mean(1) + OWN * own[:, i] if parents else own[:, i]
        z[:, i] = np.where(mask[:, i], values[:, i], z[:, i])
    return z


def true_counterfactual(graph: CausalGraph, labels: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Labels [N, n] under do(mask = values), [N, n] each, physical."""
    factor, offset = _scaled(graph)
    z, wanted = (labels - offset) / factor, (values - offset) / factor
    own = z.copy()
    for i, parents in enumerate(graph.parents):
        if parents:
            own[:, i] = (z[:, i] - (1 - OWN) * z[:, list(parents)].mean(1)) / OWN
    return (factor * _follow(graph, own, mask, wanted) + offset).astype(np.float32)


def draw_labels(graph: CausalGraph, num: int, target: str, rng: np.random.Generator) -> np.ndarray:
    """Labels [num, n] of the experiment that sets the target, "" for the reference."""
    own, moved = (np.clip(rng.normal(mean, SD, (num, len(graph))), 0, 1) for mean in (MEAN, SHIFTED))
    mask = np.tile([name == target for name in graph.names], (num, 1))
    factor, offset = _scaled(graph)
    return (factor * _follow(graph, own, mask, moved) + offset).astype(np.float32)


def render(graph: CausalGraph, resolution: int, labels: np.ndarray) -> np.ndarray:
    """Images [N, resolution, resolution, 3] uint8 of labels [N, n]. Raises InputError without the package."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it says how to cite it, and that it has no PyTorch
            from causalchamber.simulators.lt import ModelF3
    except ImportError as err:
        raise InputError(
            'the simulated tunnel needs causalchamber, which is not installed: run pip install "cdae_jax[chambers]"'
        ) from err
    actuators = pd.DataFrame({name: np.zeros(len(labels)) for name in SCALES})
    actuators[list(graph.names)] = labels.astype(float)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of np.cross in two dimensions
        images = ModelF3(**CAMERA, image_size=resolution).simulate_from_inputs(actuators)
    return np.rint(255 * images).astype(np.uint8)


def make_dataset(data: SimulatedChamber, graph: CausalGraph) -> Dataset:
    """The reference experiment and one for every variable of the graph, as the chamber has them.

    Raises InputError without the package, and for a variable that is none of the five actuators.
    """
    wrong = [name for name in graph.names if name not in SCALES]
    if wrong:
        raise InputError(f"the graph has {wrong[0]!r}: the simulated tunnel has {', '.join(SCALES)}")
    rng, experiments = np.random.default_rng([data.seed, 43]), []
    for target in ("", *graph.names):
        labels = draw_labels(graph, data.experiment_size, target, rng)
        experiments.append((target, render(graph, data.resolution, labels), labels))
    known = {
        "true_counterfactual": functools.partial(true_counterfactual, graph),
        "render": functools.partial(render, graph, data.resolution),
    }
    return of_experiments("light tunnel, simulated", data, graph, experiments, **known)
