"""`cdae make_example`: labels, images and a graph that belong together, once."""

import json

import numpy as np
import pandas as pd
import pytest
from commands import run_here
from PIL import Image

from cdae_jax.errors import InputError


def test_an_example_is_written_once(tmp_path, capsys):
    run_here("make_example", f"--output={tmp_path}/example", "--num=100")
    assert "wrote 100 images; next: cdae fit --images=" in capsys.readouterr().out
    with pytest.raises(InputError, match="which exists already: choose a new folder"):
        run_here("make_example", f"--output={tmp_path}/example")


def test_images_show_what_the_table_says_of_them(tmp_path):
    """Row by row: the colour of the room, the brightness of the lamp's middle, the sign in the corner."""
    folder = tmp_path / "example"
    run_here("make_example", f"--output={folder}", "--num=120", "--seed=3")
    table = pd.read_csv(folder / "labels.csv", index_col="file")
    assert list(table) == list(json.loads((folder / "graph.json").read_text()))
    pixels = {name: np.asarray(Image.open(folder / "images" / name)) / 255 for name in table.index}
    room = np.array([image[0, 0, 0] for image in pixels.values()])
    sign = np.array([image[2, 2].min() == 1 for image in pixels.values()])
    heights = table["height"].fillna(16)
    lamp = np.array([pixels[name][31 - int(height), 16, 1] for name, height in heights.items()])
    for name, shown in (("warmth", (room - 0.2) / 0.6), ("on", sign), ("glow", lamp)):
        known = table[name].notna().to_numpy() & table["height"].notna().to_numpy()
        np.testing.assert_allclose(shown[known], table[name][known], atol=0.005, err_msg=name)
    assert 0.25 < table.isna().to_numpy().mean() < 0.35
    found = table.corr()
    assert min(found["warmth"]["size"], found["size"]["glow"], -found["warmth"]["height"], found["size"]["on"]) > 0.3
