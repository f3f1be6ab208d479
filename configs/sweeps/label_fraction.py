"""How few labels suffice: ours, ours without the unlabelled images, and label-conditional diffusion; then ours with the
unlabelled images but without (3') or (4') of `cdae_jax.objective.objective`.

The most telling runs come first, so that a sweep cut short still says something, and both seeds of a run together.
Label-conditional diffusion sees every label once (block_dim 1); with a categorical variable write the number of its
classes there.
"""

FRACTIONS = (1.0, 0.1, 0.01, 0.25, 0.05)
LABELLED_ONLY = {"data.labelled_only": True}
CONDITIONAL = {"train.condition": "labels", "model.block_dim": 1}
WITHOUT_A_TERM = ({"train.kl_missing": 0.0}, {"train.mechanism_missing": 0.0})


def get_sweep() -> list[dict]:
    runs = []
    for methods in (({}, LABELLED_ONLY, CONDITIONAL), WITHOUT_A_TERM):
        for fraction in FRACTIONS:
            for method in methods:
                if fraction < 1 or method in ({}, CONDITIONAL):  # the others differ where labels are missing
                    runs += [{"data.label_fraction": fraction, **method, "train.seed": seed} for seed in (0, 1)]
    return runs
