"""`cdae explore`: whom it serves, a workdir that is none, and a machine without Gradio."""

import importlib.machinery
import sys
import types

import pytest
from commands import run_here

import cdae_jax.explorer
from cdae_jax.errors import InputError


def test_a_missing_workdir_ends_the_command_with_a_sentence(tmp_path):
    pytest.importorskip("gradio")
    with pytest.raises(InputError, match="there is no folder or file"):
        run_here("explore", f"--workdir={tmp_path}/none")


def test_this_machine_alone_is_served_unless_another_address_is_given(monkeypatch):
    asked, gradio = [], types.ModuleType("gradio")
    gradio.__spec__ = importlib.machinery.ModuleSpec("gradio", None)
    page = types.SimpleNamespace(explore=lambda *given, **options: asked.append((*given, options)))
    monkeypatch.setitem(sys.modules, "gradio", gradio)
    monkeypatch.setattr(cdae_jax.explorer, "page", page, raising=False)
    run_here("explore", "--workdir=pendulum")
    run_here("explore", "--workdir=pendulum", "--host=0.0.0.0", "--port=80", "--nodata")
    assert asked == [
        ("pendulum", "127.0.0.1", 7860, {"with_data": True}),
        ("pendulum", "0.0.0.0", 80, {"with_data": False}),
    ]


def test_without_gradio_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError, match="the page needs Gradio: run pip install"):
        run_here("explore", "--workdir=pendulum")
