"""Draws of counterfactuals: the same image under other readings and mechanisms that are as plausible (`uncertainty`).

Abduction, action and prediction work as without draws; a draw hands them other known labels, and other parameters of
the mechanisms. Draws stand in for models trained from other seeds, which would cost a training each. Such models differ
in how they read an image, which the errors on validation images measure, and in their mechanisms, which are refitted
here from other initial weights and rows. Draws do not stand in for another decoder, which makes other images of the
same latents.
"""

from collections.abc import Iterator, Mapping

import jax.numpy as jnp
import numpy as np

from cdae_jax.counterfactual.uncertainty import Uncertainty, draw_labels, features_of, is_class
from cdae_jax.data.labels import as_classes
from cdae_jax.errors import InputError
from cdae_jax.inference import checks
from cdae_jax.model.network import Network


def check_draws(draws, uncertainty: Uncertainty | None, fit_steps: int) -> None:
    """Raises InputError unless draws is a whole number of at least 2 and the model is calibrated, for readings with
    these fit_steps."""
    if isinstance(draws, bool) or not isinstance(draws, (int, np.integer)) or draws < 2:
        raise InputError(f"draws is {draws!r}: expected a whole number of at least 2, or None for no draws")
    if uncertainty is None:
        raise InputError(
            "draws were asked of a model that was not calibrated: run cdae calibrate --workdir=... or"
            " cdae_jax.calibrate(model) first, which take the workdir that it was trained in"
        )
    if uncertainty.fit_steps != fit_steps:
        raise InputError(
            f"draws were asked with fit_steps {fit_steps}, and this model was calibrated with {uncertainty.fit_steps}:"
            " leave fit_steps out, or run cdae calibrate again"
        )


def features_and_read(model, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The features [B, F] of a model's reading, and the labels that it reads [B, n], from latents z [B, n, k] that it
    abducted; numbers standardised and classes as codes."""
    y = np.asarray(model.labels_of(jnp.asarray(z)))
    features = features_of(y, z, np.asarray(model.network.codes(jnp.asarray(y))))
    return features, np.where(is_class(model.graph), as_classes(model.graph, model.stats.physical(y)), y)


def worlds(model, batch: Mapping, z: np.ndarray, do: Mapping, num: int, seed: int) -> Iterator[tuple[Network, dict]]:
    """The network and the batch of each draw: mechanisms of a member, and the factual labels y [B, n] that may be true.

    The batch is what is asked of a model, and z [B, n, k] the latents that it abducts. Known labels in its y stay; a
    class that is drawn as it is read is left to the encoder (NaN). A change in do, "+20", starts from the drawn label.
    """
    features, read = features_and_read(model, z)
    known = batch["y"]
    graph, stats, params = model.graph, model.stats, model.network.params
    for k in range(num):
        drawn = draw_labels(model.uncertainty.reading, read, features, graph, np.random.default_rng([seed, k]))
        codes = np.where(is_class(graph), stats.standardise(drawn), drawn)
        y = np.where(is_class(graph) & (drawn == read), np.nan, codes)
        y = np.where(np.isfinite(known), known, y).astype(np.float32)
        physical, y_do = stats.physical(np.where(np.isfinite(y), y, stats.standardise(read))), batch["y_do"].copy()
        for name, value in do.items():
            if checks.is_change(name, value, graph):
                i = graph.index(name)
                y_do[:, i] = (checks.soften(name, value, physical[:, i]) - stats.mean[i]) / stats.sd[i]
        scm = params["params"]["scm"] | model.uncertainty.member(k) if "scm" in params["params"] else {}
        net = model.network.replace(params={"params": params["params"] | ({"scm": scm} if scm else {})})
        yield net, {**batch, "y": y, "y_do": y_do}


class Deviation:
    """The standard deviation over repeated batches of images [B, H, W, C], one by one (Welford's algorithm)."""

    def __init__(self):
        self.num, self.mean, self.squares = 0, np.float32(0), np.float32(0)

    def add(self, images: np.ndarray) -> None:
        self.num += 1
        gap = images.astype(np.float32) - self.mean
        self.mean = self.mean + gap / np.float32(self.num)
        self.squares = self.squares + gap * (images - self.mean)

    @property
    def sd(self) -> np.ndarray:
        """[B, H, W, C] float32, in grey levels."""
        return np.sqrt(np.maximum(self.squares, 0) / np.float32(self.num - 1)).astype(np.float32)
