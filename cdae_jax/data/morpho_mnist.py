"""MorphoMNIST: MNIST digits with thickness -> intensity (Pawlowski et al. 2020, arXiv 2006.06485, section 4).

    thickness = 0.5 + Gamma(shape 10, rate 5)                       pixels, kept within 1..6
    intensity = 64 + 191 sigmoid(2 thickness - 5 + 0.5 N(0, 1))     grey levels

The digit is a context outside the graph. Both labels are measured again on the finished image.
"""

import concurrent.futures
import multiprocessing
import os
import pathlib
import warnings
import zipfile

import numpy as np
from scipy.special import expit, logit
from tqdm import tqdm

from cdae_jax.data import morphology
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.mnist import NoNetworkError, download_mnist, load_mnist, make_folder, small_digits
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable

GRAPH = CausalGraph(
    (Variable("thickness", unit="px"), Variable("intensity", parents=("thickness",), unit="grey levels"))
)
VERSION = 1  # part of the cache's file names: raise it when the images change
THICKNESS_RANGE = (1.0, 6.0)  # thinner strokes vanish, thicker ones fill their loops
NOISE_SD = 0.5
_CHUNK = 250


def draw_thickness(rng: np.random.Generator, num: int) -> np.ndarray:
    return np.clip(0.5 + rng.gamma(10.0, 1 / 5.0, num), *THICKNESS_RANGE)


def intensity_of(thickness: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The true mechanism; noise is standard normal, the result in grey levels."""
    return 64 + 191 * expit(2 * thickness - 5 + NOISE_SD * noise)


def noise_of(thickness: np.ndarray, intensity: np.ndarray) -> np.ndarray:
    """The noise that `intensity_of` maps to this intensity; half a grey level is kept from both ends."""
    share = np.clip((intensity - 64) / 191, 0.5 / 191, 1 - 0.5 / 191)
    return (logit(share) - (2 * thickness - 5)) / NOISE_SD


def true_counterfactual(labels: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Labels [N, 2] under do(mask = values), with each image's own noise."""
    noise = noise_of(labels[:, 0], labels[:, 1])
    thickness = np.where(mask[:, 0], values[:, 0], labels[:, 0])
    moved = np.where(mask[:, 0], intensity_of(thickness, noise), labels[:, 1])
    return np.stack([thickness, np.where(mask[:, 1], values[:, 1], moved)], -1).astype(np.float32)


def measure(images: np.ndarray) -> np.ndarray:
    """[N, 28, 28, 1] uint8 -> [N, 2]: thickness in pixels, intensity in grey levels; read from the pixels."""
    return np.array(
        [(morphology.measure_thickness(image), morphology.measure_intensity(image)) for image in images[..., 0]],
        np.float32,
    )


def decorrelate(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator):
    """Gives every image a new intensity that does not depend on its thickness (a rescaling of its grey levels)."""
    wanted = rng.uniform(64, 255, len(images)).astype(np.float32)
    scale = (wanted / labels[:, 1])[:, None, None, None]
    rescaled = np.clip(np.rint(images * scale), 0, 255).astype(np.uint8)
    return rescaled, np.stack([labels[:, 0], wanted], -1)


def _perturb(digits: np.ndarray, thickness: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Images [N, 28, 28] uint8 with the wanted thickness, and the intensity that follows from the reached one."""
    images = []
    for digit, target, own_noise in zip(digits, thickness, noise, strict=True):
        drawn = morphology.set_thickness(digit, target)
        intensity = intensity_of(morphology.measure_thickness(drawn), own_noise)
        images.append(morphology.set_intensity(drawn, intensity))
    images = np.stack(images)
    return images, measure(images[..., None])


def _draw_digits(digits: np.ndarray, split: str, num: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of `num` digits, each used once."""
    if not 1 <= num <= len(digits):
        raise InputError(f"config.data.{split}_size is {num}: MNIST's {split} split has 1 to {len(digits)} images")
    return rng.permutation(len(digits))[:num]


def _prepare(digits: np.ndarray, classes: np.ndarray, rows: np.ndarray, rng: np.random.Generator, split: str):
    """The arrays of a split: the digits [N, 28, 28] at `rows`, each with a drawn thickness and intensity noise."""
    num = len(rows)
    thickness, noise = draw_thickness(rng, num), rng.standard_normal(num)
    starts = range(0, num, _CHUNK)
    chunks = [(digits[rows[i : i + _CHUNK]], thickness[i : i + _CHUNK], noise[i : i + _CHUNK]) for i in starts]
    # New interpreters rather than forks: JAX's threads do not survive a fork.
    with concurrent.futures.ProcessPoolExecutor(
        os.cpu_count(), mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        parts = list(
            tqdm(pool.map(_perturb, *zip(*chunks, strict=True)), f"MorphoMNIST {split}", len(chunks), unit="x250")
        )
    return {
        "images": np.concatenate([images for images, _ in parts])[..., None],
        "labels": np.concatenate([labels for _, labels in parts]),
        "context": classes[rows],
    }


def _cached(path: pathlib.Path, make) -> Split:
    """The split stored at `path`, made and stored first if it is not there. A reader never sees half a file."""
    if not path.is_file():
        make_folder(path.parent)
        arrays = make()
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                np.savez(file, **arrays)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            return Split(file["images"], file["labels"], file["context"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as err:
        raise InputError(
            f"the prepared data in {path} cannot be read ({err}): delete the file to make it anew"
        ) from err


def _split_of_mnist(mnist_dir: str, data_dir: str, split: str, num: int, seed: int) -> Split:
    def make():
        folder = pathlib.Path(mnist_dir or pathlib.Path(data_dir) / "mnist")
        if not mnist_dir:
            download_mnist(folder)
        digits, classes = load_mnist(folder, split)
        rng = np.random.default_rng([seed, split == "test"])
        return _prepare(digits, classes, _draw_digits(digits, split, num, rng), rng, split)

    return _cached(pathlib.Path(data_dir) / "morpho_mnist" / f"v{VERSION}-{split}-{num}-seed{seed}.npz", make)


def _split_of_small_digits(data_dir: str, split: str, num: int, seed: int) -> Split:
    """As of MNIST, but digits are used again and again, each time with another thickness and intensity."""

    def make():
        digits, classes = small_digits(split)
        rng = np.random.default_rng([seed, split == "test"])
        return _prepare(digits, classes, rng.integers(len(digits), size=num), rng, split)

    return _cached(pathlib.Path(data_dir) / "morpho_digits" / f"v{VERSION}-{split}-{num}-seed{seed}.npz", make)


def _dataset(name: str, splits: dict[str, Split]) -> Dataset:
    return Dataset(
        name=name,
        graph=GRAPH,
        num_classes=10,
        true_counterfactual=true_counterfactual,
        measure=measure,
        decorrelate=decorrelate,
        **splits,
    )


def from_mnist(mnist_dir: str, data_dir: str, train_size: int, test_size: int, seed: int) -> Dataset:
    """As `make_dataset`, but raises NoNetworkError where that takes other digits."""
    sizes = {"test": test_size, "train": train_size}
    return _dataset(
        "MorphoMNIST", {split: _split_of_mnist(mnist_dir, data_dir, split, num, seed) for split, num in sizes.items()}
    )


def make_dataset(mnist_dir: str, data_dir: str, train_size: int, test_size: int, seed: int) -> Dataset:
    """The dataset; made once (minutes) and kept in `data_dir`.

    MNIST's IDX files come from `mnist_dir`; without one they are fetched into `data_dir`; without a network
    scikit-learn's 8 x 8 digits take their place, with a warning and under the name "MorphoDigits".

    Args:
      mnist_dir: folder with the four IDX files, gzipped or not; "" to fetch them.
      data_dir: folder of the cache.
      train_size, test_size: at most 60,000 and 10,000.
      seed: of the drawn digits, thickness and noise.

    Raises:
      InputError: wrong MNIST files, sizes out of range, an unreadable cache.
    """
    try:
        return from_mnist(mnist_dir, data_dir, train_size, test_size, seed)
    except NoNetworkError as err:
        warnings.warn(
            f"{err}. USING SCIKIT-LEARN'S 1,797 DIGITS OF 8 x 8 PIXELS INSTEAD: good for a demonstration, but no number"
            " on them compares with MNIST",
            stacklevel=2,
        )
    sizes = {"test": test_size, "train": train_size}
    return _dataset(
        "MorphoDigits", {split: _split_of_small_digits(data_dir, split, num, seed) for split, num in sizes.items()}
    )
