"""MorphoMNIST as its makers keep it: digits in IDX files, and a table of what was measured on them."""

import pathlib

import numpy as np
import pandas as pd

from cdae_jax.data.dataset import Split
from cdae_jax.data.mnist import read_content
from cdae_jax.errors import InputError
from cdae_jax.paths import expanded

IMAGES, DIGITS, TABLE = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "t10k-morpho.csv"
COLUMNS = ("thickness", "intensity")  # px, grey levels


def load_morpho_files(folder: str | pathlib.Path) -> Split:
    """The test split of a folder: images [N, 28, 28, 1], labels [N, 2] thickness and intensity, the digits as context.

    Reads IDX files, gzipped or not, and t10k-morpho.csv, or the folder's only .csv, with the columns thickness (px) and
    intensity (grey levels). A column "index" gives each row's image, else rows are in the images' order; a column
    "digit" has the digits if no IDX file does.
    Raises InputError for a file that is missing or cannot be read, and for columns or sizes that do not fit.
    """
    folder = expanded(folder)
    images, path = _read_idx(folder, IMAGES, 3), _table_of(folder)
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as err:  # pandas' errors are ValueErrors
        raise InputError(f"{path} cannot be read ({err}): expected a CSV table") from err
    table.columns = table.columns.str.strip()
    if "index" in table:
        table = table.sort_values("index")
    if images.shape[1:] != (28, 28) or len(table) != len(images):
        what = f"{len(images)} images of {images.shape[1]} x {images.shape[2]} pixels"
        raise InputError(f"{folder} has {what} and {len(table)} rows in {path.name}: expected 28 x 28, a row an image")
    if "index" in table and list(table["index"]) != list(range(len(table))):
        raise InputError(f'the column "index" of {path} is not 0 to {len(table) - 1}, each once: correct it')
    labels = np.stack([_column(path, table, name) for name in COLUMNS], 1).astype(np.float32)
    in_table = read_content(folder, DIGITS) is None
    digits = _column(path, table, "digit") if in_table else _read_idx(folder, DIGITS, 1)
    if len(digits) != len(images) or not np.isin(digits, range(10)).all():
        raise InputError(f"{folder} has {len(images)} images and {len(digits)} digits: expected one of 0 to 9 for each")
    return Split(images[..., None], labels, digits.astype(np.int32))


def _read_idx(folder: pathlib.Path, name: str, num_axes: int) -> np.ndarray:
    """uint8; the header is 0, 0, the type 8, the number of axes, and the length of each in 4 bytes."""
    content = read_content(folder, name)
    if content is None:
        raise InputError(f"the test set {str(folder)!r} has neither {name} nor {name}.gz: give a folder with them")
    start = 4 + 4 * num_axes
    shape = np.frombuffer(content[4:start], ">u4").tolist() if len(content) >= start else []
    if content[:4] != bytes([0, 0, 8, num_axes]) or len(content) - start != np.prod(shape, dtype=int):
        raise InputError(f"{name} in {str(folder)!r} is no IDX file of bytes with {num_axes} axes: fetch it again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _table_of(folder: pathlib.Path) -> pathlib.Path:
    if (folder / TABLE).is_file():
        return folder / TABLE
    tables = sorted(folder.glob("*.csv"))
    if len(tables) != 1:
        raise InputError(f"the test set {str(folder)!r} has no {TABLE} and {len(tables)} other .csv files: name it so")
    return tables[0]


def _column(path: pathlib.Path, table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        raise InputError(f"{path} has no column {name!r} but {', '.join(map(str, table.columns))}: name it so")
    numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
    if not np.isfinite(numbers).all():
        raise InputError(f"{path} has no number in {np.sum(~np.isfinite(numbers))} rows of {name!r}: fill them in")
    return numbers
