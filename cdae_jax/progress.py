"""Progress bars: text, or widgets in a notebook that can show them."""

import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # in a notebook without ipywidgets, where the bars are of text too
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
