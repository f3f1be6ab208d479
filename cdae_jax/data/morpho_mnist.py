"""MorphoMNIST: MNIST digits with thickness -> intensity (Pawlowski et al. 2020, arXiv 2006.06485, section 4).

    thickness = 0.5 + Gamma(shape 10, rate 5)                       pixels, kept within 1..6
    intensity = 64 + 191 sigmoid(2 thickness - 5 + 0.5 N(0, 1))     grey levels

The digit is a context outside the graph, or a root of it that causes nothing (`with_digit`). Both other labels are
measured again on the finished image.
"""

import concurrent.futures
import dataclasses
import io
import multiprocessing
import os
import pathlib
import warnings
import zipfile

import numpy as np
from scipy.special import expit, logit

from cdae_jax.data import morphology
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.mnist import NoNetworkError, download_mnist, load_mnist, small_digits
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.paths import expanded, make_folder, write_whole
from cdae_jax.progress import tqdm

GRAPH = CausalGraph(
    (Variable("thickness", unit="px"), Variable("intensity", parents=("thickness",), unit="grey levels"))
)
DIGIT = Variable("digit", kind="categorical", classes=10)
VERSION = 1  # part of the cache's file names: raise it when the images change
THICKNESS_RANGE = (1.0, 6.0)  # thinner strokes vanish, thicker ones fill their loops
NOISE_SD = 0.5


def draw_thickness(rng: np.random.Generator, num: int) -> np.ndarray:
    """[num] thicknesses in pixels by the true mechanism, kept within THICKNESS_RANGE."""
    return np.clip(0.5 + rng.gamma(10.0, 1 / 5.0, num), *THICKNESS_RANGE)


def intensity_of(thickness: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The true mechanism; noise is standard normal, the result in grey levels."""
    return 64 + 191 * expit(2 * thickness - 5 + NOISE_SD * noise)


def noise_of(thickness: np.ndarray, intensity: np.ndarray) -> np.ndarray:
    """The noise that `intensity_of` maps to an intensity in grey levels, kept half a level within 64 and 255."""
    share = np.clip((intensity - 64) / 191, 0.5 / 191, 1 - 0.5 / 191)
    return (logit(share) - (2 * thickness - 5)) / NOISE_SD


def true_counterfactual(labels: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Labels [N, 2], or [N, 3] with the digit, under do(mask = values), with each image's own noise."""
    after = np.where(mask, values, labels)
    follows = mask[:, 0] & ~mask[:, 1]
    noise = noise_of(labels[:, 0], labels[:, 1])
    after[:, 1] = np.where(follows, intensity_of(after[:, 0], noise), after[:, 1])
    return after.astype(np.float32)


def measure(images: np.ndarray) -> np.ndarray:
    """[N, 28, 28, 1] uint8 -> [N, 2]: thickness in pixels, intensity in grey levels; read from the pixels."""
    readers = (morphology.measure_thickness, morphology.measure_intensity)
    return np.array([[read(image) for read in readers] for image in images[..., 0]], np.float32)


def decorrelate(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator):
    """Images [N, 28, 28, 1] uint8 rescaled to new intensities, uniform in 64..255 for any thickness; and labels."""
    wanted = rng.uniform(64, 255, len(images)).astype(np.float32)
    scale = (wanted / labels[:, 1])[:, None, None, None]
    after = labels.copy()
    after[:, 1] = wanted
    return np.clip(np.rint(images * scale), 0, 255).astype(np.uint8), after


def labelled_with_digit(split: Split) -> Split:
    """The split with its context, the digit, as the last column of its labels instead."""
    return Split(split.images, np.column_stack([split.labels, split.context]).astype(np.float32))


def with_digit(dataset: Dataset) -> Dataset:
    """The dataset with the digit as a variable of the graph instead of a context."""
    graph = CausalGraph((*dataset.graph.variables, DIGIT))
    splits = {"train": labelled_with_digit(dataset.train), "test": labelled_with_digit(dataset.test)}
    return dataclasses.replace(dataset, graph=graph, num_classes=0, measure=_measure_all_but_digit, **splits)


def _measure_all_but_digit(images: np.ndarray) -> np.ndarray:
    """[N, 28, 28, 1] uint8 -> [N, 3]: as `measure`, and NaN, since no measurement tells a digit."""
    return np.pad(measure(images), ((0, 0), (0, 1)), constant_values=np.nan)


def _perturb(digit: np.ndarray, thickness: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """A digit [28, 28] drawn with a thickness, and with the intensity that follows from the reached one; its labels."""
    drawn = morphology.set_thickness(digit, thickness)
    image = morphology.set_intensity(drawn, intensity_of(morphology.measure_thickness(drawn), noise))[..., None]
    return image, measure(image[None])[0]


def _prepare(digits: np.ndarray, classes: np.ndarray, split: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The arrays of a split, each of the digits [N, 28, 28] with a drawn thickness and intensity noise."""
    num = len(digits)
    thickness, noise = draw_thickness(rng, num), rng.standard_normal(num)
    spawn = multiprocessing.get_context("spawn")  # rather than fork, which JAX's threads do not survive
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:
        made = pool.map(_perturb, digits, thickness, noise, chunksize=250)
        images, labels = zip(*tqdm(made, f"MorphoMNIST {split}", num, unit="image"), strict=True)
    return {"images": np.stack(images), "labels": np.stack(labels), "context": classes}


def _dataset(
    name: str, folder: pathlib.Path, digits_of, train_size: int, test_size: int, seed: int, reuse: bool = False
) -> Dataset:
    """Of the splits kept in a folder, each made first if it is not there; a reader never sees half a file.

    digits_of(split) gives images [M, 28, 28] uint8 and their classes [M], each of which is used once unless `reuse`.
    """
    splits = {}
    for split, num in (("test", test_size), ("train", train_size)):
        path = folder / f"v{VERSION}-{split}-{num}-seed{seed}.npz"
        if not path.is_file():
            make_folder(folder, "--config.data.data_dir")
            digits, classes = digits_of(split)
            if not reuse and not 1 <= num <= len(digits):
                raise InputError(f"config.data.{split}_size is {num}: MNIST has 1 to {len(digits)} {split} images")
            rng = np.random.default_rng([seed, split == "test"])
            rows = rng.integers(len(digits), size=num) if reuse else rng.permutation(len(digits))[:num]
            arrays = _prepare(digits[rows], classes[rows], split, rng)
            content = io.BytesIO()
            np.savez(content, **arrays)
            write_whole(path, content.getvalue())
        try:
            with path.open("rb") as opened, np.load(opened) as file:
                splits[split] = Split(file["images"], file["labels"], file["context"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as err:
            raise InputError(f"{path} cannot be read ({err}): delete the file to make the data anew") from err
    known = {"true_counterfactual": true_counterfactual, "measure": measure, "decorrelate": decorrelate}
    return Dataset(name=name, graph=GRAPH, num_classes=10, **splits, **known)


def from_mnist(mnist_dir: str, data_dir: str, train_size: int, test_size: int, seed: int) -> Dataset:
    """As `make_dataset`, but raises NoNetworkError where MNIST cannot be fetched, instead of using other digits."""
    source, cache = expanded(mnist_dir or f"{data_dir}/mnist"), expanded(data_dir) / "morpho_mnist"

    def digits_of(split: str) -> tuple[np.ndarray, np.ndarray]:
        if not mnist_dir:
            download_mnist(source)
        return load_mnist(source, split)

    return _dataset("MorphoMNIST", cache, digits_of, train_size, test_size, seed)


def make_dataset(mnist_dir: str, data_dir: str, train_size: int, test_size: int, seed: int) -> Dataset:
    """The dataset of at most 60,000 training and 10,000 test digits; made once (minutes) and kept in `data_dir`.

    MNIST's IDX files, gzipped or not, come from `mnist_dir`; if that is "" they are fetched into `data_dir`; without a
    network scikit-learn's 8 x 8 digits take their place, with a warning and under the name "MorphoDigits", each used
    again and again, with another thickness and intensity every time.

    Raises InputError for wrong MNIST files, sizes out of range, and an unreadable cache.
    """
    try:
        return from_mnist(mnist_dir, data_dir, train_size, test_size, seed)
    except NoNetworkError as err:
        warnings.warn(
            f"{err}. USING SCIKIT-LEARN'S 1,797 DIGITS OF 8 x 8 PIXELS INSTEAD: good for a demonstration, but no number"
            " on them compares with MNIST",
            stacklevel=2,
        )
    cache = expanded(data_dir) / "morpho_digits"
    return _dataset("MorphoDigits", cache, small_digits, train_size, test_size, seed, reuse=True)
