"""Flags of kinds that absl does not have."""

import pytest
from absl import flags

from cdae_jax.commands import define
from cdae_jax.errors import InputError


@pytest.fixture
def values(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = flags.FlagValues()
    monkeypatch.setattr(flags, "DEFINE", _into(found, flags.DEFINE))
    define.path("output", "here", "A file.")
    define.paths("workdirs", "Folders.")
    return found


def _into(values, define_flag):
    return lambda *given, **options: define_flag(*given, flag_values=values, **options)


def test_paths_are_filled_in(values, tmp_path):
    values(["command", "--output=~/a", "--workdirs=~/b,c"])
    assert (values.output, values.workdirs) == (f"{tmp_path}/a", [f"{tmp_path}/b", "c"])
    assert values.flags_into_string().splitlines() == [f"--output={tmp_path}/a", f"--workdirs={tmp_path}/b,c"]


def test_a_path_on_another_machine_is_a_mistake(values):
    for flag in ("--output", "--workdirs"):
        with pytest.raises(flags.IllegalFlagValueError, match="is on gs://: expected a folder or file of this machine"):
            values(["command", f"{flag}=gs://bucket/run"])


def test_a_file_to_write_is_of_its_kind_and_in_a_folder(tmp_path):
    assert define.file_to_write(f"{tmp_path}/a.PNG", ".png") == tmp_path / "a.PNG"
    for wrong in (f"{tmp_path}/a.jpg", f"{tmp_path}/none/a.png"):
        with pytest.raises(InputError, match="expected a .png file in a folder that exists"):
            define.file_to_write(wrong, ".png")
