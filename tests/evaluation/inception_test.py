"""Inception features from a weights file, against Keras's own prediction."""

import json
import os
import subprocess
import sys

import pytest

from cdae_jax.errors import InputError
from cdae_jax.evaluation.inception import inception_features, weights_digest

# In a process of its own: Keras does not know strict promotion, and reads its backend when it is imported.
COMPARE = """
import json, sys
import numpy as np
from cdae_jax.evaluation import inception
from cdae_jax.evaluation.inception import inception_features, SIDE
inception.BATCH = 4  # not to compute 16 images for 3
import keras
keras.utils.set_random_seed(0)
network = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
path = sys.argv[1]
network.save_weights(path)
images = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
images[1:] = images[1:] // 3
images[2] = images[2, ..., :1]
features = inception_features(path)
scaled = keras.applications.inception_v3.preprocess_input(images.astype(np.float32))
expected = network.predict(scaled, verbose=0)
made = features(images)
grey_gap = float(np.abs(features(images[2:, ..., :1]) - made[2:]).max() / np.abs(made).max())
small = keras.layers.Dense(3)
small.build((2, 2))
other = keras.Sequential([keras.Input((2,)), small])
other.save_weights(path.replace("right", "wrong"))
keras.applications.InceptionV3 = lambda **_: network  # not to build it again
try:
    inception_features(path.replace("right", "wrong"))
    message = ""
except Exception as err:
    message = f"{type(err).__name__}: {err}"
gap = float(np.abs(made - expected).max() / np.abs(expected).max())
print(json.dumps({"shape": made.shape, "gap": gap, "grey_gap": grey_gap, "message": message}))
"""


def test_features_are_those_of_keras_and_other_weights_are_refused(tmp_path):
    path = tmp_path / "right.weights.h5"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "jax"}
    result = subprocess.run([sys.executable, "-c", COMPARE, str(path)], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["shape"] == [3, 2048] and found["gap"] < 1e-4 and found["grey_gap"] < 1e-5
    assert found["message"].startswith("InputError: ") and "holds no weights of Inception v3" in found["message"]


def test_a_missing_file_is_named_before_keras_is_loaded(tmp_path):
    with pytest.raises(InputError, match="there is no weights file"):
        inception_features(tmp_path / "none.h5")
    (tmp_path / "some.h5").write_bytes(b"a")
    (tmp_path / "same.h5").write_bytes(b"a")
    assert weights_digest(tmp_path / "same.h5") == weights_digest(tmp_path / "some.h5")
    assert weights_digest(tmp_path / "some.h5") != weights_digest(__file__)
