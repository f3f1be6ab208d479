"""The flags of commands that are given the user's own images, labels and graph."""

import ast
import typing

from absl import flags

from cdae_jax.commands import config, define
from cdae_jax.data.settings import Custom
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings

IMAGES = define.path("images", None, "Your images: a folder, an .npz or .npy file, or tfds:name@split.")
LABELS = define.path("labels", None, "Their table: a row an image, a column a variable; CSV, .xlsx, .parquet.")
GRAPH = define.path("graph", None, "The causal graph of these variables: JSON, DOT, dagitty, GML, or a table.")
FIT = flags.DEFINE_enum("fit", None, ["crop", "pad", "stretch"], "How images become square.")
RESOLUTION = flags.DEFINE_integer("resolution", None, "Height and width to train at.", lower_bound=1)
TEXTS = {f"data.{name}" for name, kind in typing.get_type_hints(Custom).items() if kind is str}
SET = flags.DEFINE_multi_string("set", [], "Any other section.field=value of the config; repeat it for more.")


def given() -> bool:
    """Whether any of these flags is given."""
    return any(flag.value for flag in (IMAGES, LABELS, GRAPH, FIT, RESOLUTION, SET))


def changes() -> dict[str, object]:
    """ "section.field" -> value, of --fit, --resolution and --set. Raises InputError for what is no field=value."""
    found = {"data.fit": FIT.value, "data.resolution": RESOLUTION.value}
    found = {name: value for name, value in found.items() if value is not None}
    for item in SET.value:
        name, equals, text = (part.strip() for part in item.partition("="))
        if not equals or "." not in name:
            raise InputError(f"--set is {item!r}: expected section.field=value, such as train.batch_size=8")
        if name in found:
            raise InputError(f"{name} is set twice: say it once")
        found[name] = text if name in TEXTS else _value(text)
    return found


def _value(text: str) -> object:
    """A number, a bool, a tuple, or text that is none of them."""
    try:
        return ast.literal_eval(text.capitalize() if text in ("true", "false") else text)
    except (SyntaxError, ValueError):
        return text


def settings() -> Settings:
    """Of a run on these images.

    Raises:
      InputError: images, labels or graph are missing, the graph cannot be read, or no run can have the changes.
    """
    if not (IMAGES.value and LABELS.value and GRAPH.value):
        raise InputError("expected all of --images, --labels and --graph")
    found = config.own_config(f"cpu,{GRAPH.value}")
    for name, value in {"data.images": IMAGES.value, "data.labels": LABELS.value, **changes()}.items():
        try:
            found.update_from_flattened_dict({name: value})
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise InputError(f"{name} is set to {value!r}, which no run can have: {err}") from err
    return Settings.from_dict(found.to_dict()).resolved()
