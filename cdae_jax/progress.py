"""Progress bars: of text, or in a notebook that can show them of its own."""

import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # in a notebook without ipywidgets, where the bars are of text too
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
