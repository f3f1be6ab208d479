"""A page in the browser that asks "what would it look like if".

Needs pip install "cdae_jax[app]". It serves this machine alone unless --host says otherwise.

cdae explore --workdir=runs/pendulum
cdae explore --workdir=pendulum          a model that comes with the package
"""

import importlib.util

from absl import flags

from cdae_jax.commands import define
from cdae_jax.errors import InputError

WORKDIR = define.path("workdir", None, "Folder of a trained model, an exported file, or a model's name.")
HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to serve; 0.0.0.0 for every machine that reaches this one.")
PORT = flags.DEFINE_integer("port", 7860, "Port to serve.", lower_bound=1, upper_bound=65535)
DATA = flags.DEFINE_bool("data", True, "Offer the test images; without, only samples and uploads.")
flags.mark_flag_as_required("workdir")


def main() -> None:
    if importlib.util.find_spec("gradio") is None:
        raise InputError('the page needs Gradio: run pip install "cdae_jax[app]"')
    from cdae_jax.explorer import page as app

    app.explore(WORKDIR.value, HOST.value, PORT.value, with_data=DATA.value)
