"""The sections of a run's settings besides its data (`data.settings`) and its sampling (`counterfactual.sampling`)."""

import dataclasses
from typing import Literal

from cdae_jax.objective.terms import Condition, Reduction


@dataclasses.dataclass(frozen=True)
class Model:
    """Sizes and kinds; see `cdae_jax.model.causal_diffae.CausalDiffAE`."""

    block_dim: int  # at least: a block holds the code of any class, see `Settings.make_model`
    encoder_channels: int
    encoder_multipliers: tuple[int, ...]
    encoder_patch: int
    unet_channels: int
    unet_multipliers: tuple[int, ...]
    num_blocks: int
    attention: tuple[int, ...]
    patch: int
    mechanism: Literal["additive", "scaled", "affine", "spline", "one_hop", "auto"]
    mechanism_hidden: int
    prior_sd: float  # standard deviation of p(z | y), in units of the standardised labels
    decoder: Literal["diffusion", "refiner", "conv"] = "diffusion"
    style_dim: int = 0  # dimensions of style, for what of an image no label says; a draft sees it beside z
    label_scale: Literal["sd", "range"] = "sd"  # labels to mean 0 and deviation 1, or to [-1, 1], as the released code


@dataclasses.dataclass(frozen=True)
class Diffusion:
    """The process; see `cdae_jax.diffusion.process`."""

    num_steps: int
    schedule: Literal["linear", "cosine"]
    prediction: Literal["eps", "v"]


@dataclasses.dataclass(frozen=True)
class Train:
    """Optimisation, and the objective; see `cdae_jax.objective`."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    decay: bool  # cosine decay of the learning rate to 0 over the run, else constant after the warm-up
    ema_decay: float
    gamma: float  # weight of both divergences; 0: no label aligns the latents, which a linear readout then reads
    anneal_steps: int  # over which gamma rises from 0
    condition_drop: float  # probability of the null condition; the context is dropped as often, independently
    checkpoint_every: int
    seed: int = 0
    kl_reduction: Reduction = "mean"  # of the divergences over dimensions
    condition: Condition = "encoding"  # what the decoder is conditioned on, see `objective.extensions.condition_of`
    mechanisms: Literal["objective", "labels"] = (
        "objective"  # learned with all else, or fitted to labels before and kept
    )
    refine_every: int = 1  # one image in so many trains the UNet of a refiner, every one its draft


@dataclasses.dataclass(frozen=True)
class System:
    """How a step is computed; nothing here changes what is learned, except by rounding."""

    microbatches: int = 1  # parts of a batch whose gradients are added up, to spare memory
    fsdp: int = 1  # devices that share one copy of the state
    dtype: Literal["float32", "bfloat16"] = "float32"  # of encoder, UNet and draft; parameters and losses are float32
    remat: bool = False  # computes the UNet's blocks twice to spare memory
