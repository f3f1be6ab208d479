"""The objective against the paper written out in NumPy, and against gradients that must be zero."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import small_network
from objectives import WEIGHTS, counts_of, draws_of, gradients, largest, values

ON_MEAN = dataclasses.replace(WEIGHTS, condition="mean")


@pytest.fixture(scope="module")
def known(batch):
    """The gradients of each term, every label known."""
    return gradients(small_network(), WEIGHTS, batch)[1]


def test_the_loss_is_the_weighted_sum_and_gamma_is_annealed(batch):
    for step, share in ((0, 0.1), (4, 0.5), (9, 1.0), (100, 1.0)):
        found = values(small_network(), WEIGHTS, batch, step=step)
        extra = 0.1 * (found["kl_u"] + found["kl_z"])
        assert float(found["loss"]) == pytest.approx(float(found["decoder"] + share * extra), rel=1e-5)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_terms_are_those_of_the_paper(batch, reduction):
    """With the published sum over dimensions, averaged over images, and with our mean over all of them."""
    weights = dataclasses.replace(WEIGHTS, kl_reduction=reduction)
    draws = draws_of(small_network(), weights, batch)
    found = values(small_network(), weights, batch, draws, counts_of(small_network(), weights, batch))

    mean, log_var = (np.asarray(part, float) for part in small_network().encode(batch["x"]))
    u = mean + np.exp(log_var / 2) * np.asarray(draws.u)
    z = small_network().propagate(jnp.asarray(u, jnp.float32))
    shift = np.asarray(small_network().conditionals(z)[0], float)
    y = np.repeat(np.asarray(batch["y"], float)[..., None], 4, -1)
    kl_u = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)
    prior_var = small_network().model.prior_sd ** 2
    kl_z = 0.5 * ((np.exp(log_var) + (shift + mean - y) ** 2) / prior_var - 1 - log_var + np.log(prior_var))

    def reduced(divergence):
        return divergence.sum((1, 2)).mean() if reduction == "sum" else divergence.mean()

    assert float(found["kl_u"]) == pytest.approx(reduced(kl_u), rel=1e-4)
    assert float(found["kl_z"]) == pytest.approx(reduced(kl_z), rel=1e-4)

    alpha_bar = np.asarray(small_network().schedule.alpha_bar, float)[np.asarray(draws.t)][:, None, None, None]
    x_0, eps = np.asarray(batch["x"], float), np.asarray(draws.eps, float)
    x_t = jnp.asarray(np.sqrt(alpha_bar) * x_0 + np.sqrt(1 - alpha_bar) * eps, jnp.float32)
    output = jax.jit(lambda: small_network().denoise(x_t, draws.t, z, batch["context"], draws.drop))()
    v = np.sqrt(alpha_bar) * eps - np.sqrt(1 - alpha_bar) * x_0
    assert float(found["decoder"]) == pytest.approx(np.mean((v - np.asarray(output)) ** 2), rel=1e-4)


def test_of_a_spline_the_divergence_from_the_labels_is_near_what_samples_say(batch):
    """KL[q(z_i | z_pa, x) || p(z_i | y)] by its tangent, against the mean over many samples of u."""
    net, weights = small_network(mechanism="spline"), dataclasses.replace(WEIGHTS, condition="mean")
    draws = draws_of(net, weights, batch)
    found = values(net, weights, batch, draws, counts_of(net, weights, batch))["kl_z"]

    mean, log_var = net.encode(batch["x"])
    conditionals = net.conditionals(net.propagate(mean))
    code, sd = net.codes(batch["y"]), net.model.prior_sd

    def of_sample(key):
        eps = jax.random.normal(key, mean.shape)
        z, log_slope = conditionals.z_of(mean + jnp.exp(log_var / 2) * eps)
        log_q = -0.5 * eps**2 - log_var / 2 - log_slope
        return log_q + 0.5 * ((z - code) / sd) ** 2 + np.log(sd)

    sampled = jax.jit(jax.vmap(of_sample))(jax.random.split(jax.random.key(0), 2000))
    assert float(found) == pytest.approx(float(sampled.mean()), rel=0.03)


def test_the_shares_of_parts_of_a_batch_add_up_to_the_loss_of_the_whole(batch):
    part_known = batch | {"y": batch["y"].at[:3, 2].set(jnp.nan)}
    draws, over = draws_of(small_network(), WEIGHTS, batch), counts_of(small_network(), WEIGHTS, part_known)
    halves = [jax.tree.map(lambda leaf, at=at: leaf[at], (part_known, draws)) for at in (slice(4), slice(4, 8))]
    first, second = (values(small_network(), WEIGHTS, *half, over) for half in halves)
    for name, whole in values(small_network(), WEIGHTS, part_known, draws, over).items():
        assert float(first[name] + second[name]) == pytest.approx(float(whole), rel=1e-4), name


def test_without_labels_the_label_terms_and_their_gradients_are_exactly_zero(batch, known):
    found, slopes = gradients(small_network(), WEIGHTS, batch | {"y": jnp.full((8, 4), jnp.nan)})
    assert float(found["kl_z"]) == largest(slopes["kl_z"]) == 0 < largest(known["kl_z"])


def test_an_unlabelled_sample_does_not_change_the_label_terms(batch):
    half = batch | {"y": batch["y"].at[4:].set(jnp.nan)}
    here, there = (values(small_network(), WEIGHTS, half | {"x": half["x"].at[4:].multiply(sign)}) for sign in (1, -1))
    assert float(here["kl_z"]) == pytest.approx(float(there["kl_z"]), rel=1e-6)
    assert float(here["loss"]) != float(there["loss"])


def test_the_encoder_learns_from_the_diffusion_term(known):
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(known["decoder"]["encoder"]))


def test_on_the_mean_of_u_the_decoder_has_no_say_in_the_encoders_variance(batch, known):
    on_mean = gradients(small_network(), ON_MEAN, batch)[1]
    for slopes, term, is_zero in ((known, "decoder", False), (on_mean, "decoder", True), (on_mean, "loss", False)):
        to_mean, to_log_var = np.split(np.asarray(slopes[term]["encoder"]["Dense_0"]["kernel"]), 2, axis=-1)
        assert np.abs(to_mean).max() > 0 and (np.abs(to_log_var).max() == 0) == is_zero  # the loss has (2) and (3)


def test_dropping_every_condition_cuts_the_decoder_from_z(batch, known):
    draws = draws_of(small_network(), dataclasses.replace(WEIGHTS, condition_drop=1.0), batch)
    dropped = gradients(small_network(), WEIGHTS, batch, draws)[1]["decoder"]
    assert largest(dropped["encoder"]) == 0 < largest(known["decoder"]["encoder"])
    assert largest(dropped["unet"]["null_condition"]) > 0 == largest(known["decoder"]["unet"]["null_condition"])


def test_a_hidden_context_is_the_class_beyond_the_last(batch):
    net, shown = small_network(num_classes=2), batch | {"context": jnp.arange(8) % 2}
    draws = draws_of(net, WEIGHTS, batch)

    def decoder(hidden, context):
        hide = jnp.full_like(draws.hide, hidden)
        return float(values(net, WEIGHTS, shown | {"context": context}, draws._replace(hide=hide))["decoder"])

    hidden = decoder(True, shown["context"])
    assert hidden == decoder(True, 1 - shown["context"]) == decoder(False, jnp.full(8, 2))
    assert hidden != decoder(False, shown["context"]) != decoder(False, 1 - shown["context"])


@pytest.mark.parametrize("name", ["y", "context", "intervened"])
def test_wrong_shapes_raise(batch, name):
    with pytest.raises(AssertionError, match="shape"):
        values(
            small_network(), WEIGHTS, batch | {name: batch[name][:-1]}, over=counts_of(small_network(), WEIGHTS, batch)
        )
