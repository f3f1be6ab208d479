"""Sections of the settings: every field is read somewhere, and what is left out has a value that works."""

import dataclasses

import pytest
from reading import reads
from short_runs import settings_with

from cdae_jax.model.causal_diffae import CausalDiffAE
from cdae_jax.objective.objective import LossWeights
from cdae_jax.settings.run import Settings
from cdae_jax.settings.sections import Diffusion, Model, System, Train

SECTIONS = {"model": Model, "diffusion": Diffusion, "train": Train, "system": System}
# What takes over fields of a section by their names, and what it calls itself where it reads them.
TAKEN_OVER = {"model": (CausalDiffAE, "self"), "system": (CausalDiffAE, "self"), "train": (LossWeights, "weights")}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_is_read(section):
    """One that is not would change nothing, whatever it is set to."""
    by, itself = TAKEN_OVER.get(section, (None, None))
    handed_on = {field.name for field in dataclasses.fields(by)} if by else set()
    for field in dataclasses.fields(SECTIONS[section]):
        owners = {section} | ({itself} if field.name in handed_on else set())
        assert any((owner, field.name) in reads() for owner in owners), f"nothing reads config.{section}.{field.name}"


def test_only_what_has_no_default_need_be_said():
    plain = settings_with().to_dict()
    for section, kind in SECTIONS.items():
        for field in dataclasses.fields(kind):
            if field.default is not dataclasses.MISSING:
                del plain[section][field.name]
    found = Settings.from_dict(plain)
    for section, kind in SECTIONS.items():
        said = {name: getattr(getattr(found, section), name) for name in plain[section]}
        assert getattr(found, section) == kind(**said)
    assert found.system == System()
