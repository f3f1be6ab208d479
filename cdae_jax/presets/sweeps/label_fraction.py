"""How few labels suffice: ours, ours on the labelled images alone, and label-conditional diffusion.

The most telling runs come first, so that a sweep cut short still says something, and both seeds of a run together.
Label-conditional diffusion sees every label once (block_dim 1, which grows to the code of a class).
"""

FRACTIONS = (1.0, 0.1, 0.01, 0.25, 0.05)
LABELLED_ONLY = {"data.labelled_share": 1.0}
CONDITIONAL = {"train.condition": "labels", "model.block_dim": 1}


def get_sweep() -> list[dict]:
    runs = []
    for fraction in FRACTIONS:
        for method in ({}, LABELLED_ONLY, CONDITIONAL):
            if fraction < 1 or method != LABELLED_ONLY:  # the same where all are labelled
                runs += [{"data.label_fraction": fraction, **method, "train.seed": seed} for seed in (0, 1)]
    return runs
