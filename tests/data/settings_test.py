"""What datasets are told: every field is read, and what is left out has a value that works."""

import dataclasses

import pytest
from reading import reads

from cdae_jax.commands.config import config_of
from cdae_jax.data.settings import BY_NAME
from cdae_jax.settings.run import Settings

GRAPH = {"size": {}}


@pytest.mark.parametrize("name", BY_NAME)
def test_every_field_is_read(name):
    """One that is not would change nothing, whatever it is set to."""
    assert {("data", field.name) for field in dataclasses.fields(BY_NAME[name])} <= reads()


@pytest.mark.parametrize("name", BY_NAME)
def test_only_what_has_no_default_need_be_said(name):
    config = config_of(name, "cpu", GRAPH if name == "custom" else None).to_dict()
    fields = dataclasses.fields(BY_NAME[name])
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    config["data"] = {field: value for field, value in config["data"].items() if field in needed}
    found = Settings.from_dict(config).data
    assert found == BY_NAME[name](**config["data"])
    assert found.label_fraction == 1 and found.seed == 0 and getattr(found, "interventional_share", 0) == 0
