"""A trained model as its user meets it: images and physical labels in, images and physical labels out."""

import types
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.counterfactual import algorithm as core
from cdae_jax.counterfactual.readout import Readout, read
from cdae_jax.data.labels import LabelStats
from cdae_jax.data.pixels import to_uint8, to_unit
from cdae_jax.diffusion.bdia import Pair
from cdae_jax.diffusion.grids import time_grid
from cdae_jax.diffusion.process import make_schedule
from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.model.causal_diffae import CausalDiffAE, labels_of
from cdae_jax.settings.checks import (
    TrainedVariable,
    check_context,
    check_do,
    check_images,
    check_labels,
    check_options,
    check_possible,
    check_strength,
    soften,
)
from cdae_jax.settings.run import Settings

OPTIONS = ("num_steps", "guidance", "abduction", "depth", "solver", "spacing", "corrections", "fit_steps")
BATCHES = (1, 8, 64)  # images per compiled call and device: the smallest that holds all, else the largest


class Counterfactuals(NamedTuple):
    """images [B, H, W, C] uint8; labels [B, n] what the model holds true under do, in physical units."""

    images: np.ndarray
    labels: np.ndarray


class TrainedModel:
    """What `cdae_jax.load` returns. Images are [B, H, W, C] uint8 (or one [H, W, C]), labels [B, n] in physical units.

    Attributes:
      settings, model, params, stats, step: what it was made from, and its training step.
      image_shape: (H, W, C).
      graph: the causal graph.
      variables: name, unit and training range of each variable.
      defaults: the options of `counterfactual` but strength and seed, where none are given: those that
        `experiments.frontier` chose, else the config's.
      readout: how a model whose config.sample.action is "direction" reads and sets labels; None for the others.
    """

    def __init__(
        self,
        settings: Settings,
        model: CausalDiffAE,
        params,
        stats: LabelStats,
        image_shape: tuple[int, int, int],
        step: int,
        readout: Readout | None = None,
        defaults: Mapping = types.MappingProxyType({}),
    ):
        self.settings, self.model, self.params, self.stats = settings, model, params, stats
        self.readout = readout
        self.defaults = settings.sampling | dict(defaults)
        self.image_shape, self.step = image_shape, step
        self.graph: CausalGraph = model.graph
        self.variables = tuple(
            TrainedVariable(var.name, var.unit, float(low), float(high))
            for var, low, high in zip(self.graph.variables, stats.low, stats.high, strict=True)
        )
        self.schedule = make_schedule(settings.diffusion.schedule, settings.diffusion.num_steps)
        self._mesh = sharding.make_mesh(devices=jax.local_devices())
        self._invert = jax.jit(core.invert, static_argnames=("model", "solver"))

    def encode(self, images: np.ndarray, *, fit_steps: int | None = None) -> np.ndarray:
        """Labels [B, n] in physical units that are abducted: those whose prior mean is nearest to z.

        fit_steps as for `counterfactual`.
        """
        return self._physical(self.latents_under(images, {}, fit_steps=fit_steps)[1])

    def latents(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exogenous noise u and causal latents z, each [B, n, k]."""
        return self.latents_under(images, {})[:2]

    def predict(self, images: np.ndarray, do: Mapping[str, float | np.ndarray]) -> np.ndarray:
        """Labels [B, n] in physical units that the model holds true under do, without decoding an image.

        Arguments and errors as for `counterfactual`.
        """
        return self._physical(self.latents_under(images, do)[2])

    def set_values(self, images: np.ndarray, do: Mapping, *, fit_steps: int | None = None) -> Mapping:
        """`do` with shifts and scales turned into the values [B] that they mean for each image; see `encode`."""
        if not isinstance(do, Mapping) or not any(isinstance(value, str) for value in do.values()):
            return do
        read = self.encode(images, fit_steps=fit_steps)
        return {
            name: soften(name, value, read[:, self.graph.index(name)], self.graph) if isinstance(value, str) else value
            for name, value in do.items()
        }

    def latents_under(
        self,
        images: np.ndarray,
        do: Mapping,
        *,
        context: int | np.ndarray | None = None,
        fit_steps: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """u, z and z under do, each [B, n, k]; arguments and errors as for `counterfactual`."""
        images = check_images(images, self.image_shape)
        fit_steps = self.options(fit_steps=fit_steps)["fit_steps"]
        values = self.set_values(images, do, fit_steps=fit_steps)
        batch = {
            "image": images,
            "y_do": check_do(values, len(images), self.graph, self.variables, self.stats),
            "context": check_context(context, len(images), self.model.num_classes),
        }

        def act(part, _):
            given = to_unit(part["image"]), part["y_do"], part["context"]
            return core.latents(self.model, self.params, *given, self.readout, fit_steps=fit_steps)

        return self._in_batches(act, batch)

    def reconstruct(self, images: np.ndarray, **options) -> np.ndarray:
        """The images [B, H, W, C] uint8 after encoding and decoding; options as for `counterfactual`."""
        return self.counterfactual(images, {}, **options).images

    def counterfactual(
        self,
        images: np.ndarray,
        do: Mapping[str, float | np.ndarray],
        *,
        context: int | np.ndarray | None = None,
        num_steps: int | None = None,
        guidance: float | None = None,
        strength: float | Mapping[str, float] = 1.0,
        abduction: str | None = None,
        depth: float | None = None,
        solver: str | None = None,
        spacing: str | None = None,
        corrections: int | None = None,
        fit_steps: int | None = None,
        seed: int = 0,
    ) -> Counterfactuals:
        """What the images would look like if the named variables had the given values.

        Args:
          do: variable name -> value in physical units, one for all images or an array [B]; "+2.5" (or "+-2.5") adds to
            the value that the encoder reads from each image, "*1.2" multiplies it.
          context: class of each image (the digit), one or [B]; None if unknown or the model has none.
          num_steps: network evaluations in each direction; None for the default.
          guidance: strength of the condition, 0 none, 1 plain, above 1 amplified; None for the default.
          strength: how much of each change is made: 0 nothing, 1 as asked, in between part of the way to the value
            (on the latent, its effects following), above 1 exaggerated by the decoder; one number for all, or name ->
            number for some of the intervened variables. Unlike guidance it leaves alone what is not changed. Above 1
            it costs one more network evaluation a step for each such variable.
          abduction: "invert" (keeps the image's identity), "restore" (and gives back what the inversion loses, where
            nothing changes), or "noise" (adds fresh noise); None for the default.
          depth: fraction of the diffusion time to which the image is inverted or noised; None for the default, which
            is for inversion, and short for a refiner: with abduction="noise" say how deep.
          solver: "ddim", "dpm_solver" or "bdia" (which loses nothing on the way there and back; see
            `cdae_jax.diffusion.solvers`); None for the default.
          spacing: of the steps over the diffusion time, see `cdae_jax.diffusion.grids`; None for the default.
          corrections: how often the labels are read again from the made image and what is missing is asked for on top,
            where the intervention is on variables without parents alone; None for the default. See
            `cdae_jax.counterfactual.algorithm.missing`.
          fit_steps: by which the labels that the encoder reads are fitted to the image, for a decoder that has a draft;
            None for the default. See `cdae_jax.counterfactual.label_fit.fit`.
          seed: for abduction="noise".

        Raises:
          InputError: unknown variable, value that is no number, wrong images or options. A value outside the
            range seen in training is only warned about.
        """
        images = check_images(images, self.image_shape)
        options = self.options(
            num_steps=num_steps,
            guidance=guidance,
            abduction=abduction,
            depth=depth,
            solver=solver,
            spacing=spacing,
            corrections=corrections,
            fit_steps=fit_steps,
        )
        do = self.set_values(images, do, fit_steps=options["fit_steps"])
        y_do = check_do(do, len(images), self.graph, self.variables, self.stats)
        strengths = check_strength(strength, do, self.graph, self.model.decoder)
        is_of_causes = bool(do) and not any(self.graph.parents[self.graph.index(name)] for name in do)
        corrections = options["corrections"] if is_of_causes else 0  # of the others `missing` is 0
        batch = {
            "image": images,
            "y_do": y_do,
            "context": check_context(context, len(images), self.model.num_classes),
        }

        def run(part, i):
            result = core.counterfactual(
                self.model,
                self.params,
                self.schedule,
                to_unit(part["image"]),
                part["y_do"],
                part["context"],
                jax.random.fold_in(jax.random.key(seed), i),
                self.steps(options),
                self.readout,
                strengths,
                solver=options["solver"],
                guidance=options["guidance"],
                abduction=options["abduction"],
                corrections=corrections,
                fit_steps=options["fit_steps"],
            )
            return to_uint8(result.x), result.z_cf

        made, z_cf = self._in_batches(run, batch)
        return Counterfactuals(made, self._physical(z_cf))

    def noise(self, images: np.ndarray, *, context: int | np.ndarray | None = None, **options) -> np.ndarray:
        """x_T [B, H, W, C], what z does not explain, see `cdae_jax.counterfactual.algorithm.invert`.

        num_steps, depth, solver, spacing and fit_steps as for `counterfactual`.
        """
        images = check_images(images, self.image_shape)
        options = self.options(**options)
        batch = {"image": images, "context": check_context(context, len(images), self.model.num_classes)}

        def run(part, _):
            x = to_unit(part["image"])
            none = jnp.full((len(x), len(self.graph)), jnp.nan)
            given = x, none, part["context"]
            _, z, _ = core.latents(self.model, self.params, *given, fit_steps=options["fit_steps"])
            found = self._invert(
                self.model, self.params, self.schedule, x, z, part["context"], self.steps(options), options["solver"]
            )
            return found.x_T if isinstance(found, Pair) else found

        return self._in_batches(run, batch)

    def sample(
        self,
        labels_or_num: int | np.ndarray,
        *,
        context: int | np.ndarray | None = None,
        num_steps: int | None = None,
        guidance: float | None = None,
        seed: int = 0,
    ) -> Counterfactuals:
        """New images with the given labels [B, n], or a number of them with labels from the causal model.

        For a number, each variable's own noise is drawn from what the training labels imply for it, independently
        of the others, and propagated through the mechanisms.

        Raises:
          InputError: bad labels or options, or a model whose latents follow no labels (config.sample.action).
        """
        if self.readout is not None:
            raise InputError("the latents of this model follow no labels (config.sample.action is 'direction')")
        if isinstance(labels_or_num, (int, np.integer)):
            if labels_or_num < 1:
                raise InputError(f"the number of samples is {labels_or_num}: expected at least 1")
            z = self._draw_z(int(labels_or_num), seed)
        else:
            labels = check_labels(labels_or_num, self.graph)
            z, _ = self.model.apply(self.params, jnp.asarray(self.stats.standardise(labels)), method="prior_of")
        options = self.options(num_steps=num_steps, guidance=guidance)
        if self.model.decoder != "refiner" or options["guidance"] < 1:
            options["depth"] = 1.0
        batch = {"z": np.asarray(z), "context": check_context(context, len(z), self.model.num_classes)}

        def run(part, i):
            x = core.sample(
                self.model,
                self.params,
                self.schedule,
                part["z"],
                part["context"],
                jax.random.fold_in(jax.random.key(seed), i),
                self.steps(options),
                shape=self.image_shape,
                solver=options["solver"],
                guidance=options["guidance"],
            )
            return to_uint8(x)

        return Counterfactuals(self._in_batches(run, batch), self._physical(np.asarray(z)))

    def options(self, **given) -> dict:
        """The options of `counterfactual` but strength and seed: the given ones, the defaults for None or none.

        Raises:
          InputError: an option that cannot work.
        """
        options = self.defaults | {name: value for name, value in given.items() if value is not None}
        check_options(**options, total_steps=self.schedule.num_steps)
        options["spacing"] = self.settings.spacing(options["spacing"], options["solver"])
        action = "mechanisms" if self.readout is None else "direction"
        check_possible(options, self.model.decoder, action, self.settings.train.condition_drop)
        return options

    def steps(self, options: dict) -> jax.Array:
        """The diffusion steps [N] that `options` visit."""
        return jnp.asarray(time_grid(self.schedule, options["num_steps"], options["depth"], options["spacing"]))

    def _draw_z(self, num: int, seed: int):
        if not len(self.stats.rows):
            raise InputError("no training image has a label of every variable: give sample() the labels to draw")
        rng = np.random.default_rng(seed)
        y = jnp.asarray(self.stats.standardise(self.stats.rows))
        prior_mean, _ = self.model.apply(self.params, y, method="prior_of")
        u = np.asarray(self.model.apply(self.params, prior_mean, method="abduct"))
        drawn = np.stack([u[rng.integers(len(u), size=num), i] for i in range(u.shape[1])], axis=1)
        return self.model.apply(self.params, jnp.asarray(drawn), method="propagate")

    def labels_of(self, z: jax.Array) -> jax.Array:
        """Standardised labels [B, n] of latents z [B, n, k]."""
        return labels_of(self.model, self.params, z) if self.readout is None else read(self.readout, z)

    def _physical(self, z: np.ndarray) -> np.ndarray:
        return self.stats.physical(np.asarray(self.labels_of(jnp.asarray(z))))

    def _in_batches(self, function, arrays: dict[str, np.ndarray]):
        """Applies a function of (batch, its index) to any number of rows; the last batch is padded to compile once."""
        num = len(next(iter(arrays.values())))
        devices = self._mesh.size
        size = next((size for size in BATCHES if size * devices >= num), BATCHES[-1]) * devices
        parts = []
        for start in range(0, num, size):
            part = {name: value[start : start + size] for name, value in arrays.items()}
            missing = size - len(next(iter(part.values())))
            part = {name: np.concatenate([value, np.repeat(value[-1:], missing, 0)]) for name, value in part.items()}
            parts.append(function(sharding.to_devices(part, self._mesh), start // size))
        return jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves])[:num], *parts)
