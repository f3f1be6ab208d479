"""Settings of older versions in stored runs: dropped where they had the value that the code now always uses."""

from collections.abc import Callable, Mapping

from cdae_jax.diffusion.grids import spacing_of
from cdae_jax.errors import InputError

MOVED = {
    **{f"train.{name}": f"system.{name}" for name in ("microbatches", "fsdp")},
    **{f"model.{name}": f"system.{name}" for name in ("dtype", "remat")},
    "train.kl_z": "train.gamma",
    "evaluate.num_images": "data.num_evaluated",
    "evaluate.predictor_steps": "data.judge_steps",
}
DROPPED = (  # any value: they concern training alone, and the checkpoints of such runs have another optimiser's state
    "train.min_shard_mib",
    "train.log_every",
    "train.weight_decay",
    "train.clip_norm",
    "train.kl_u",
    "train.kl_missing",
    "train.mechanism",
    "train.mechanism_alone",
    "train.mechanism_missing",
    "train.mechanism_rate",
)


def _spacing_is_ours(config: Mapping) -> bool:
    ours = spacing_of(config["sample"].get("solver", "ddim"), config["diffusion"]["schedule"])
    return config["sample"]["spacing"] in ("auto", ours)


def _action_follows_from_gamma(config: Mapping) -> bool:
    return (config["sample"]["action"] == "direction") == (config["train"].get("kl_z") == 0)


def _is_old_refiner(config: Mapping) -> bool:
    return config.get("model", {}).get("decoder") == "refiner" and "style_dim" not in config["model"]


def _of_old_refiner(config: dict) -> dict:
    """A refiner that inverts the finest grain of the remainder by default; its null condition had no draft, so that it
    has none now."""
    return config | {
        "train": config["train"] | {"condition_drop": 0.0},
        "sample": config["sample"] | {"depth": config["sample"].get("depth") or 0.02},
    }


# section.field -> (whether a run had what the code now always does, what that is)
GONE: dict[str, tuple[Callable[[Mapping], bool], str]] = {
    "model.prior": (lambda c: c["model"]["prior"] == "fixed", '"fixed"'),
    "model.remainder_sd": (lambda c: c["model"]["remainder_sd"] == 1, "1"),
    "model.num_heads": (lambda c: c["model"]["num_heads"] == 4 or not c["model"].get("attention"), "4"),
    "sample.spacing": (_spacing_is_ours, "what suits the solver"),
    "sample.action": (_action_follows_from_gamma, '"direction" where config.train.kl_z is 0, else "mechanisms"'),
}


def without_retired(config: Mapping) -> dict:
    """A stored config in today's sections and fields; one of today comes back as it is.

    Raises InputError for a setting that is gone with another value than the code now always uses.
    """
    for path, (is_ours, now) in GONE.items():
        section, name = path.split(".")
        if name in config.get(section, {}) and not is_ours(config):
            raise InputError(
                f"config.{path} is {config[section][name]!r}, a setting that is gone and now always {now}: train a new"
                " model without it, or use the version that this one was made with"
            )
    found = {name: dict(section) for name, section in config.items()}
    if _is_old_refiner(config):
        found = _of_old_refiner(found)
    for path in (*GONE, *DROPPED):
        section, name = path.split(".")
        found.get(section, {}).pop(name, None)
    for path, where in MOVED.items():
        (section, name), (target, new_name) = path.split("."), where.split(".")
        if name in found.get(section, {}):
            found.setdefault(target, {})[new_name] = found[section].pop(name)
    if found.get("evaluate") == {}:
        del found["evaluate"]
    if found.get("data", {}).pop("labelled_only", False):
        found["data"]["labelled_share"] = 1.0
    if found.get("model", {}).pop("parts", None) is False and "graph" in found:
        found["graph"] = {name: {k: v for k, v in spec.items() if k != "part"} for name, spec in found["graph"].items()}
    return found
