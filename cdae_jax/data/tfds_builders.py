"""The datasets as TensorFlow Datasets builders, in array_record format; TensorFlow is not needed.

Importing this module registers them. An example, such as tfds.data_source("pendulum", split="train[:10%]")[0], has an
"image" [H, W, C] uint8 and "labels" by variable, in physical units.

pendulum, circuit_lookalike: rendered. morpho_mnist: from MNIST's IDX files in the download config's `manual_dir`, else
fetched with checksums. causal_circuit: from the published files in `manual_dir`. A preparation that is interrupted
leaves nothing behind, and of two processes that prepare the same one waits for the other.
"""

import dataclasses
import fcntl
import pathlib

import numpy as np
import tensorflow_datasets as tfds

from cdae_jax.data import causal_circuit, circuit, morpho_mnist, pendulum
from cdae_jax.data.dataset import Dataset, Split

CIRCUIT_CITATION = "Brehmer et al., Weakly supervised causal representation learning, NeurIPS 2022, arXiv 2203.16437"


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """Sizes of a prepared dataset; `resolution` in pixels, `seed` of what is drawn."""

    resolution: int = 32
    train_size: int = 50_000
    test_size: int = 2_000
    seed: int = 0
    sampling: str = "continuous"  # pendulum: or "grid"


class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What the builders share; each gives GRAPH, CITATION, SUMMARY, and `_dataset(dl_manager, config) -> Dataset`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012 (an interface of TFDS)
    CHANNELS = 3
    NUM_CLASSES = 0

    def __init__(self, *, file_format: str = "array_record", **kwargs):
        super().__init__(file_format=file_format, **kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        side = self.builder_config.resolution
        features = {
            "image": tfds.features.Tensor(shape=(side, side, self.CHANNELS), dtype=np.uint8, encoding="bytes"),
            "labels": {name: tfds.features.Scalar(np.float32) for name in self.GRAPH.names},
        }
        if self.NUM_CLASSES:
            features["class"] = tfds.features.ClassLabel(num_classes=self.NUM_CLASSES)
        edges = [f"{parent} -> {var.name}" for var in self.GRAPH.variables for parent in var.parents]
        units = [f"{var.name} in {var.unit}" for var in self.GRAPH.variables if var.unit]
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{self.SUMMARY} Causal graph: {'; '.join(edges)}. Units: {', '.join(units) or 'none'}.",
            features=tfds.features.FeaturesDict(features),
            citation=self.CITATION,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        dataset = self._dataset(dl_manager, self.builder_config)
        return {"train": self._generate_examples(dataset.train), "test": self._generate_examples(dataset.test)}

    def _generate_examples(self, split: Split):
        for i, (image, labels) in enumerate(zip(split.images, split.labels, strict=True)):
            example = {"image": image, "labels": dict(zip(self.GRAPH.names, labels, strict=True))}
            if self.NUM_CLASSES:
                example["class"] = int(split.context[i])
            yield i, example

    def download_and_prepare(self, **kwargs) -> None:
        """As in TFDS, but one process at a time."""
        target = pathlib.Path(self.data_dir)
        folder = target.parent.parent
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{target.parent.name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # ends with the process, however that ends
            super().download_and_prepare(**kwargs)
            if not self.info.splits:  # another process has prepared it since this builder was made
                self.info.read_from_directory(str(target))


class Pendulum(Builder):
    GRAPH = pendulum.GRAPH
    CITATION = "Yang et al., CausalVAE, CVPR 2021, arXiv 2004.08697 (the scene; rendered anew)"
    SUMMARY = "A lamp casts a pendulum's shadow."
    BUILDER_CONFIGS = [  # noqa: RUF012
        Config(name="32px"),
        Config(name="64px", resolution=64),
        Config(name="grid_96px", resolution=96, train_size=5_482, test_size=1_826, sampling="grid"),
    ]

    def _dataset(self, dl_manager, config: Config) -> Dataset:
        sizes = (config.resolution, config.train_size, config.test_size)
        return pendulum.make_dataset(config.sampling, *sizes, config.seed)


class CircuitLookalike(Builder):
    GRAPH = circuit.GRAPH
    CITATION = f"Not the published CausalCircuit, but a scene in its style; see {CIRCUIT_CITATION}"
    SUMMARY = "A robot arm presses buttons that light lamps; a look-alike of CausalCircuit."
    BUILDER_CONFIGS = [Config(name="64px", resolution=64), Config(name="128px", resolution=128)]  # noqa: RUF012

    def _dataset(self, dl_manager, config: Config) -> Dataset:
        return circuit.make_lookalike(config.resolution, config.train_size, config.test_size, config.seed)


class MorphoMnist(Builder):
    GRAPH = morpho_mnist.GRAPH
    CHANNELS = 1
    NUM_CLASSES = 10
    CITATION = "Pawlowski, Castro, Glocker, NeurIPS 2020, arXiv 2006.06485 (made anew)"
    SUMMARY = "MNIST digits of which the thickness drives the intensity."
    MANUAL_DOWNLOAD_INSTRUCTIONS = "MNIST's four IDX files, gzipped or not; without them they are fetched."
    BUILDER_CONFIGS = [Config(name="full", resolution=28, train_size=60_000, test_size=10_000)]  # noqa: RUF012

    def _dataset(self, dl_manager, config: Config) -> Dataset:
        try:
            mnist_dir = str(dl_manager.manual_dir)
        except AssertionError:  # TFDS's way to say that there is no such folder
            mnist_dir = ""
        data_dir = str(dl_manager.download_dir)
        return morpho_mnist.from_mnist(mnist_dir, data_dir, config.train_size, config.test_size, config.seed)


class CausalCircuit(Builder):
    GRAPH = circuit.GRAPH
    CITATION = CIRCUIT_CITATION
    SUMMARY = "The published CausalCircuit, first image of each pair."
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The published train*.npz and test*.npz, whose own terms hold."
    BUILDER_CONFIGS = [Config(name="128px", resolution=128, train_size=50_000, test_size=5_000)]  # noqa: RUF012

    def _dataset(self, dl_manager, config: Config) -> Dataset:
        folder = str(dl_manager.manual_dir)
        return causal_circuit.make_dataset(folder, config.resolution, config.train_size, config.test_size)
