"""The published CausalCircuit's files: read in the graph's order, or refused."""

import numpy as np
import pytest
from fakes import published_circuit

from cdae_jax.data import causal_circuit
from cdae_jax.errors import InputError


def test_the_published_circuit_is_read_in_the_order_of_the_graph(tmp_path):
    published_circuit(tmp_path)
    dataset = causal_circuit.make_dataset(str(tmp_path), 16, train_size=20, test_size=5)
    assert dataset.name == "CausalCircuit" and dataset.true_counterfactual is None
    assert dataset.train.images.shape == (20, 16, 16, 3) and len(dataset.test) == 5
    levels = dataset.train.images[:, 8, 8, 0].astype(int)
    assert np.abs(levels - [*range(12), *range(100, 108)]).max() <= 2  # the first of each pair
    # In the file: red 0, green 1, blue 2, arm 3.
    np.testing.assert_allclose(dataset.train.labels[0], np.array([3, 2, 1, 0]) / 1000, rtol=1e-6)
    np.testing.assert_allclose(dataset.test.labels[1], (208 + np.array([3, 2, 1, 0])) / 1000, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imgs": np.full((12, 2), b"no picture")}, "image 0 of .*train-0.npz cannot be read"),
        ({"imgs": np.full((12, 2), b"x", object)}, "pickled objects are never loaded"),
        ({"imgs": np.zeros((12, 4, 4, 3), np.uint8)}, r"is uint8 of shape \(12, 4, 4, 3\)"),
        ({"original_latents": np.zeros((12, 4))}, r"expected floats \(12, 2, 4\) in the order red, green, blue, arm"),
        ({"original_latents": np.full((12, 2, 4), np.nan)}, "values that are not finite"),
    ],
)
def test_a_circuit_of_another_layout_is_refused(tmp_path, changes, message):
    published_circuit(tmp_path, **changes)
    with pytest.raises(InputError, match=message):
        causal_circuit.make_dataset(str(tmp_path), 16, 4, 4)


def test_a_circuit_that_was_copied_in_part_or_damaged_is_refused(tmp_path):
    published_circuit(tmp_path)
    path = tmp_path / "train-0.npz"
    data = path.read_bytes()
    for content in (data[: len(data) // 2], data[:700] + bytes([data[700] ^ 0xFF]) + data[701:], b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"train-0.npz cannot be read as .npz of plain arrays"):
            causal_circuit.make_dataset(str(tmp_path), 16, 4, 4)


def test_a_missing_circuit_is_named(tmp_path):
    for folder, message in (("", "CausalCircuit is not shipped"), (str(tmp_path), r"has no train\*.npz")):
        with pytest.raises(InputError, match=message):
            causal_circuit.make_dataset(folder, 16, 4, 4)
    published_circuit(tmp_path)
    with pytest.raises(InputError, match="has 12 test images: use fewer"):
        causal_circuit.make_dataset(str(tmp_path), 16, 4, 40)
