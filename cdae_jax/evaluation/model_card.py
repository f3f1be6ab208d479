"""The model card: what an exported model is, what it was trained on, how good it is, and what it is not for."""

import dataclasses

from cdae_jax.evaluation.report import UNKNOWN, if_known, markdown_table, number
from cdae_jax.inference.trained_model import TrainedModel

# What a hub reads of a card.
METADATA = """---
library_name: cdae_jax
pipeline_tag: image-to-image
tags: [counterfactual, causal-inference, diffusion, jax]
---

"""


def _effect(metrics: dict | None, names: tuple[str, ...]) -> list[str]:
    if metrics is None or "effectiveness" not in metrics:
        return ["Not evaluated."]
    protocol, effect = metrics["protocol"], metrics["effectiveness"]
    lines = [
        f"Mean absolute error between the true labels and those that {protocol['reader']} reads from counterfactual",
        f"images, per standard deviation of the training labels; 95 % intervals over {protocol['num_images']} images.",
        "",
        *markdown_table(["", *names], [[do, *(number(effect[do][name]) for name in names)] for do in effect]),
    ]
    if "composition" in metrics:
        lines += ["", f"The null intervention reproduces a test image at {metrics['composition']['psnr']:.1f} dB."]
    return lines


def _sureness(model: TrainedModel, metrics: dict | None) -> list[str]:
    if model.uncertainty is None:
        return ["This model gives no intervals (`draws`): it is not calibrated."]
    if metrics is None or "uncertainty" not in metrics:
        return ["Intervals (`draws`) were not measured."]
    found = metrics["uncertainty"]
    lines = [f"Share of true labels of test images in the 5..95 % interval of {found['draws']} draws; 90 % is right."]
    shares = {f"factual {name}": one for name, one in found["factual"].items() if "sure" not in one}
    shares |= {"descendants under do()": found["all"]} if "all" in found else {}
    rows = [
        [name, f"{one['coverage']['mean']:.1%}", if_known(one["width"]), if_known(one["rank"])]
        for name, one in shares.items()
    ]
    lines += ["", *markdown_table(["", "coverage", "mean width, sd", "rank correlation of width and error"], rows)]
    return lines if "all" in found else [*lines, "", UNKNOWN]


def model_card(model: TrainedModel, dataset: str, metrics: dict | None) -> str:
    """Markdown; metrics as `evaluate` writes them, None if the model was never evaluated."""
    height, width, channels = model.image_shape
    options = ", ".join(f"{name} {value}" for name, value in dataclasses.asdict(model.options()).items())
    data = {name: value for name, value in model.settings.to_dict()["data"].items() if not name.endswith("_dir")}
    variables = [
        [var.name, ", ".join(spec.parents) or "-", var.unit or "-", f"{var.low:.4g} to {var.high:.4g}"]
        for var, spec in zip(model.variables, model.graph.variables, strict=True)
    ]
    sections = {
        f"# Causal diffusion autoencoder: {dataset}": [
            f"Answers what an image of {dataset} would look like if some of its causal variables had other values",
            "(CausalDiffAE, arXiv 2404.17735; this implementation: cdae_jax).",
        ],
        "## Variables": [
            *markdown_table(["variable", "caused by", "unit", "training range"], variables),
            "",
            f"Images are {height} x {width} x {channels}, uint8.",
        ],
        "## Data and training": [
            f"{', '.join(f'{name} {value}' for name, value in data.items())}.",
            f"{model.step} steps of {model.settings.train.batch_size} images, seed {model.settings.train.seed}.",
            f"Decoded by default with {options}.",
        ],
        "## Quality": _effect(metrics, model.graph.names),
        "## How sure": _sureness(model, metrics),
        "## Limits": [
            "- The graph is an assumption that was given, not found: a wrong graph gives confident wrong answers.",
            "- Values outside the training range, and combinations that no training image shows, give poor images.",
            "- Each counterfactual's `support` says how far its labels lie from those of training: 100, than any.",
            "- One training run: the intervals are over test images and say nothing of other seeds.",
            "- Other images than those of the data above are outside what the model knows.",
        ],
        "## Intended use": [
            "Research on causal representations and counterfactual images. Not for decisions about people."
        ],
    }
    return METADATA + "\n\n".join("\n".join([title, "", *lines]) for title, lines in sections.items()) + "\n"
