"""`cdae make_example`: what it writes, and that it can be looked at."""

import pytest
from commands import assert_drawn, run_here

from cdae_jax.errors import InputError


def test_an_example_is_written_once_and_can_be_looked_at(tmp_path, capsys):
    run_here("make_example", f"--output={tmp_path}/example", "--num=100")
    assert "wrote 100 images; next: cdae fit --images=" in capsys.readouterr().out
    with pytest.raises(InputError, match="which exists already: choose a new folder"):
        run_here("make_example", f"--output={tmp_path}/example")
    config = f"--config=configs/custom.py:smoke,{tmp_path}/example/graph.json"
    files = (f"--config.data.images={tmp_path}/example/images", f"--config.data.labels={tmp_path}/example/labels.csv")
    run_here("inspect", config, *files, f"--output={tmp_path}/sheet.png")
    told = capsys.readouterr().out
    assert "81 training and 19 test images of 16 x 16 x 3" in told and "too few to compare with the graph" in told
    assert_drawn(tmp_path / "sheet.png")
    with pytest.raises(InputError, match="expected a .png file in a folder that exists"):
        run_here("inspect", config, *files, f"--output={tmp_path}/none/sheet.png")
