"""`cdae`: finds a command, imports no other, and works in any folder."""

import importlib.metadata
import subprocess
import sys

import pytest
from commands import ENVIRONMENT

from cdae_jax.commands import main


def called(monkeypatch, *given):
    monkeypatch.setattr(sys, "argv", ["cdae", *given])
    main.main()


@pytest.mark.parametrize("given", [(), ("--help",), ("-h",)])
def test_alone_it_lists_the_commands(given, monkeypatch, capsys):
    called(monkeypatch, *given)
    assert "  counterfactual  " in capsys.readouterr().out


def test_it_says_its_version(monkeypatch, capsys):
    called(monkeypatch, "--version")
    assert capsys.readouterr().out == f"{importlib.metadata.version('cdae_jax')}\n"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("trian", "error: there is no command 'trian': cdae --help lists them; did you mean 'train'?\n"),
        ("--config=pendulum", "error: there is no command '--config=pendulum': cdae --help lists them\n"),
    ],
)
def test_a_command_that_is_none_is_named(given, told, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        called(monkeypatch, given)
    assert ended.value.code == 2 and capsys.readouterr().err == told


IN_A_FOLDER = """
import sys
from cdae_jax.commands import main
try:
    main.main()
finally:
    print(sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("cdae_jax.commands.")))
"""


def test_it_works_in_a_folder_without_configs_and_imports_one_command(tmp_path):
    import cdae_jax

    given = ("inspect", "--config=pendulum:smoke", "--config.data.data_dir=data")
    env = ENVIRONMENT | {"PYTHONPATH": str(cdae_jax.__path__[0]).removesuffix("cdae_jax")}
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FOLDER, *given], capture_output=True, text=True, cwd=tmp_path, env=env
    )
    assert done.returncode == 0, done.stderr
    assert "Pendulum: 224 training, 32 validation and 64 test images of 16 x 16 x 3" in done.stdout
    assert "'train'" not in done.stdout.splitlines()[-1] and "'inspect'" in done.stdout.splitlines()[-1]
