"""How counterfactuals are decoded: what it costs by hand, and which values are refused by name."""

import dataclasses

import numpy as np
import pytest

from cdae_jax.counterfactual.sampling import Sampling, sampling_of
from cdae_jax.errors import InputError
from cdae_jax.model.decoders import DECODERS


@pytest.mark.parametrize(
    ("options", "evaluations"),
    [
        ({}, 10 + 10),
        ({"guidance": 0.0}, 10 + 10),
        ({"guidance": 2.0}, 10 + 2 * 10),  # there without guidance, back with both conditions
        ({"guidance": 0.5, "abduction": "restore"}, 10 + 2 * 20),
        ({"abduction": "restore"}, 10 + 10 + 10),
        ({"abduction": "noise", "depth": 0.5}, 10),
        ({"abduction": "noise", "depth": 0.5, "guidance": 3.0}, 20),
        ({"corrections": 2}, 40),  # each costs one more decoding
        ({"corrections": 2, "abduction": "restore"}, 50),
        ({"corrections": 2, "abduction": "noise", "depth": 0.5}, 30),
        ({"corrections": 2, "guidance": 2.0}, 30),  # and is not made
        ({"fit_steps": 3, "solver": "dpm_solver"}, 20),  # drafts are no evaluations, and both solvers cost one a step
    ],
)
def test_evaluations_are_counted_by_hand(options, evaluations):
    assert Sampling(10, **options).evaluations == evaluations


@pytest.mark.parametrize(("prediction", "depth"), [("eps", 0.97), ("v", 1.0)])
def test_a_depth_of_zero_becomes_what_suits_the_prediction(prediction, depth):
    assert Sampling(4).resolved(prediction).depth == depth
    asked = Sampling(4, depth=0.3, corrections=2)
    assert asked.resolved(prediction) == asked
    other = Sampling(4, guidance=2.0, abduction="restore")
    assert dataclasses.replace(other.resolved(prediction), depth=0.0) == other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"num_steps": 0},
            "num_steps is 0: expected a whole number from 1 to 1000, the diffusion steps to the depth 1",
        ),
        ({"num_steps": 1001}, "num_steps is 1001: expected a whole number from 1 to 1000"),
        ({"num_steps": 21, "depth": 0.02}, "num_steps is 21: expected a whole number from 1 to 20.*to the depth 0.02"),
        ({"num_steps": 4.0}, "num_steps is 4.0: expected a whole number of at least 0"),
        ({"num_steps": True}, "num_steps is True: expected a whole number"),
        ({"guidance": -1.0}, "guidance is -1.0: expected a number of at least 0"),
        ({"guidance": float("nan")}, "guidance is nan: expected a number of at least 0"),
        ({"guidance": float("inf")}, "guidance is inf: expected a number of at least 0"),
        ({"guidance": "2"}, "guidance is '2': expected a number of at least 0"),
        ({"guidance": None}, "guidance is None: expected a number of at least 0"),
        ({"abduction": "guess"}, "abduction is 'guess': expected one of invert, restore, noise"),
        ({"depth": 1.5}, "depth is 1.5: expected a fraction of the diffusion time up to 1, 0 for the default"),
        ({"depth": -0.5}, "depth is -0.5: expected a number of at least 0"),
        ({"solver": "bdia"}, "solver is 'bdia': expected one of ddim, dpm_solver"),
        ({"corrections": -1}, "corrections is -1: expected a whole number of at least 0"),
        ({"corrections": 1.5}, "corrections is 1.5: expected a whole number"),
        ({"fit_steps": -1}, "fit_steps is -1: expected a whole number of at least 0"),
        ({"fit_steps": "many"}, "fit_steps is 'many': expected a whole number"),
    ],
)
def test_bad_values_are_refused_by_name(options, message):
    with pytest.raises(InputError, match=f"^config.sample.{message}"):
        Sampling(**{"num_steps": 4} | options).check(1000, "config.sample.")


@pytest.mark.parametrize(
    "options",
    [
        {"num_steps": 1000},
        {"num_steps": 20, "depth": 0.02},
        {"guidance": 0},
        {"guidance": np.float32(2)},
        {"num_steps": np.int64(4), "corrections": 2, "fit_steps": 3, "abduction": "restore", "solver": "dpm_solver"},
    ],
)
def test_good_values_are_not_refused(options):
    Sampling(**{"num_steps": 4} | options).check(1000)


@pytest.mark.parametrize(
    ("options", "decoder", "condition_drop", "is_aligned", "message"),
    [
        ({"guidance": 2.0}, "diffusion", 0.0, True, "guidance is 2.0, but with config.train.condition_drop 0 no null"),
        ({"guidance": 0.0}, "refiner", 0.0, True, "guidance is 0.0, but"),
        ({"corrections": 1}, "diffusion", 0.1, False, "corrections is 1, but with config.train.gamma 0"),
        ({"fit_steps": 2}, "refiner", 0.1, False, "fit_steps is 2, but with config.train.gamma 0"),
        (
            {"fit_steps": 2},
            "diffusion",
            0.1,
            True,
            'fit_steps is 2, but config.model.decoder is "diffusion", which has',
        ),
    ],
)
def test_what_a_model_cannot_follow_is_refused_by_name(options, decoder, condition_drop, is_aligned, message):
    with pytest.raises(InputError, match=f"^of this run: {message}"):
        Sampling(4, **options).check_for(DECODERS[decoder], condition_drop, is_aligned, "of this run: ")


@pytest.mark.parametrize(
    ("options", "decoder", "condition_drop", "is_aligned"),
    [
        ({"guidance": 1.0, "abduction": "restore"}, "diffusion", 0.0, False),
        ({"guidance": 2.0}, "diffusion", 0.1, False),
        ({"corrections": 2, "fit_steps": 2}, "conv", 0.0, True),
        ({"corrections": 2, "fit_steps": 2}, "refiner", 0.0, True),
    ],
)
def test_what_a_model_can_follow_is_not_refused(options, decoder, condition_drop, is_aligned):
    Sampling(4, **options).check_for(DECODERS[decoder], condition_drop, is_aligned)


def test_stored_options_are_read_without_what_is_gone_and_need_their_number_of_steps():
    stored = dataclasses.asdict(Sampling(7, guidance=1.5, depth=0.4)) | {"spacing": "auto"}
    assert sampling_of(stored) == Sampling(7, guidance=1.5, depth=0.4)
    with pytest.raises(TypeError, match="num_steps"):
        sampling_of({"guidance": 1.0})
