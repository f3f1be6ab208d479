"""A proxy in the environment and folders of other users are kept out of the server's way."""

import os
import pathlib
import urllib.request

import pytest

from cdae_jax.explorer import surroundings


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "GRADIO_TEMP_DIR"):
        monkeypatch.setenv(name, "x")  # as it was, afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")


@pytest.mark.parametrize("given", [{}, {"no_proxy": "example.org"}, {"NO_PROXY": "example.org,localhost"}])
def test_this_machine_is_exempt_beside_what_was(given, monkeypatch):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    surroundings.exempt_from_proxies("localhost", "127.0.0.1")
    assert urllib.request.proxy_bypass("localhost") and urllib.request.proxy_bypass("127.0.0.1")
    assert bool(urllib.request.proxy_bypass("example.org")) == bool(given)
    assert not urllib.request.proxy_bypass("example.com")
    exempt = os.environ["no_proxy"].split(",")
    assert len(set(exempt)) == len(exempt) and os.environ["NO_PROXY"] == os.environ["no_proxy"]


@pytest.mark.parametrize("given", [None, "/proc/none", "/dev/null"])
def test_files_go_to_a_folder_of_ones_own(given, monkeypatch):
    if given:
        monkeypatch.setenv("GRADIO_TEMP_DIR", given)
    surroundings.keep_files_apart()
    folder = pathlib.Path(os.environ["GRADIO_TEMP_DIR"])
    assert folder.stat().st_mode & 0o777 == 0o700 and folder.stat().st_uid == os.getuid() and not any(folder.iterdir())


def test_a_folder_that_was_asked_for_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "new"))
    surroundings.keep_files_apart()
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path / "new") and not any((tmp_path / "new").iterdir())
