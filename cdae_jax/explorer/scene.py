"""What the page asks of a model: a scene, its counterfactual, a sweep. No page, no server here."""

import io
import math
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image

from cdae_jax.data.dataset import Dataset
from cdae_jax.data.framing import framed
from cdae_jax.data.image_files import READ_ERRORS
from cdae_jax.data.labels import shown
from cdae_jax.errors import InputError
from cdae_jax.evaluation.interventions import labels_under
from cdae_jax.inference.checks import FAR
from cdae_jax.inference.support import warning
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.plots.pictures import signed_difference

FORMATS = ("PNG", "JPEG")
MAX_UPLOAD_MIB = 5
MAX_SIDE = 4096  # pixels of an upload
SWEEP = 8  # images of a sweep
DRAWS = 32  # of labels, which decode nothing


class Scene(NamedTuple):
    """The image that is asked about."""

    image: np.ndarray  # [H, W, C] uint8
    labels: np.ndarray | None  # [n] true ones in the dataset's order, None for an upload or a sample
    context: int | None  # the image's class, None if unknown
    title: str  # where it comes from


class Answer(NamedTuple):
    """What is shown of a counterfactual; images [H, W, C] uint8, labels [n] the model's in physical units."""

    image: np.ndarray
    true: np.ndarray | None  # the rendered true counterfactual
    change: np.ndarray  # signed difference to the factual image
    before: np.ndarray
    after: np.ndarray
    notes: list[str]  # sentences for the user
    sure: str = ""  # how sure the labels are, where the model was calibrated


def scene_of_test_image(dataset: Dataset, row: int) -> Scene:
    """The row-th test image."""
    test = dataset.test
    context = None if test.context is None else int(test.context[row])
    return Scene(test.images[row], test.labels[row], context, f"test image {row}")


def sampled_scene(model: TrainedModel, seed: int) -> Scene:
    """A new image with labels from the causal model."""
    return Scene(model.sample(1, seed=seed).images[0], None, None, f"sampled with seed {seed}")


def uploaded_scene(model: TrainedModel, data: bytes) -> Scene:
    """The image of an uploaded file, treated as training images were. Nothing of it is stored or run. Raises InputError
    if it is too large, no PNG or JPEG, or damaged."""
    if len(data) > MAX_UPLOAD_MIB * 2**20:
        raise InputError(f"the file has {len(data) / 2**20:.1f} MiB: upload one of at most {MAX_UPLOAD_MIB} MiB")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if max(opened.size) > MAX_SIDE:
                raise InputError(f"the image is {opened.size[0]} x {opened.size[1]}: upload at most {MAX_SIDE} a side")
            image = framed(opened, model.framing)
    except InputError:
        raise
    except READ_ERRORS as err:
        raise InputError(f"the file is no readable {' or '.join(FORMATS)} image: upload one that is") from err
    return Scene(image, None, None, "your image")


def read_labels(model: TrainedModel, scene: Scene) -> np.ndarray:
    """The labels [n] that the model reads from the scene, physical; a class is a whole number."""
    return model.encode(scene.image, context=scene.context)[0]


def outside_notes(model: TrainedModel, do: dict[str, float]) -> list[str]:
    """A sentence for every value outside the range seen in training."""
    notes = []
    for name, value in do.items():
        var = model.variables[model.graph.index(name)]
        if not var.low <= value <= var.high:
            low, high, at = (shown(number, var.low, var.high) for number in (var.low, var.high, value))
            seen = f"{low} to {high} {var.unit}".rstrip()
            notes.append(f"{name} = {at} lies outside the range seen in training, {seen}: expect a poor image.")
    return notes


def answer(model: TrainedModel, dataset: Dataset | None, scene: Scene, do: dict[str, float], **options) -> Answer:
    """The counterfactual of a scene; options as for `TrainedModel.counterfactual`. Raises InputError as it does."""
    with warnings.catch_warnings(action="ignore"):  # `outside_notes` says more, and to whom it concerns
        made = model.counterfactual(scene.image, model.graph.spelled(do), context=scene.context, **options)
    images, after = made
    true = None
    if scene.labels is not None and dataset is not None and dataset.render and dataset.true_counterfactual:
        labels = labels_under(dataset, scene.labels[None], do, options.get("strength", 1.0))
        true = None if np.isnan(labels).any() else dataset.render(labels)[0]
    change = signed_difference(images, scene.image[None])[0]
    before, after = read_labels(model, scene), after[0]
    notes = outside_notes(model, do)
    far = warning(made.support) if do and not notes else None
    notes += [f"{far[0].upper()}{far[1:]}."] if far else []
    is_known = model.uncertainty is not None and options.get("strength", 1) == 1
    sure = sureness(model, scene, do) if is_known else ""
    return Answer(images[0], true, change, before, after, notes, sure)


def sureness(model: TrainedModel, scene: Scene, do: dict[str, float]) -> str:
    """A sentence with each label under do and its 5..95 % interval."""
    with warnings.catch_warnings(action="ignore"):
        asked = {"context": scene.context, "draws": DRAWS}
        labels, spread = model.predict(scene.image, model.graph.spelled(do), **asked)
    told = zip(model.graph.names, spread.told(model.graph, labels)[0], strict=True)
    return "How sure (5..95 %): " + ", ".join(f"{name} {text}" for name, text in told) + "."


def slider_of(model: TrainedModel, name: str) -> tuple[float, float, float]:
    """Where a slider starts and ends (the training range and a tenth of it on either side), and its step: a round
    number of about a thousandth of the range."""
    var = model.variables[model.graph.index(name)]
    margin = FAR * (var.high - var.low)
    low, high = var.low - margin, var.high + margin
    step = 10.0 ** -(2 - math.floor(math.log10(high - low)))
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def on_slider(model: TrainedModel, name: str, value: float) -> float:
    """The position of a slider that is nearest to a value."""
    low, high, step = slider_of(model, name)
    return float(shown(np.clip(round(value / step) * step, low, high), low, high, 6))


def sweep(model: TrainedModel, scene: Scene, name: str, do: dict[str, float], **options) -> tuple[np.ndarray, ...]:
    """Images [SWEEP, H, W, C] under do(name = values across its training range) beside the other interventions of `do`,
    and the values [SWEEP]."""
    i = model.graph.index(name)
    var, classes = model.variables[i], model.graph.variables[i].classes
    values = np.arange(SWEEP) % classes if classes else np.linspace(var.low, var.high, SWEEP)
    images = np.repeat(scene.image[None], SWEEP, 0)
    do = model.graph.spelled({**do, name: values})
    made = model.counterfactual(images, do, context=scene.context, **options)
    return made.images, values
