"""The objective's terms against closed forms and against gradients that must be zero."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from objectives import whole_objective

from cdae_jax.diffusion.process import make_schedule
from cdae_jax.model.causal_diffae import init_params, labels_of
from cdae_jax.objective.objective import (
    LossWeights,
    counts,
    draw,
    family_mask,
    kl_gaussian,
    kl_standard_normal,
    masked_sum,
    objective,
)
from cdae_jax.settings.run import Settings
from configs.pendulum import get_config

SETTINGS = Settings.from_dict(get_config("smoke").to_dict())
MODEL = SETTINGS.make_model(0)
SCHEDULE = make_schedule("cosine", 1000)
WEIGHTS = LossWeights(kl_u=0.1, kl_z=0.2, mechanism=0.3, anneal_steps=10, condition_drop=0.1)


@pytest.fixture(scope="module")
def params():
    """Parameters away from zero-initialised layers, so that no gradient vanishes by accident."""
    fresh = jax.jit(lambda: init_params(MODEL, jax.random.key(0), (16, 16, 3)))()
    leaves, tree = jax.tree.flatten(fresh)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    noisy = [leaf + 0.05 * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(tree, noisy)


def run(params, batch, weights=WEIGHTS, step=100):
    return whole_objective(MODEL, params, SCHEDULE, weights, batch, jnp.int32(step), jax.random.key(3))


def test_kl_divergences_match_numerical_integration():
    x = np.linspace(-12, 12, 200_001)

    def normal(mean, sd):
        return np.exp(-0.5 * ((x - mean) / sd) ** 2) / sd / np.sqrt(2 * np.pi)

    def integrate(q, p):
        return np.sum(np.where(q > 1e-300, q * np.log(np.maximum(q, 1e-300) / np.maximum(p, 1e-300)), 0)) * (
            x[1] - x[0]
        )

    found = float(
        kl_gaussian(jnp.float32(0.5), jnp.log(jnp.float32(0.49)), jnp.float32(-0.2), jnp.log(jnp.float32(1.3)))
    )
    assert found == pytest.approx(integrate(normal(0.5, 0.7), normal(-0.2, 1.3)), abs=1e-4)
    found = float(kl_standard_normal(jnp.float32(0.5), jnp.log(jnp.float32(0.49))))
    assert found == pytest.approx(integrate(normal(0.5, 0.7), normal(0, 1)), abs=1e-4)


def test_masked_sums_and_counts_are_over_what_is_known(batch):
    values = jnp.arange(12.0).reshape(2, 3, 2)
    mask = jnp.array([[True, False, False], [False, False, True]])
    assert float(masked_sum(values, mask)) == 0 + 1 + 10 + 11
    y = batch["y"].at[0].set(jnp.nan).at[1, 2].set(jnp.nan)
    intervened = batch["intervened"].at[:3, 3].set(True)
    found = counts(MODEL, batch | {"y": y, "intervened": intervened})
    k = MODEL.block_dim
    assert {name: float(value) for name, value in found.items()} == {
        "decoder": 8,
        "kl_u": k * (8 * 4 - 3),
        "kl_z": k * (8 * 4 - 4 - 1),
        "kl_missing": k * (4 + 1),
        "mechanism": k * ((8 - 2) + (8 - 3)),  # the length of 2 families is unknown, 3 positions were set
        "mechanism_missing": k * 2,  # the position without any label was set
    }
    nothing = counts(MODEL, batch | {"y": jnp.full_like(y, jnp.nan)})
    assert float(nothing["kl_z"]) == float(nothing["mechanism"]) == 1
    every = counts(MODEL, batch)
    assert float(every["kl_missing"]) == float(every["mechanism_missing"]) == 1


def test_family_mask_asks_for_the_child_and_all_its_parents():
    known = jnp.array([[True, True, True, False], [True, False, True, True], [True, True, True, True]])
    expected = [[False, False, True, False], [False, False, False, False], [False, False, True, True]]
    np.testing.assert_array_equal(family_mask(MODEL, known), expected)


def test_the_loss_is_the_weighted_sum_and_gamma_is_annealed(params, batch):
    for step, gamma in ((0, 0.1), (4, 0.5), (100, 1.0)):
        loss, terms = run(params, batch, step=step)
        extra = 0.1 * terms["kl_u"] + 0.2 * terms["kl_z"] + 0.3 * terms["mechanism"]
        assert float(loss) == pytest.approx(float(terms["decoder"] + gamma * extra), rel=1e-5)


def test_without_labels_the_label_terms_and_their_gradients_are_exactly_zero(params, batch):
    unlabelled = batch | {"y": jnp.full((8, 4), jnp.nan)}
    for name in ("kl_z", "mechanism"):
        value, grads = jax.value_and_grad(lambda p, name=name: run(p, unlabelled)[1][name])(params)
        assert float(value) == 0
        assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(grads))


def test_an_unlabelled_sample_does_not_change_the_label_term(params, batch):
    half = batch | {"y": batch["y"].at[4:].set(jnp.nan)}
    other = half | {"x": half["x"].at[4:].multiply(-1)}
    assert float(run(params, half)[1]["kl_z"]) == pytest.approx(float(run(params, other)[1]["kl_z"]), rel=1e-6)
    assert float(run(params, half)[0]) != float(run(params, other)[0])


def test_where_a_label_is_missing_z_has_to_be_that_of_some_label(params, batch):
    """Against NumPy: under the fixed prior the nearest label is the mean over the block."""
    y = batch["y"].at[:3, 1].set(jnp.nan).at[5].set(jnp.nan)
    missing = np.isnan(np.asarray(y))
    on_mean = dataclasses.replace(WEIGHTS, condition="mean", kl_missing=0.4)
    loss, terms = run(params, batch | {"y": y}, on_mean)
    without, _ = run(params, batch | {"y": y}, dataclasses.replace(on_mean, kl_missing=0.0))
    assert float(loss - without) == pytest.approx(0.4 * float(terms["kl_missing"]), rel=1e-4)

    mean, log_var = MODEL.apply(params, batch["x"], method="encode")
    z = np.asarray(MODEL.apply(params, mean, method="propagate"), float)  # additive: the variance is that of u
    var, prior_var = np.exp(np.asarray(log_var, float)), MODEL.prior_sd**2
    off = z - z.mean(-1, keepdims=True)
    divergence = 0.5 * ((var + off**2) / prior_var - 1 - np.log(var / prior_var))
    assert float(terms["kl_missing"]) == pytest.approx(divergence[missing].mean(), rel=1e-4)


def test_where_a_label_is_missing_the_mechanisms_learn_from_what_the_encoder_reads(params, batch):
    """The term is (4) of a batch whose missing labels are the encoder's, and moves the mechanisms alone."""
    on_mean = dataclasses.replace(WEIGHTS, condition="mean", mechanism_missing=0.7)
    y = batch["y"].at[:3].set(jnp.nan)
    loss, terms = run(params, batch | {"y": y}, on_mean)
    without, _ = run(params, batch | {"y": y}, dataclasses.replace(on_mean, mechanism_missing=0.0))
    assert float(loss - without) == pytest.approx(0.7 * float(terms["mechanism_missing"]), rel=1e-3)

    z = MODEL.apply(params, MODEL.apply(params, batch["x"], method="encode")[0], method="propagate")
    first = {name: values[:3] for name, values in batch.items()} | {"y": z.mean(-1)[:3]}
    assert float(terms["mechanism_missing"]) == pytest.approx(float(run(params, first)[1]["mechanism"]), rel=1e-4)

    grads = jax.grad(lambda p: run(p, batch | {"y": y}, on_mean)[1]["mechanism_missing"])(params)["params"]
    moved = {name: max(np.abs(leaf).max() for leaf in jax.tree.leaves(part)) for name, part in grads.items()}
    assert {name for name, most in moved.items() if most > 0} == {"scm"}


def test_mechanisms_alone_learn_from_nothing_but_the_likelihood_of_labels(params, batch):
    """Whatever the other terms say of z, their gradients at the mechanisms are zero; nothing else changes."""
    known = batch | {"y": batch["y"].at[:3, 2].set(jnp.nan)}  # an effect

    def gradient(alone, term):
        weights = dataclasses.replace(WEIGHTS, mechanism_alone=alone)
        return jax.value_and_grad(lambda p: run(p, known, weights)[1][term])(params)

    for term in ("decoder", "kl_u", "kl_z", "kl_missing", "mechanism", "mechanism_missing"):
        (value, shared), (same, alone) = gradient(False, term), gradient(True, term)
        assert float(value) == float(same)
        own, held = shared["params"].pop("scm"), alone["params"].pop("scm")
        largest = [max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(part)) for part in (own, held)]
        if term.startswith("mechanism"):
            assert largest[0] == largest[1] > 0
        else:
            assert largest[1] == 0 and (largest[0] > 0 or term == "kl_u")
        chex.assert_trees_all_close(shared, alone, atol=1e-7)


def test_with_every_label_known_the_terms_of_missing_ones_are_exactly_zero(params, batch):
    for name in ("kl_missing", "mechanism_missing"):
        value, grads = jax.value_and_grad(lambda p, name=name: run(p, batch)[1][name])(params)
        assert float(value) == 0 and all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(grads))


def test_the_encoder_learns_from_the_diffusion_term(params, batch):
    grads = jax.grad(lambda p: run(p, batch)[1]["decoder"])(params)["params"]
    assert all(np.abs(np.asarray(leaf)).max() > 0 for leaf in jax.tree.leaves(grads["encoder"]))


def test_on_the_mean_of_u_the_decoder_has_no_say_in_the_encoders_variance(params, batch):
    on_mean = dataclasses.replace(WEIGHTS, condition="mean")
    for weights, is_zero in ((WEIGHTS, False), (on_mean, True)):
        grads = jax.grad(lambda p, weights=weights: run(p, batch, weights)[1]["decoder"])(params)["params"]
        to_mean, to_log_var = np.split(np.asarray(grads["encoder"]["Dense_0"]["kernel"]), 2, axis=-1)
        assert np.abs(to_mean).max() > 0 and (np.abs(to_log_var).max() == 0) == is_zero
    grads = jax.grad(lambda p: run(p, batch, on_mean)[0])(params)["params"]
    assert (
        np.abs(np.split(np.asarray(grads["encoder"]["Dense_0"]["kernel"]), 2, axis=-1)[1]).max() > 0
    )  # by (2) and (3)


def test_half_of_the_latents_that_a_mixed_condition_sees_are_what_do_would_set(params, batch):
    """With all of them replaced the decoder sees labels alone, with none the mean of u; a missing label is that which
    the encoder reads."""

    def terms(condition, batch, swap=None):
        weights = dataclasses.replace(WEIGHTS, condition=condition, condition_drop=0.0)
        draws = draw(MODEL, SCHEDULE, 0.0, batch["x"].shape, jax.random.key(3))
        if swap is not None:
            draws = draws._replace(swap=jnp.broadcast_to(jnp.asarray(swap), draws.swap.shape))
        over, step = counts(MODEL, batch), jnp.int32(100)
        return objective(MODEL, params, SCHEDULE, weights, batch, draws, over, step)[1]

    for swap, condition in ((True, "labels"), (False, "mean")):
        assert float(terms("mixed", batch, swap)["decoder"]) == float(terms(condition, batch)["decoder"])
    mixed = terms("mixed", batch)
    assert mixed["decoder"] not in (terms("labels", batch)["decoder"], terms("mean", batch)["decoder"])
    for condition in ("mixed", "labels"):  # the encoder learns from the mean of u in all three
        assert float(terms(condition, batch)["kl_z"]) == float(terms("mean", batch)["kl_z"])
    assert float(terms("encoding", batch)["kl_z"]) != float(mixed["kl_z"])
    mean, _ = MODEL.apply(params, batch["x"], method="encode")
    z = MODEL.apply(params, mean, method="propagate")
    read = labels_of(MODEL, params, z)
    unlabelled, as_read = ({**batch, "y": y} for y in (jnp.full_like(read, jnp.nan), read))
    np.testing.assert_allclose(
        terms("mixed", unlabelled, True)["decoder"], terms("labels", as_read)["decoder"], rtol=1e-5
    )
    drawn = [draw(MODEL, SCHEDULE, 0.1, (64, 16, 16, 3), jax.random.key(seed)).swap for seed in range(4)]
    assert 0.4 < float(jnp.mean(jnp.stack(drawn))) < 0.6


def test_dropping_every_condition_cuts_the_decoder_from_z(params, batch):
    always = LossWeights(kl_u=0.1, kl_z=0.2, mechanism=0.3, anneal_steps=10, condition_drop=1.0)
    grads = jax.grad(lambda p: run(p, batch, always)[1]["decoder"])(params)["params"]
    assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(grads["encoder"]))
    assert np.abs(np.asarray(grads["unet"]["null_condition"])).max() > 0


def test_the_label_divergence_is_exact_for_a_linear_chain():
    """Against the joint Gaussian divergence by Monte Carlo over sampled parents."""
    mean, log_var = jnp.array([0.3, -0.2]), jnp.log(jnp.array([0.04, 0.09]))
    slope, prior_mean, prior_sd = 0.8, jnp.array([0.1, 0.5]), 0.5
    # q(z): z_0 = u_0, z_1 = slope z_0 + u_1, jointly Gaussian.
    weights = np.array([[1, 0], [slope, 1]])
    q_mean, q_cov = weights @ np.asarray(mean), weights @ np.diag(np.exp(np.asarray(log_var))) @ weights.T
    gap = q_mean - np.asarray(prior_mean)
    exact = 0.5 * (
        np.trace(q_cov) / prior_sd**2
        + gap @ gap / prior_sd**2
        - 2
        + 4 * np.log(prior_sd)
        - np.log(np.linalg.det(q_cov))
    )
    u_0 = mean[0] + jnp.exp(0.5 * log_var[0]) * jax.random.normal(jax.random.key(0), (100_000,))
    conditional = jnp.stack([jnp.full_like(u_0, mean[0]), slope * u_0 + mean[1]], -1)
    log_sd = jnp.full_like(conditional, jnp.log(prior_sd))
    spread = jnp.broadcast_to(log_var, conditional.shape)
    target = jnp.broadcast_to(prior_mean, conditional.shape)
    found = kl_gaussian(conditional, spread, target, log_sd).sum(-1).mean()
    assert float(found) == pytest.approx(exact, rel=0.01)


def test_with_an_affine_mechanism_the_last_term_is_the_negative_log_likelihood_of_the_labels():
    """Against -log N(y_child; shift, exp(log_scale)^2) written out in NumPy."""
    config = get_config("smoke")
    config.model.mechanism = "affine"
    model = Settings.from_dict(config.to_dict()).make_model(0)
    fresh = jax.jit(lambda: init_params(model, jax.random.key(0), (16, 16, 3)))()
    noisy = jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(jax.random.key(5), leaf.shape), fresh)
    y = jax.random.normal(jax.random.key(2), (8, 4))
    batch = {"x": jnp.zeros((8, 16, 16, 3)), "y": y, "context": jnp.zeros((8,), jnp.int32)}
    batch["intervened"] = jnp.zeros(y.shape, bool)
    run_jitted = jax.jit(lambda p: whole_objective(model, p, SCHEDULE, WEIGHTS, batch, jnp.int32(9), jax.random.key(3)))
    _, terms = run_jitted(noisy)
    z = np.repeat(np.asarray(y)[..., None], model.block_dim, -1)
    shift, log_scale = (np.asarray(a) for a in model.apply(noisy, jnp.asarray(z), method="conditionals"))
    log_density = -0.5 * ((z - shift) / np.exp(log_scale)) ** 2 - log_scale  # up to log sqrt(2 pi)
    assert np.abs(log_scale[:, 2:]).min() > 0
    assert float(terms["mechanism"]) == pytest.approx(-log_density[:, 2:].mean(), rel=1e-4)


def test_a_variable_set_by_hand_says_nothing_of_its_mechanism_and_its_u_is_free(params, batch):
    length = 2
    set_by_hand = batch | {"intervened": batch["intervened"].at[:, length].set(True)}

    def gradient(name, batch):
        return jax.grad(lambda p: run(p, batch)[1][name])(params)["params"]

    def largest(tree):
        return max(np.abs(np.asarray(leaf)).max() for leaf in jax.tree.leaves(tree))

    for name in ("kl_z", "mechanism"):
        mechanisms = gradient(name, set_by_hand)["scm"]
        assert largest(mechanisms["mechanisms_length"]) == 0
        assert largest(mechanisms["mechanisms_position"]) > 0
        assert largest(gradient(name, batch)["scm"]["mechanisms_length"]) > 0
    # The last layer's columns are mean and log variance, each [n, k]: those of u of the length get no pull to N(0, 1).
    bias = np.asarray(gradient("kl_u", set_by_hand)["encoder"]["Dense_0"]["bias"]).reshape(2, 4, -1)
    assert (bias[:, length] == 0).all() and (bias[:, [0, 1, 3]] != 0).all()
    # What is there is still to be read.
    bias = np.asarray(gradient("kl_z", set_by_hand)["encoder"]["Dense_0"]["bias"]).reshape(2, 4, -1)
    assert (bias[0, length] != 0).all()
