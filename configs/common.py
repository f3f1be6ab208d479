"""What the configs share. A config file states its data, its graph and what differs from the values here."""

import ml_collections

# Two CPU cores.
CPU = {
    "data": {"seed": 0, "data_dir": "data", "label_fraction": 1.0, "labelled_only": False, "labelled_share": 0.5},
    "model": {
        "block_dim": 4,
        "encoder_channels": 64,
        "encoder_multipliers": (1, 2),
        "encoder_patch": 4,
        "decoder": "diffusion",
        "parts": False,
        "dtype": "float32",
        "remat": False,
        "unet_channels": 128,
        "unet_multipliers": (1, 1),
        "num_blocks": 1,
        "attention": (),
        "num_heads": 4,
        "patch": 4,
        "mechanism": "additive",
        "mechanism_hidden": 256,
        "prior": "fixed",
        "prior_sd": 0.05,
    },
    "diffusion": {"num_steps": 1000, "schedule": "cosine", "prediction": "v"},
    "train": {
        "batch_size": 16,
        "learning_rate": 1e-3,
        "warmup_steps": 200,
        "decay": True,
        "weight_decay": 1e-4,
        "clip_norm": 1.0,
        "ema_decay": 0.999,
        "kl_u": 0.02,
        "kl_z": 0.02,
        "kl_missing": 0.02,
        "mechanism": 1.0,
        "mechanism_missing": 0.0,
        "mechanism_alone": False,
        "mechanism_rate": 1.0,
        "anneal_steps": 200,
        "microbatches": 1,
        "fsdp": 1,
        "min_shard_mib": 1.0,
        "condition": "encoding",
        "condition_drop": 0.1,
        "refine_every": 1,
        "log_every": 100,
        "checkpoint_every": 1_000,
        "seed": 0,
    },
    "sample": {
        "num_steps": 20,
        "guidance": 1.0,
        "abduction": "restore",
        "corrections": 0,
        "fit_steps": 0,
        "depth": 0.0,
        "solver": "ddim",
        "spacing": "auto",
        "action": "mechanisms",
    },
    "evaluate": {"num_images": 512, "predictor_steps": 1_000},
}

# Seconds, for tests.
SMOKE_SIZES = {"train_size": 256, "test_size": 64}
SMOKE = {
    "model": {
        "encoder_channels": 8,
        "encoder_multipliers": (1,),  # few levels compile faster
        "unet_channels": 8,
        "unet_multipliers": (1,),
        "mechanism_hidden": 16,
    },
    "train": {"steps": 20, "warmup_steps": 5, "anneal_steps": 5, "log_every": 5, "checkpoint_every": 10},
    "sample": {"num_steps": 4, "abduction": "invert", "corrections": 0},
    "evaluate": {"num_images": 16, "predictor_steps": 1},
}

# The published sizes and diffusion process, for accelerators. The loss weights and the prior stay ours.
PAPER = {
    "model": {"encoder_channels": 128, "encoder_patch": 1, "num_blocks": 3, "patch": 1},
    "diffusion": {"schedule": "linear", "prediction": "eps"},
    "train": {
        "steps": 200_000,
        "batch_size": 128,
        "learning_rate": 1e-4,
        "condition": "encoding",
        "decay": False,
        "ema_decay": 0.9999,
        "checkpoint_every": 10_000,
    },
    "sample": {
        "num_steps": 250,
        "solver": "ddim",
        "spacing": "uniform",
        "depth": 1.0,
        "abduction": "invert",
        "corrections": 0,
    },
}

# What other methods do differently: --config=configs/pendulum.py:cpu,baseline=diffae. Encoder, UNet, data, steps and
# everything else stay those of the config, so that only the method is compared.
UNALIGNED = {"kl_u": 0.0, "kl_z": 0.0, "kl_missing": 0.0, "mechanism": 0.0, "mechanism_missing": 0.0}
UNALIGNED |= {"mechanism_alone": False, "condition": "mean"}
BASELINES = {
    "diffae": {"train": UNALIGNED, "sample": {"action": "direction"}},  # arXiv 2111.15640: no labels, no graph
    "aligned": {},  # labels align the latents, but there is no causal layer
    # label-conditional diffusion, an encoder that reads the labels, and mechanisms fitted to labels alone
    "conditional": {"train": {"condition": "labels", "mechanism_alone": True}},
    # a VAE; its decoder sees what the mechanisms say, and was worse where these had a higher rate
    "causalvae": {
        "model": {"decoder": "conv"},
        "train": {"condition": "encoding", "refine_every": 1, "mechanism_rate": 1.0},
    },
    "one_hop": {"model": {"mechanism": "one_hop"}},  # the released code: children see their parents' u
    "noise": {"sample": {"abduction": "noise", "depth": 1.0}},  # the released code: x_T by fresh noise, no inversion
}
WITHOUT_GRAPH = ("diffae", "aligned")
VARIANTS = ("one_hop", "noise")  # of ours, which keep what is ours in the model


def _with_baseline(config: ml_collections.ConfigDict, name: str) -> None:
    if name not in BASELINES:
        raise ValueError(f"there is no baseline {name!r}: expected one of {', '.join(BASELINES)}")
    config.update(BASELINES[name])
    config.sample.corrections = config.sample.fit_steps = 0  # ours
    if name not in VARIANTS:
        config.model.parts = False  # ours
    if name in WITHOUT_GRAPH:
        for spec in config.graph.values():
            spec.parents = ()
    if name == "conditional":  # the decoder sees the labels themselves, once
        config.model.block_dim = max([1, *(spec.get("classes", 0) for spec in config.graph.values())])


def config_of(argument: str, graph: dict, cpu: dict, smoke: dict, paper: dict) -> ml_collections.ConfigDict:
    """The config of one size: the values above with those of the config file over them.

    Args:
      argument: "cpu", "smoke" or "paper", and after a comma perhaps "baseline=<one of BASELINES>".
      graph: variable name -> its parents, kind, unit and part.
      cpu, smoke, paper: section -> field -> value; the latter two are changes to `cpu`.

    Raises:
      ValueError: no such size or baseline.
    """
    size, _, option = argument.partition(",")
    changes = {"cpu": [], "smoke": [SMOKE, smoke], "paper": [PAPER, paper]}
    if size not in changes:
        raise ValueError(f"there is no config size {size!r}: expected one of {', '.join(changes)}")
    config = ml_collections.ConfigDict(CPU, sort_keys=False)
    for sections in [cpu, *changes[size]]:
        config.update(sections)
    config.graph = ml_collections.ConfigDict(graph, sort_keys=False)  # keeps the variables' order
    if option:
        key, _, name = option.partition("=")
        if key != "baseline":
            raise ValueError(f"the config was given {option!r}: expected baseline=<name>")
        _with_baseline(config, name)
    return config
