"""The TFDS builders, without TensorFlow."""

import concurrent.futures
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from fakes import fake_mnist, published_circuit

from cdae_jax.data import causal_circuit, circuit, morpho_mnist, pendulum, tfds_builders

TINY = tfds_builders.Config(name="tiny", resolution=32, train_size=200, test_size=20)


def tiny(builder, folder):
    return builder(config=TINY, data_dir=str(folder))


def test_a_prepared_dataset_reads_as_it_was_made(tmp_path):
    builder = tiny(tfds_builders.Pendulum, tmp_path)
    builder.download_and_prepare()
    source = builder.as_data_source(split="train[:10%]")
    expected = pendulum.make_dataset("continuous", 32, 200, 20, 0).train
    assert len(source) == 20 and {name: split.num_examples for name, split in builder.info.splits.items()} == {
        "train": 200,
        "test": 20,
    }
    for i in (0, 7, 19):
        np.testing.assert_array_equal(source[i]["image"], expected.images[i])
        labels = [source[i]["labels"][name] for name in pendulum.GRAPH.names]
        np.testing.assert_array_equal(np.array(labels, np.float32), expected.labels[i])
    assert "tensorflow" not in sys.modules
    assert "2004.08697" in builder.info.citation and "angle -> length" in builder.info.description


@pytest.mark.parametrize("name", ["pendulum", "morpho_mnist", "causal_circuit", "circuit_lookalike"])
def test_every_builder_is_known_by_name(name, tmp_path):
    builder = tfds.builder(name, data_dir=str(tmp_path))
    assert set(builder.info.features["labels"]) == set(builder.GRAPH.names)
    assert str(builder.version) == "1.0.0"


def test_an_interrupted_preparation_leaves_nothing_half_made(tmp_path, monkeypatch):
    builder = tiny(tfds_builders.CircuitLookalike, tmp_path)
    real = tfds_builders.CircuitLookalike._generate_examples

    def stops(self, split):
        for i, example in real(self, split):
            if i == 50:
                raise KeyboardInterrupt
            yield i, example

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tfds_builders.CircuitLookalike, "_generate_examples", stops)
        builder.download_and_prepare()
    assert not list(tmp_path.rglob("*.array_record*"))
    again = tiny(tfds_builders.CircuitLookalike, tmp_path)
    again.download_and_prepare()
    assert len(again.as_data_source(split="test")) == 20
    assert list(again.as_data_source(split="test")[0]["labels"]) == sorted(circuit.GRAPH.names)


def test_two_processes_prepare_the_same_at_once(tmp_path):
    script = (
        "from cdae_jax.data.tfds_builders import Config, Pendulum\n"
        f"builder = Pendulum(config=Config(name='tiny', train_size=200, test_size=20), data_dir={str(tmp_path)!r})\n"
        "builder.download_and_prepare()\n"
        "print(len(builder.as_data_source(split='train')))\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    assert [output.splitlines()[-1] for output in outputs] == ["200", "200"]
    assert "".join(outputs).count("Downloading and preparing") == 1


def prepared(builder, folder, manual_dir):
    download_config = tfds.download.DownloadConfig(manual_dir=str(manual_dir))
    builder.download_and_prepare(download_dir=str(folder / "downloads"), download_config=download_config)
    return {split: builder.as_data_source(split=split) for split in ("train", "test")}


def test_morpho_mnist_is_prepared_from_the_manual_folder(tmp_path, monkeypatch):
    threads = concurrent.futures.ThreadPoolExecutor  # new interpreters take seconds to start
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", lambda num, mp_context: threads(num))
    fake_mnist(tmp_path, monkeypatch)
    config = tfds_builders.Config(name="tiny", resolution=28, train_size=40, test_size=40)
    builder = tfds_builders.MorphoMnist(config=config, data_dir=str(tmp_path / "tfds"))
    sources = prepared(builder, tmp_path, tmp_path)
    expected = morpho_mnist.from_mnist(str(tmp_path), str(tmp_path / "again"), 40, 40, 0)
    for i in (0, 39):
        example = sources["train"][i]
        np.testing.assert_array_equal(example["image"], expected.train.images[i])
        np.testing.assert_array_equal(example["labels"]["thickness"], expected.train.labels[i, 0])
        assert example["class"] == expected.train.context[i]
    assert len(sources["test"]) == 40


def test_causal_circuit_is_prepared_from_the_manual_folder(tmp_path):
    published_circuit(tmp_path)
    config = tfds_builders.Config(name="tiny", resolution=16, train_size=20, test_size=5)
    builder = tfds_builders.CausalCircuit(config=config, data_dir=str(tmp_path / "tfds"))
    sources = prepared(builder, tmp_path, tmp_path)
    expected = causal_circuit.make_dataset(str(tmp_path), 16, 20, 5)
    assert len(sources["train"]) == 20 and len(sources["test"]) == 5
    np.testing.assert_array_equal(sources["train"][13]["image"], expected.train.images[13])
    np.testing.assert_array_equal(sources["test"][2]["labels"]["red"], expected.test.labels[2, 3])
