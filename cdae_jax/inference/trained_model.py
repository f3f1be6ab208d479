"""A trained model as its user meets it: images and physical labels in, images and physical labels out."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.counterfactual.readout import Readout, read
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.counterfactual.uncertainty import Uncertainty, spread_of
from cdae_jax.data.framing import Framing, framing_of
from cdae_jax.data.images import prepare
from cdae_jax.data.labels import LabelStats, as_classes
from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.graph import did_you_mean
from cdae_jax.inference import checks, decoding
from cdae_jax.inference.answers import Believed, Counterfactuals
from cdae_jax.inference.draws import Deviation, check_draws, worlds
from cdae_jax.inference.support import TrainingLabels
from cdae_jax.model.causal_diffae import CausalDiffAE
from cdae_jax.model.network import Network
from cdae_jax.settings.run import Settings

Labels = np.ndarray | Mapping | None  # what is known of images, see `TrainedModel.counterfactual`
Context = int | np.ndarray | None  # class of each image (the digit), one or [B]; None if unknown or the model has none


@dataclasses.dataclass(eq=False, repr=False)
class TrainedModel:
    """What `cdae_jax.load` returns. Images out are [B, H, W, C] uint8, labels [B, n] in physical units, and codes
    0, 1, ... of classes.

    Images in may be one or many, of the size that the model was trained on (others: `prepare`): arrays [B, H, W, C]
    or [H, W, C], of gray images also [B, H, W] and [H, W], of uint8, bool, uint16, or floats from 0 to 1; PIL images;
    lists of these; or what `counterfactual` and `sample` return. Gray ones become RGB by repetition, RGB ones gray by
    their luminance; through transparency comes the background of training.

    It also has the causal `graph`, name, unit and training range of each of its `variables`, and the `network`, model
    and params with the diffusion process, for whoever needs the equations.
    """

    settings: Settings
    model: CausalDiffAE
    params: dict
    stats: LabelStats
    image_shape: tuple[int, int, int]
    step: int  # of training
    readout: Readout | None = None  # where latents follow no labels (config.train.gamma 0), how to read and set them
    defaults: Sampling | None = None  # where no options are given: what `frontier` chose, else the config's
    workdir: pathlib.Path | None = None  # it was loaded from; None if from a file
    uncertainty: Uncertainty | None = None  # what `draws` draw from; None before cdae calibrate

    def __post_init__(self):
        self.graph, self.defaults = self.model.graph, self.defaults or self.settings.sampling
        self.variables = tuple(
            checks.TrainedVariable(var.name, var.unit, float(low), float(high), var.words)
            for var, low, high in zip(self.graph.variables, self.stats.low, self.stats.high, strict=True)
        )
        self.network = Network(self.model, self.params, self.settings.make_schedule())
        self.mesh = sharding.make_mesh(devices=jax.local_devices())

    @functools.cached_property
    def training_labels(self) -> TrainingLabels:
        """The training labels that `support` is measured against."""
        return TrainingLabels(self.stats.rows if self.stats.seen is None else self.stats.seen, self.graph)

    @property
    def framing(self) -> Framing:
        """How images of any size become the model's, see `prepare`."""
        return framing_of(self.settings.data, self.image_shape[-1])

    def prepare(self, images) -> np.ndarray:
        """Images of any size as the model takes them, [B, H, W, C] uint8: cropped (or padded, or stretched) and resized
        as its training images were. Takes what every other method takes, or the path of a folder (in natural order), of
        an image, of an .npz or .npy file, or a list of paths. Raises an InputError that names what is no image or
        cannot be read."""
        return prepare(images, self.framing)

    def encode(
        self, images: np.ndarray, *, labels: Labels = None, context: Context = None, fit_steps: int | None = None
    ) -> np.ndarray:
        """Labels [B, n] in physical units whose prior mean is nearest to the abducted z; labels that are known, as for
        `counterfactual`, stay; context likewise, fit_steps as in `Sampling`."""
        return self._physical(self.latents_under(images, {}, labels=labels, context=context, fit_steps=fit_steps)[1])

    def latents(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exogenous noise u and causal latents z, each [B, n, k]."""
        return self.latents_under(images, {})[:2]

    def predict(
        self,
        images: np.ndarray,
        do: Mapping,
        *,
        labels: Labels = None,
        context: Context = None,
        draws: int | None = None,
        seed: int = 0,
    ) -> np.ndarray | Believed:
        """Labels [B, n] in physical units that the model holds true under do, without decoding an image; with draws
        their spread too. Arguments and errors as for `counterfactual`."""
        fit_steps = self.defaults.fit_steps
        if draws is not None:
            check_draws(draws, self.uncertainty, fit_steps)
        batch = self._asked(images, do, context, labels, fit_steps)
        told = self._physical(decoding.latents(self, self.network, batch, fit_steps)[2])
        if draws is None:
            return told
        drawn = self._worlds(batch, do, fit_steps, draws, seed)
        found = [self._physical(decoding.latents(self, net, given, 0)[2]) for net, given in drawn]
        return Believed(told, spread_of(np.stack(found), told, self.graph))

    def set_values(self, images: np.ndarray, do: Mapping, **known) -> Mapping:
        """`do` with shifts and scales turned into the values [B] that they mean for each image; known as for
        `encode`."""
        changes = do.items() if isinstance(do, Mapping) else ()
        changes = {name: value for name, value in changes if checks.is_change(name, value, self.graph)}
        if not changes:
            return do
        factual = self.encode(images, **known)
        columns = {name: factual[:, self.graph.index(name)] for name in changes}
        return {**do, **{name: checks.soften(name, value, columns[name]) for name, value in changes.items()}}

    def latents_under(
        self,
        images: np.ndarray,
        do: Mapping,
        *,
        labels: Labels = None,
        context: Context = None,
        strength: float | Mapping[str, float] = 1.0,
        fit_steps: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """u, z and z under do, each [B, n, k]; arguments and errors as for `counterfactual`."""
        fit_steps = self.options(fit_steps=fit_steps).fit_steps
        batch = self._asked(images, do, context, labels, fit_steps)
        strengths = checks.check_strength(strength, do, self.graph)
        return decoding.latents(self, self.network, batch, fit_steps, strengths)

    def reconstruct(self, images: np.ndarray, **options) -> np.ndarray:
        """The images [B, H, W, C] uint8 after encoding and decoding; options as for `counterfactual`."""
        return self.counterfactual(images, {}, **options).images

    def counterfactual(
        self,
        images: np.ndarray,
        do: Mapping[str, float | np.ndarray | str],
        *,
        labels: Labels = None,
        context: Context = None,
        strength: float | Mapping[str, float] = 1.0,
        seed: int = 0,
        draws: int | None = None,
        options: Sampling | None = None,
        **fields,
    ) -> Counterfactuals:
        """What the images would look like if the named variables had the given values.

        Args:
          do: variable name -> value in physical units, one for all images or an array [B], a class as the table of
            labels spells it ("cat"); "+2.5" (or "+-2.5") adds to the factual value of each image (given in labels, else
            as the encoder reads it), "*1.2" multiplies it.
          labels: what is known of the images, in physical units: an array [B, n] (or one row [n]) in the graph's order
            with NaN where a label is unknown, or name -> value(s), as a mapping or a DataFrame of one row per image.
            The noise u is abducted from these, from the encoder's reading where they are unknown (`algorithm.abduct`).
          context: class of each image (the digit), one or [B]; None if unknown or the model has none.
          strength: how much of each change is made, from 0, nothing, to 1, as asked: in between it is the latent that
            goes part of the way to the value, its effects following; one number for all, or name -> number for some of
            the intervened variables. Unlike guidance it leaves alone what is not changed.
          seed: for abduction="noise" and draws; a whole number from 0 to 2**32 - 1.
          draws: how many alternatives to make, with labels that the model may have misread and mechanisms that the
            training labels allow as well (`draws.worlds`), to say how sure it is: the answer then has `spread` and
            `image_sd` too. At least 2; each costs as much as the counterfactual. None for none.
          options: how to decode; None for `defaults`.
          fields: fields of `Sampling` (num_steps, guidance, abduction, depth, solver, corrections, fit_steps) to change
            in these options, None for no change.

        Raises InputError for an unknown variable, a value that is no number, wrong images or options, and draws of a
        model that was not calibrated. A value outside the range seen in training is only warned about.
        """
        sampling = self.options(options, **fields)
        if sampling.abduction == "noise":
            checks.warn_if_noise_stays(self.model, self.image_shape[-1])
        if draws is not None:
            check_draws(draws, self.uncertainty, sampling.fit_steps)
        seed, batch = checks.check_seed(seed), self._asked(images, do, context, labels, sampling.fit_steps)
        strengths = checks.check_strength(strength, do, self.graph)
        is_corrected = do and not any(self.graph.parents[self.graph.index(name)] for name in do)  # see `repairs`
        how = strengths, sampling.corrections if is_corrected else 0, seed
        made, u, z_cf = decoding.counterfactuals(self, self.network, batch, sampling, *how)
        told = Counterfactuals(made, self._physical(z_cf))
        told.u, told.z = u, z_cf
        told.support = self.training_labels.support(told.labels)
        if draws is None:
            return told
        again, deviation, found = dataclasses.replace(sampling, fit_steps=0), Deviation(), []
        for net, given in self._worlds(batch, do, sampling.fit_steps, draws, seed):
            made, _, z_cf = decoding.counterfactuals(self, net, given, again, *how)
            deviation.add(made)
            found.append(self._physical(z_cf))
        told.spread, told.image_sd = spread_of(np.stack(found), told.labels, self.graph), deviation.sd
        return told

    def noise(self, images: np.ndarray, *, labels: Labels = None, context: Context = None, **fields) -> np.ndarray:
        """x_T [B, H, W, C], what z does not explain, see `algorithm.invert`; fields as for `counterfactual`."""
        sampling = self.options(**fields)
        if not self.model.decoder.diffuses:
            raise InputError(
                f"there is no noise to find: the {self.model.decoder.name} decoder makes images of z alone"
            )
        return decoding.noise(self, self._asked(images, {}, context, labels, sampling.fit_steps), sampling)

    def style(self, images: np.ndarray, *, labels: Labels = None, fit_steps: int | None = None) -> np.ndarray:
        """Style [B, m], what the draft draws beside the labels; m is 0 without style. Arguments as for `encode`."""
        fit_steps = self.options(fit_steps=fit_steps).fit_steps
        batch = self._asked(images, {}, None, labels, fit_steps)
        if not self.model.style_dim:
            return np.zeros((len(batch["x"]), 0), np.float32)
        return decoding.style(self, batch, fit_steps)

    def sample(
        self,
        labels_or_num: int | np.ndarray,
        *,
        context: Context = None,
        num_steps: int | None = None,
        guidance: float | None = None,
        seed: int = 0,
    ) -> Counterfactuals:
        """New images with the given labels [B, n], or a number of them with labels from the causal model.

        For a number, each variable's own noise is drawn from what the training labels imply for it, independently
        of the others, and propagated through the mechanisms; effects that are classes are drawn given their causes.
        Raises InputError for bad labels or options, or a model whose latents follow no labels. Warns where the UNet is
        too narrow for its patches to make images of fresh noise.
        """
        if self.readout is not None:
            raise InputError("the latents of this model follow no labels (config.train.gamma is 0)")
        seed = checks.check_seed(seed)
        if isinstance(labels_or_num, (int, np.integer)):
            if labels_or_num < 1:
                raise InputError(f"the number of samples is {labels_or_num}: expected at least 1")
            z = decoding.drawn_latents(self, int(labels_or_num), seed)
        else:
            labels = checks.check_labels(labels_or_num, self.graph)
            for var, column in zip(self.variables, labels.T, strict=True):
                checks.warn_if_outside(f"the {var.name} to draw", column, var.low, var.high, var.unit)
            z = self.network.codes(jnp.asarray(self.stats.standardise(labels)))
        sampling = self.options(num_steps=num_steps, guidance=guidance)
        checks.warn_if_noise_stays(self.model, self.image_shape[-1])
        if not self.model.decoder.has_draft:
            sampling = dataclasses.replace(sampling, depth=1.0)
        z, context = np.asarray(z), checks.check_context(context, len(z), self.model.num_classes)
        return Counterfactuals(decoding.samples(self, z, context, sampling, seed), self._physical(z))

    def options(self, options: Sampling | None = None, **fields) -> Sampling:
        """`options`, or the defaults, with these fields changed where not None, and depth 0 resolved. Raises InputError
        for a name that is no option, or a value that this model cannot follow."""
        known = [field.name for field in dataclasses.fields(Sampling)]
        for name in fields:
            if name not in known:
                raise InputError(f"{name} is no option: expected some of {', '.join(known)}{did_you_mean(name, known)}")
        if options is not None and not isinstance(options, Sampling):
            raise InputError(f"options is {options!r}: expected a Sampling, or None and fields by name: num_steps=5")
        changed = {name: value for name, value in fields.items() if value is not None}
        sampling = dataclasses.replace(options or self.defaults, **changed)
        sampling = sampling.resolved(self.model.prediction)
        sampling.check(self.network.schedule.num_steps)
        sampling.check_for(self.model.decoder, self.settings.train.condition_drop, self.readout is None)
        return sampling

    def steps(self, sampling: Sampling) -> jax.Array:
        """The diffusion steps [N] that such options visit."""
        return jnp.asarray(self.settings.steps(self.network.schedule, sampling))

    def _asked(self, images, do: Mapping, context, labels, fit_steps: int) -> dict[str, np.ndarray]:
        """What the compiled functions take: checked images, standardised do and labels, NaN where unknown, classes."""
        images = checks.check_images(images, self.framing)
        num = len(images)
        known = np.full((num, len(self.graph)), np.nan, np.float32) if labels is None else labels
        values = self.set_values(images, do, labels=labels, context=context, fit_steps=fit_steps)
        return {
            "x": images,
            "y_do": checks.check_do(values, num, self.graph, self.stats),
            "context": checks.check_context(context, num, self.model.num_classes),
            "y": checks.check_known(known, num, self.graph, self.stats),
        }

    def _worlds(self, batch: dict, do: Mapping, fit_steps: int, draws: int, seed: int):
        """Network and batch of each draw, see `draws.worlds`."""
        seed = checks.check_seed(seed)
        _, z, _ = decoding.latents(self, self.network, batch, fit_steps)
        return worlds(self, batch, z, do, draws, seed)

    def labels_of(self, z: jax.Array) -> jax.Array:
        """Standardised labels [B, n] of latents z [B, n, k]."""
        return self.network.labels_of(z) if self.readout is None else read(self.readout, z)

    def _physical(self, z: np.ndarray) -> np.ndarray:
        return as_classes(self.graph, self.stats.physical(np.asarray(self.labels_of(jnp.asarray(z)))))
