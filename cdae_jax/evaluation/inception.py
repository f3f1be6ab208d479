"""Inception features for the Frechet distance (Heusel et al., arXiv 1706.08500), from a weights file of the user's.

The network is Keras's Inception v3 without its top, on JAX: 2,048 averages of the last feature maps, from images
resized to 299 x 299 and scaled to -1..1. With the ImageNet weights that Keras publishes, distances are of the usual
kind but do not equal those of the TensorFlow network of 2015, whose weights Keras does not read.
"""

import functools
import hashlib
import os
import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.distributed.chunks import in_chunks
from cdae_jax.errors import InputError
from cdae_jax.paths import expanded

NAME = "average pool of Inception v3 (Keras)"
SIDE, BATCH = 299, 16


def weights_digest(weights: str | pathlib.Path) -> str:
    """A hash of a weights file. Raises InputError if there is none."""
    path = expanded(weights)
    if not path.is_file():
        raise InputError(f"there is no weights file {str(path)!r}: give Keras's Inception v3 without top, an .h5 file")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def inception_features(weights: str | pathlib.Path) -> Callable[[np.ndarray], np.ndarray]:
    """A function from images [N, H, W, C] uint8, C 1 or 3, to features [N, 2048] float32.

    The weights are those of `keras.applications.InceptionV3(include_top=False)`, .h5 or .weights.h5. Raises InputError
    if Keras is not installed or runs on something else than JAX, for no such file, or other weights.
    """
    weights_digest(weights)
    os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        import keras
    except ImportError as err:
        raise InputError('Inception features need Keras: pip install -e ".[inception]"') from err
    if keras.backend.backend() != "jax":
        raise InputError(f"Keras runs on {keras.backend.backend()}: set KERAS_BACKEND=jax")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        form = {"include_top": False, "pooling": "avg", "input_shape": (SIDE, SIDE, 3)}
        network = keras.applications.InceptionV3(weights=None, **form)
        try:
            network.load_weights(str(weights))
        except Exception as err:  # Keras raises many kinds
            says = f"{type(err).__name__}: {' '.join(str(err).split())[:200]}"
            what = "holds no weights of Inception v3 without top"
            raise InputError(f"{str(weights)!r} {what} ({says}): give an .h5 file of Keras's") from err
        trained = [variable.value for variable in network.trainable_variables]
        fixed = [variable.value for variable in network.non_trainable_variables]

    @jax.jit
    def run(trained, fixed, images):
        x = images.astype(jnp.float32) / 127.5 - 1
        x = jnp.broadcast_to(x, (*x.shape[:3], 3))
        x = jax.image.resize(x, (len(x), SIDE, SIDE, 3), "bilinear")
        return network.stateless_call(trained, fixed, x, training=False)[0]

    def features(images: np.ndarray) -> np.ndarray:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return in_chunks(functools.partial(run, trained, fixed), images, BATCH)

    return features
