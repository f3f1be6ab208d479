"""Progress bars in a notebook: no warning where ipywidgets is absent, and a bar of text there."""

import sys
import types

import pytest


@pytest.fixture
def notebook(monkeypatch):
    """As in a notebook without ipywidgets; modules that look for one are imported anew."""
    for name in [name for name in sys.modules if name in ("tqdm.auto", "tqdm.autonotebook", "tqdm.notebook")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "cdae_jax.progress", raising=False)
    kernel = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: kernel, version_info=(9,)))
    monkeypatch.setitem(sys.modules, "ipywidgets", None)


def test_without_widgets_bars_are_of_text_and_nothing_warns(notebook, capsys):
    from cdae_jax.progress import tqdm  # as a notebook does

    assert list(tqdm(range(3), "steps")) == [0, 1, 2]
    assert "steps: 100%" in capsys.readouterr().err
