"""What each part of our method buys: ours, then ours without one of them, the rest as it is. Without a draft there are
no parts, no style and no label fit either.

The last three decode the first run's model. Parts of the image are the graph's: train without them by
--config.graph.<name>.part= for every variable that has one.
"""

NO_DRAFT = {"model.decoder": "diffusion", "model.style_dim": 0, "train.refine_every": 1, "sample.fit_steps": 0}


def get_sweep() -> list[dict]:
    return [
        {},
        NO_DRAFT,
        {"model.style_dim": 0},
        {"train.condition": "mean"},  # no codes of labels among the latents that the decoder sees
        {"train.condition": "encoding"},  # latents of a sample of u, as published
        {"model.mechanism": "additive"},  # the published kind, fitted to labels
        {"model.mechanism": "additive", "train.mechanisms": "objective"},  # learned with all else, as published
        {"sample.fit_steps": 0},
        {"sample.corrections": 0},
        {"sample.abduction": "invert"},  # what the inversion loses is not restored
    ]
