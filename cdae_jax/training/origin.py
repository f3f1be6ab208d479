"""Starting a run from the averaged weights of another model."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings


class Weights(NamedTuple):
    """A trained model as far as another run can start from it; `digest` is a hash of the parameters."""

    settings: Settings
    params: dict
    image_shape: tuple[int, int, int]
    num_classes: int
    digest: str


class Origin(NamedTuple):
    """Where weights come from, as the user named it, and how to read them; `inference.loading.origin` makes one."""

    source: str
    read: Callable[[], Weights]


def check_fits(weights: Weights, source: str, settings: Settings, image_shape, num_classes: int, shapes) -> None:
    """Raises InputError, naming the first difference, unless a run of these settings can start from the weights;
    image_shape (H, W, C), num_classes and shapes (of the parameters, of `jax.eval_shape`) are the run's."""
    for name, there, here in _compared(weights, settings, image_shape, num_classes, shapes):
        if there != here:
            raise InputError(
                f"--init_from is {source}, whose {name} is {there!r}, and this run's is {here!r}: start from a model of"
                " the same architecture"
            )


def _compared(weights: Weights, settings: Settings, image_shape, num_classes: int, shapes):
    """(what, there, here) of everything that has to be the same."""
    there, here = weights.settings.to_dict(), settings.to_dict()
    for section in ("model", "diffusion"):
        for name, value in there[section].items():
            yield f"config.{section}.{name}", value, here[section][name]
    yield "image shape", tuple(weights.image_shape), tuple(image_shape)
    yield "number of context classes", weights.num_classes, num_classes
    old, new = weights.settings.graph.names, settings.graph.names
    yield "number of variables", len(old), len(new)
    if sorted(old) == sorted(new):
        yield "order of variables", ", ".join(old), ", ".join(new)
    paths = [
        {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}
        for leaves in (jax.tree_util.tree_leaves_with_path(tree) for tree in (weights.params, shapes))
    ]
    is_fitted = settings.train.mechanisms == "labels"  # the mechanisms are not taken over
    for path in sorted(path for path in paths[0] | paths[1] if not (is_fitted and path.startswith("params/scm/"))):
        yield f"shape of {path}", paths[0].get(path), paths[1].get(path)
