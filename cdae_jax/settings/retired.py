"""Settings that are gone: dropped from stored runs where they had the value that the code now always uses."""

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
UNIMPORTANT = ("train.min_shard_mib", "train.log_every")  # any value: they change no number


def _all_labelled(config: Mapping) -> bool:
    data = config["data"]
    return data.get("label_fraction", 1.0) == 1.0 and data["name"] not in ("custom", "causal_circuit")


def _spacing_is_ours(config: Mapping) -> bool:
    ours = spacing_of(config["sample"].get("solver", "ddim"), config["diffusion"]["schedule"])
    return config["sample"]["spacing"] in ("auto", ours)


def _action_follows_from_gamma(config: Mapping) -> bool:
    return (config["sample"]["action"] == "direction") == (config["train"].get("kl_z") == 0)


def _mechanisms_had_no_rate(config: Mapping) -> bool:
    return config["train"]["mechanism_rate"] == 1 or not any(var.get("parents") for var in config["graph"].values())


def _is_old_refiner(config: Mapping) -> bool:
    return config.get("model", {}).get("decoder") == "refiner" and "style_dim" not in config["model"]


def _of_old_refiner(config: dict) -> dict:
    """A refiner that inverts the finest grain of the remainder by default; its null condition had no draft, so that it
    has none now."""
    return config | {
        "train": config["train"] | {"condition_drop": 0.0},
        "sample": config["sample"] | {"depth": config["sample"].get("depth") or 0.02},
    }


BEFORE = 'before training, with config.train.mechanisms="labels"'

# section.field -> (whether training alone is concerned, whether a run had what the code now always does, what that is)
GONE: dict[str, tuple[bool, Callable[[Mapping], bool], str]] = {
    "model.prior": (False, lambda c: c["model"]["prior"] == "fixed", '"fixed"'),
    "model.remainder_sd": (False, lambda c: c["model"]["remainder_sd"] == 1, "1"),
    "model.num_heads": (False, lambda c: c["model"]["num_heads"] == 4 or not c["model"].get("attention"), "4"),
    "sample.spacing": (False, _spacing_is_ours, "what suits the solver"),
    "sample.action": (False, _action_follows_from_gamma, '"direction" where config.train.kl_z is 0, else "mechanisms"'),
    "train.weight_decay": (True, lambda c: c["train"]["weight_decay"] == 1e-4, "0.0001"),
    "train.clip_norm": (True, lambda c: c["train"]["clip_norm"] == 1.0, "1"),
    "train.kl_missing": (True, lambda c: not c["train"]["kl_missing"] or _all_labelled(c), "0"),
    "train.mechanism_missing": (True, lambda c: not c["train"]["mechanism_missing"] or _all_labelled(c), "0"),
    "train.mechanism": (True, lambda c: not c["train"]["mechanism"], f"0, or {BEFORE}"),
    "train.mechanism_alone": (True, lambda c: not c["train"]["mechanism_alone"], BEFORE),
    "train.mechanism_rate": (True, _mechanisms_had_no_rate, "1"),
    "train.kl_u": (True, lambda c: c["train"]["kl_u"] == c["train"]["kl_z"], "that of config.train.kl_z"),
}


def without_retired(config: Mapping, to_train: bool) -> dict:
    """A stored config in today's sections and fields; one of today comes back as it is.

    Raises InputError for a setting that is gone with another value than the code now always uses; one of training alone
    matters only `to_train`.
    """
    for path, (of_training, is_ours, now) in GONE.items():
        section, name = path.split(".")
        if name in config.get(section, {}) and not is_ours(config) and (to_train or not of_training):
            raise InputError(
                f"config.{path} is {config[section][name]!r}, a setting that is gone and now always {now}: start a new"
                " run without it, or use the version that this one was made with"
            )
    found = {name: dict(section) for name, section in config.items()}
    if _is_old_refiner(config):
        if to_train and config["train"].get("condition_drop"):
            raise InputError(
                "the run's decoder is a refiner whose null condition hides the draft too, which is gone: start a new"
                " run, or use the version that this one was made with"
            )
        found = _of_old_refiner(found)
    for path in (*GONE, *UNIMPORTANT):
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
