"""The sweep of label fractions: seeds side by side, the most telling runs first, and none that says nothing new."""

import numpy as np

from cdae_jax.data.pipeline import pools
from cdae_jax.presets.sweeps import label_fraction

RUNS = label_fraction.get_sweep()
FRACTION, SEED = "data.label_fraction", "train.seed"


def kinds():
    """Every run once, without its seed."""
    return [{name: value for name, value in run.items() if name != SEED} for run in RUNS[::2]]


def test_both_seeds_of_a_run_come_together():
    """So that a sweep cut short has no run of one seed, but for the last."""
    for first, second in zip(RUNS[::2], RUNS[1::2], strict=True):
        assert {**first, SEED: 1} == second and first[SEED] == 0


def test_all_few_and_fewest_labels_come_before_what_lies_between():
    fractions = list(dict.fromkeys(run[FRACTION] for run in RUNS))
    first, rest = fractions[:3], fractions[3:]
    assert first == [1.0, 0.1, 0.01] and all(0.01 < fraction < 1 for fraction in rest)


def test_ours_on_labelled_images_alone_is_left_out_where_it_is_ours():
    """Where all are labelled, either way one pool of all images is drawn from."""
    for fraction in label_fraction.FRACTIONS:
        assert ({FRACTION: fraction, **label_fraction.LABELLED_ONLY} in kinds()) == (fraction < 1)
        assert {FRACTION: fraction} in kinds() and {FRACTION: fraction, **label_fraction.CONDITIONAL} in kinds()
    alone = label_fraction.LABELLED_ONLY["data.labelled_share"]
    ours, same = (pools(np.zeros((64, 4)), 16, share) for share in (0.5, alone))
    assert len(ours) == len(same) == 1 and ours[0][1] == same[0][1] == 16
    np.testing.assert_array_equal(ours[0][0], same[0][0])
