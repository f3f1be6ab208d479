"""What a dataset brings: its graph, and its data and sizes ("cpu", and changes to it).

Fields are those of `settings`. Our method is the same for all datasets, and other methods start from it, so that
nothing but the method differs.
"""

from dataclasses import asdict

from cdae_jax.data.settings import (
    CausalChamber,
    CausalCircuit,
    CelebA,
    Custom,
    MorphoMNIST,
    Pendulum,
    Rendered,
    SimulatedChamber,
)

VALIDATION = {"validation_share": 0.05}
SMOKE_DATA = {"train_size": 256, "test_size": 64}
FOUR_LEVELS = {"encoder_multipliers": (1, 2, 3, 4), "unet_multipliers": (1, 2, 3, 4)}
SIX_LEVELS = {"encoder_multipliers": (1, 1, 2, 2, 4, 4), "unet_multipliers": (1, 1, 2, 2, 4, 4)}

PENDULUM = {
    "graph": {  # in the order of tables and plots
        "angle": {"unit": "deg", "part": "pendulum"},
        "light": {"unit": "deg", "part": "lamp"},
        "length": {"parents": ("angle", "light"), "unit": "units", "part": "shadow"},
        "position": {"parents": ("angle", "light"), "unit": "units", "part": "shadow"},
    },
    "cpu": {
        "data": asdict(Pendulum(name="pendulum", resolution=32, train_size=50_000, test_size=2_000, **VALIDATION)),
        "train": {"steps": 4_000},
    },
    "smoke": {"data": {"resolution": 16, **SMOKE_DATA}},
    "paper": {
        "data": {"sampling": "grid", "resolution": 96, "train_size": 5_482, "test_size": 1_826},
        "model": {"block_dim": 16, "attention": (12,), **FOUR_LEVELS},
    },
}

MORPHO_MNIST = {
    "graph": {"thickness": {"unit": "px"}, "intensity": {"parents": ("thickness",), "unit": "grey levels"}},
    "cpu": {
        "data": asdict(
            MorphoMNIST(name="morpho_mnist", resolution=28, train_size=60_000, test_size=10_000, **VALIDATION)
        )
        | {"judge_steps": 1_000},
        "model": {
            "encoder_multipliers": (1, 2, 4),
            "encoder_patch": 1,
            "unet_multipliers": (1,),
            "num_blocks": 2,
            "mechanism_hidden": 64,
        },
        "train": {"steps": 24_000, "warmup_steps": 500, "checkpoint_every": 2_000},
    },
    "smoke": {"data": SMOKE_DATA},
    "paper": {
        "model": {
            "block_dim": 256,
            "mechanism_hidden": 64,
            "encoder_multipliers": (1, 2, 2),
            "unet_multipliers": (1, 2, 2),
            "attention": (14, 7),
        },
    },
}

# The digit as a variable of the graph, which do() can set, instead of a context.
MORPHO_MNIST_DIGIT = MORPHO_MNIST | {
    "graph": MORPHO_MNIST["graph"] | {"digit": {"kind": "categorical", "classes": 10}},
}

CIRCUIT_DATA = {"resolution": 64, "train_size": 50_000, "test_size": 2_000, "judge_steps": 200, **VALIDATION}
CIRCUIT_LOOKALIKE = {
    "graph": {
        "arm": {},
        "blue": {"parents": ("arm",)},
        "green": {"parents": ("arm",)},
        "red": {"parents": ("arm", "blue", "green")},
    },
    "cpu": {
        "data": asdict(Rendered(name="circuit_lookalike", **CIRCUIT_DATA)),
        "model": {"encoder_patch": 8, "patch": 8},
        "train": {"steps": 8_000},
    },
    "smoke": {"data": {"resolution": 32, **SMOKE_DATA}},
    "paper": {
        "data": {"resolution": 128},
        "model": {"block_dim": 128, "attention": (16, 8), **SIX_LEVELS},
        "diffusion": {"num_steps": 2000},
    },
}

CAUSAL_CIRCUIT = CIRCUIT_LOOKALIKE | {
    "cpu": CIRCUIT_LOOKALIKE["cpu"] | {"data": asdict(CausalCircuit(name="causal_circuit", **CIRCUIT_DATA))}
}

# The graphs of arXiv 2403.20287, its "complex" and its "simple" one, with the attributes' own names.
ATTRIBUTE = {"kind": "binary", "values": ("-1", "1")}
EFFECT = ATTRIBUTE | {"parents": ("Young", "Male")}
CELEBA = {
    "graph": {"Young": ATTRIBUTE, "Male": ATTRIBUTE, "No_Beard": EFFECT, "Bald": EFFECT},
    "cpu": {
        "data": asdict(CelebA(name="celeba", resolution=64, train_size=162_770, test_size=19_962, **VALIDATION)),
        "model": {"encoder_patch": 8, "patch": 8},
        "train": {"steps": 20_000},
    },
    "smoke": {"data": {"resolution": 16, **SMOKE_DATA}},
    "paper": {"model": {"block_dim": 128, "attention": (16, 8), **FOUR_LEVELS}},
}
CELEBA_SIMPLE = CELEBA | {"graph": {"Smiling": ATTRIBUTE, "Eyeglasses": ATTRIBUTE}}

CUSTOM = {  # the graph is the user's
    "graph": {},
    "cpu": {
        "data": asdict(Custom(name="custom", images="", labels="", resolution=32, **VALIDATION)),
        "train": {"steps": 8_000},
    },
    "smoke": {"data": {"resolution": 16}},
    "paper": {"data": {"resolution": 64}, "model": {"block_dim": 16, "attention": (16, 8), **FOUR_LEVELS}},
}

# The light tunnel: its SCM 4, where the polarisers stand still, and its SCM 2, where they turn.
LIGHT = {"unit": "of 255"}
CHAMBER_DATA = {"resolution": 32, "judge_steps": 1_000, **VALIDATION}
CAUSAL_CHAMBER = {
    "graph": {"red": LIGHT, "green": LIGHT | {"parents": ("red",)}, "blue": LIGHT | {"parents": ("green",)}},
    "cpu": {
        "data": asdict(CausalChamber(name="causal_chamber", **CHAMBER_DATA)),
        "train": {"steps": 8_000},
    },
    "smoke": {"data": {"resolution": 16}},
    "paper": CUSTOM["paper"],
}
CAUSAL_CHAMBER_POLARISERS = CAUSAL_CHAMBER | {
    "graph": {
        "red": LIGHT,
        "pol_2": {"unit": "deg"},
        "green": LIGHT | {"parents": ("red", "pol_2")},
        "blue": LIGHT | {"parents": ("green", "pol_2")},
        "pol_1": {"parents": ("red",), "unit": "deg"},
    },
    "cpu": CAUSAL_CHAMBER["cpu"]
    | {
        "data": CAUSAL_CHAMBER["cpu"]["data"] | {"reference": "scm_2_reference", "interventions": "scm_2_{name}"},
    },
}
CAUSAL_CHAMBER_SIMULATED = CAUSAL_CHAMBER | {
    "cpu": CAUSAL_CHAMBER["cpu"] | {"data": asdict(SimulatedChamber(name="causal_chamber_simulated", **CHAMBER_DATA))},
    "smoke": {"data": {"resolution": 16, "experiment_size": 128}},
}

DATASETS = {
    "pendulum": PENDULUM,
    "morpho_mnist": MORPHO_MNIST,
    "morpho_mnist_digit": MORPHO_MNIST_DIGIT,
    "circuit_lookalike": CIRCUIT_LOOKALIKE,
    "causal_circuit": CAUSAL_CIRCUIT,
    "celeba": CELEBA,
    "celeba_simple": CELEBA_SIMPLE,
    "causal_chamber": CAUSAL_CHAMBER,
    "causal_chamber_polarisers": CAUSAL_CHAMBER_POLARISERS,
    "causal_chamber_simulated": CAUSAL_CHAMBER_SIMULATED,
    "custom": CUSTOM,
}
