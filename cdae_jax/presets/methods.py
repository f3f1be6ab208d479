"""What a method is: section -> field -> value over a size and a dataset, which all methods share.

"graph" and "parts" say whether a method knows the causal graph, and what of the image each variable draws; "title" is
for tables.
"""

import dataclasses

from cdae_jax.counterfactual.sampling import Sampling


@dataclasses.dataclass(frozen=True)
class Share:
    """A number of steps, given as a share of `train.steps`."""

    part: float

    def of(self, steps):
        return steps * round(1000 * self.part) // 1000


@dataclasses.dataclass(frozen=True)
class Memory:
    """The decay of a moving average whose memory, 1 / (1 - decay) steps, is about this share of `train.steps`."""

    part: float

    def of(self, steps):
        return steps / (steps + 1 / self.part)


PLAIN_TRAINING = {"condition": "encoding", "refine_every": 1}

# Ours: a draft that learns from codes and style, refined by diffusion; labels fitted through it, and self-correction.
OURS = {
    "model": {
        "decoder": "refiner",
        "mechanism": "auto",
        "prior_sd": 0.05,  # with a prior of unit variance the decoder learns to ignore z
        "label_scale": "sd",
        "style_dim": 16,
    },
    "diffusion": {"schedule": "cosine", "prediction": "v"},
    "train": {
        "ema_decay": 0.999,
        "gamma": 0.02,
        "anneal_steps": 200,
        "kl_reduction": "mean",
        "mechanisms": "labels",
        "condition_drop": 0.1,
        "condition": "mixed",
        "refine_every": 2,
    },
    "sample": dataclasses.asdict(
        Sampling(num_steps=7, abduction="restore", solver="dpm_solver", corrections=2, fit_steps=2)
    ),
}

# CausalDiffAE as published (arXiv 2404.17735, section 4): the sum of a mean pixel loss and of both divergences, summed
# over dimensions, a prior of variance 1 around the label repeated over its block, additive mechanisms, all learned by
# that objective; inversion by 250 steps of DDIM. From the released code, where the paper states nothing: the linear
# schedule, eps as target, labels scaled to [-1, 1] by their range, gamma from 0 to 1 over 50,000 steps and an average
# of 10,000 steps, as shares of a run of 200,000 (how long the published runs were is stated nowhere). The released
# code differs from the paper in three things, which are the method "released": children see their parents' u, x_T is
# the image with fresh noise, and the decoder sees u with a thousandth of the variance of its noise, of which nothing is
# left here. It also drops z with probability 1/2 for weak supervision (config.train.condition_drop=0.5). Optimiser,
# encoder and UNet are ours at every size.
PAPER = {
    "title": "CausalDiffAE",
    "graph": True,
    "parts": False,
    "model": {
        "decoder": "diffusion",
        "mechanism": "additive",
        "prior_sd": 1.0,
        "label_scale": "range",
        "style_dim": 0,
    },
    "diffusion": {"schedule": "linear", "prediction": "eps"},
    "train": {
        "ema_decay": Memory(0.05),
        "gamma": 1.0,
        "anneal_steps": Share(0.25),
        "kl_reduction": "sum",
        "mechanisms": "objective",
        "condition_drop": 0.0,
        **PLAIN_TRAINING,
    },
    "sample": dataclasses.asdict(Sampling(num_steps=250, depth=1.0)),
}


def _changed(title: str, graph: bool = True, parts: bool = True, **sections) -> dict:
    """Ours with some fields of some sections changed: a method keeps all of ours that it does not replace."""
    return {"title": title, "graph": graph, "parts": parts, **sections}


METHODS = {
    "ours": _changed("ours"),
    "paper": PAPER,
    "released": PAPER
    | {
        "title": "CausalDiffAE as released",
        "model": PAPER["model"] | {"mechanism": "one_hop"},
        "train": PAPER["train"] | {"condition": "mean"},
        "sample": PAPER["sample"] | {"abduction": "noise"},
    },
    # Label-conditional diffusion: the decoder sees the labels themselves, once; an encoder reads the labels, and
    # mechanisms are fitted to labels alone. Its blocks grow to the code of a class, where there is one.
    "conditional": _changed("label-conditional", model={"block_dim": 1}, train={"condition": "labels"}),
    # DiffAE (arXiv 2111.15640): no labels, no graph; a linear readout reads and sets them. Its latents are style, and
    # there are no labels to draw parts by, to fit or to correct.
    "diffae": _changed(
        "DiffAE",
        graph=False,
        parts=False,
        model={"style_dim": 0},
        train={"gamma": 0.0, "condition": "mean"},
        sample={"corrections": 0, "fit_steps": 0},
    ),
    # Labels align the latents, but there is no causal layer.
    "aligned": _changed("no causal layer", graph=False),
    # CausalVAE (arXiv 2004.08697) with our encoder and causal layer; its decoder sees what the mechanisms say, and was
    # worse where these had a higher rate.
    "causalvae": _changed("CausalVAE", model={"decoder": "conv"}, train=PLAIN_TRAINING),
    # Ours without diffusion: a conditional VAE of codes and style, with our mechanisms.
    "draft": _changed("draft alone", model={"decoder": "conv"}, train={"refine_every": 1}),
    # Ours with what the released code does instead: children see their parents' u; x_T by fresh noise.
    "one_hop": _changed("one-hop mechanisms", model={"mechanism": "one_hop"}),
    "noise": _changed("fresh noise", sample={"abduction": "noise", "depth": 1.0}),
}
