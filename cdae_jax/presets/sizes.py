"""How large a run is: section -> field -> value; a size is "cpu" and the changes to it."""

# Two CPU cores, and what is of no size.
CPU = {
    "data": {},
    "model": {
        "block_dim": 4,
        "encoder_channels": 32,
        "encoder_multipliers": (1, 2),
        "encoder_patch": 4,
        "unet_channels": 64,
        "unet_multipliers": (1, 1),
        "num_blocks": 1,
        "attention": (),
        "patch": 4,
        "mechanism_hidden": 128,
    },
    "diffusion": {"num_steps": 1000},
    "train": {
        "batch_size": 16,
        "learning_rate": 4e-3,
        "warmup_steps": 200,
        "decay": True,
        "checkpoint_every": 1_000,
        "seed": 0,
    },
    "sample": {},
    "system": {"microbatches": 1, "fsdp": 1, "dtype": "float32", "remat": False},
}

# Seconds, for tests.
SMOKE = {
    "data": {"num_evaluated": 16, "judge_steps": 1},
    "model": {
        "encoder_channels": 8,
        "encoder_multipliers": (1,),  # few levels compile faster
        "unet_channels": 8,
        "unet_multipliers": (1,),
        "mechanism": "scaled",
        "decoder": "diffusion",  # compiles in half of the time of a draft and its refiner
        "style_dim": 0,
        "mechanism_hidden": 16,
    },
    "train": {
        "steps": 20,
        "warmup_steps": 5,
        "anneal_steps": 5,
        "checkpoint_every": 10,
        "condition": "encoding",
        "refine_every": 1,
    },
    "sample": {"num_steps": 4, "abduction": "invert", "corrections": 0, "fit_steps": 0},
}

# The published sizes, for accelerators. The length of the published runs is not stated.
PAPER = {
    "model": {
        "encoder_channels": 128,
        "encoder_patch": 1,
        "unet_channels": 128,
        "num_blocks": 3,
        "patch": 1,
        "mechanism_hidden": 256,
    },
    "train": {
        "steps": 200_000,
        "batch_size": 128,
        "learning_rate": 1e-4,
        "decay": False,
        "ema_decay": 0.9999,
        "checkpoint_every": 10_000,
    },
}

SIZES = {"cpu": {}, "smoke": SMOKE, "paper": PAPER}
