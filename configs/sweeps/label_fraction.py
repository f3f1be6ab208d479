"""How few labels suffice: ours, ours without the unlabelled images, with them but without (3') or (4') of
`cdae_jax.losses`, and label-conditional diffusion.

The most telling runs come first, so that a sweep cut short still says something. Label-conditional diffusion sees every
label once (block_dim 1); with a categorical variable write the number of its classes there.
"""

METHODS = (
    {},
    {"data.labelled_only": True},
    {"train.kl_missing": 0.0},
    {"train.mechanism_missing": 0.0},
    {"train.condition": "labels", "model.block_dim": 1},
)


def get_sweep() -> list[dict]:
    runs = [
        {"data.label_fraction": fraction, **method, "train.seed": seed}
        for seed in (0, 1)
        for fraction in (1.0, 0.1, 0.01, 0.25, 0.05)
        for method in METHODS
    ]
    needless = {"data.labelled_only", "train.kl_missing", "train.mechanism_missing"}  # where no label is missing
    return [run for run in runs if run["data.label_fraction"] < 1 or not needless & set(run)]
