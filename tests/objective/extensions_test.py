"""What we add to the published objective: each by hand, and what of the network it trains."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from networks import SHAPE, small_network
from objectives import WEIGHTS, draws_of, gradients, largest, values

from cdae_jax.objective import extensions

LENGTH = 2


def refiner():
    return small_network("refiner")


def with_a_style():
    return small_network("refiner", style_dim=3)


def with_(**changes):
    return dataclasses.replace(WEIGHTS, **changes)


def test_a_variable_set_by_hand_says_nothing_of_its_mechanism_and_its_u_is_free(batch):
    _, left = gradients(small_network(), WEIGHTS, batch)
    _, found = gradients(small_network(), WEIGHTS, batch | {"intervened": batch["intervened"].at[:, LENGTH].set(True)})
    assert largest(found["kl_z"]["scm"]["mechanisms_length"]) == 0
    assert largest(found["kl_z"]["scm"]["mechanisms_position"]) > 0
    assert largest(left["kl_z"]["scm"]["mechanisms_length"]) > 0
    # The last layer's columns are mean and log variance, each [n, k]: those of u of the length get no pull to N(0, 1).
    bias = np.asarray(found["kl_u"]["encoder"]["Dense_0"]["bias"]).reshape(2, 4, -1)
    assert (bias[:, LENGTH] == 0).all() and (bias[:, [0, 1, 3]] != 0).all()
    # What is there is still to be read.
    bias = np.asarray(found["kl_z"]["encoder"]["Dense_0"]["bias"]).reshape(2, 4, -1)
    assert (bias[0, LENGTH] != 0).all()


def test_sparing_a_variable_set_by_hand_changes_no_value(batch):
    intervened = batch["intervened"].at[:, LENGTH].set(True)
    conditionals = small_network().conditionals(jax.random.normal(jax.random.key(0), (8, 4, 4)))
    chex.assert_trees_all_equal(extensions.spare_what_was_set(conditionals, intervened), conditionals)


def test_a_missing_label_is_what_z_says_and_teaches_nothing():
    z, y = jax.random.normal(jax.random.key(0), (2, 4, 4)), jnp.array([[1.0, jnp.nan, 2.0, 3.0], [jnp.nan] * 4])
    found, pull = jax.vjp(lambda z: extensions.completed(small_network(), y, z), z)
    expected = np.where(np.isnan(y), np.asarray(z).mean(-1), y)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0], np.zeros_like(z))


def test_what_the_decoder_sees_under_each_condition(batch):
    draws = draws_of(small_network(), with_(condition_drop=0.5), batch)
    z, code = jax.random.normal(jax.random.key(0), (2, 8, 4, 4))
    known = jnp.ones((8, 4), bool).at[3, 1].set(False)
    drops = np.asarray(draws.drop)
    assert 0 < drops.sum() < 8 and not drops[3]
    swapped = np.where(np.asarray(draws.swap)[..., None], code, z)
    without_3 = drops | (np.arange(8) == 3)
    for kind, seen, dropped in (
        ("encoding", z, drops),
        ("mean", z, drops),
        ("mixed", swapped, drops),
        ("labels", code, without_3),
    ):
        found = extensions.condition_of(kind, z, code, known, draws)
        np.testing.assert_array_equal(found[0], seen)
        np.testing.assert_array_equal(found[1], dropped)


def test_half_of_the_latents_that_a_mixed_condition_sees_are_what_do_would_set(batch):
    """With all of them replaced the decoder sees labels alone, with none the mean of u; a missing label is that which
    the encoder reads."""
    draws = draws_of(small_network(), WEIGHTS, batch)

    def found(condition, batch, swap=None):
        swapped = draws if swap is None else draws._replace(swap=jnp.full_like(draws.swap, swap))
        return {
            name: float(value)
            for name, value in values(small_network(), with_(condition=condition), batch, swapped).items()
        }

    labels, mean, mixed = (found(condition, batch) for condition in ("labels", "mean", "mixed"))
    assert found("mixed", batch, True)["decoder"] == labels["decoder"] != mixed["decoder"]
    assert found("mixed", batch, False)["decoder"] == mean["decoder"] != mixed["decoder"]
    # The encoder learns from the mean of u in all three.
    assert labels["kl_z"] == mean["kl_z"] == mixed["kl_z"] != found("encoding", batch)["kl_z"]
    read = small_network().labels_of(small_network().propagate(small_network().encode(batch["x"])[0]))
    unlabelled, as_read = (batch | {"y": y} for y in (jnp.full_like(read, jnp.nan), read))
    swapped = found("mixed", unlabelled, True)["decoder"]
    assert swapped == pytest.approx(found("labels", as_read)["decoder"], rel=1e-5)


def test_the_unet_of_a_refiner_learns_what_the_draft_leaves(batch):
    """The null condition hides z from the UNet, not the draft."""
    net, weights = small_network("refiner"), with_(condition="mean")
    draws = draws_of(net, weights, batch)._replace(drop=jnp.arange(8) % 2 == 0)
    found = values(net, weights, batch, draws)

    @jax.jit
    def expected():
        z = net.propagate(net.encode(batch["x"])[0])
        draft = net.draft(z, batch["context"], SHAPE)
        r, alpha_bar = batch["x"] - draft, net.schedule.alpha_bar[draws.t][:, None, None, None]
        r_t = jnp.sqrt(alpha_bar) * r + jnp.sqrt(1 - alpha_bar) * draws.eps
        output = net.denoise(r_t, draws.t, z, batch["context"], draws.drop, draft)
        v = jnp.sqrt(alpha_bar) * draws.eps - jnp.sqrt(1 - alpha_bar) * r
        return jnp.mean((v - output) ** 2), jnp.mean((batch["x"] - draft) ** 2)

    decoder, misfit = expected()
    assert float(found["decoder"]) == pytest.approx(float(decoder), rel=1e-4)
    assert float(found["draft"]) == pytest.approx(float(misfit), rel=1e-4)


def test_a_draft_is_held_to_the_image():
    x_0, draft = np.random.default_rng(0).normal(size=(2, 3, 2, 2, 1)).astype(np.float32)
    found = extensions.draft_misfit(jnp.asarray(x_0), jnp.asarray(draft))
    np.testing.assert_allclose(found, ((x_0 - draft) ** 2).mean((1, 2, 3)), rtol=1e-5)


def test_a_decoder_without_diffusion_has_the_likelihood_of_its_pixels(batch):
    net, z = small_network("conv"), jax.random.normal(jax.random.key(0), (8, 4, 4))
    gaps = np.asarray(batch["x"] - net.draft(z, batch["context"], SHAPE), float)
    found = extensions.pixel_misfit(net, batch["x"], z, batch["context"])
    np.testing.assert_allclose(found, 0.5 * np.mean((gaps / 0.1) ** 2, (1, 2, 3)), rtol=1e-4)


def test_style_is_sampled_from_what_is_read_or_left_out_and_costs_its_divergence(batch):
    z = jax.random.normal(jax.random.key(0), (8, 4, 4))
    # A conv decoder's misfit is 1 / (2 0.1^2) times a draft's.
    for styled, scale in ((with_a_style(), 2 * 0.3**2), (small_network("conv", style_dim=3), 3**2)):
        draws = draws_of(styled, WEIGHTS, batch)
        mean, log_var = (np.asarray(part, float) for part in styled.read_style(batch["x"], z))
        kl = 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, -1)
        net, refined, terms = extensions.with_style(styled, batch["x"], z, draws, 0.5)
        sample = np.where(draws.plain[:, None] < 0.5, 0, mean + np.exp(0.5 * log_var) * draws.style)
        np.testing.assert_allclose(net.style, sample, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(refined.style, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(terms["style"], scale * kl / np.prod(SHAPE), rtol=1e-4)
        assert 0 < (draws.plain < 0.5).sum() < len(draws.plain)
    net, refined, terms = extensions.with_style(refiner(), batch["x"], z, draws, 0.5)
    assert net is refined is refiner() and terms == {}


def test_style_learns_from_the_draft_and_its_divergence_alone(batch):
    for condition in ("mean", "mixed"):
        _, slopes = gradients(with_a_style(), with_(condition=condition), batch)
        found = {term: {name: largest(part) for name, part in slopes[term].items()} for term in slopes}
        assert found["draft"]["style_encoder"] > 1e-6 and found["style"]["style_encoder"] > 1e-6
        assert found["decoder"]["style_encoder"] == 0 and found["decoder"]["unet"] > 0
        assert not any(value for name, value in found["style"].items() if name != "style_encoder")
        assert not any(value for name, value in found["draft"].items() if name not in ("style_encoder", "conv_decoder"))


def test_the_unet_refines_the_draft_of_the_mean_of_style_whether_the_draft_learns_from_it_or_not(batch):
    """Its loss is the same for every sample of style and wherever style is left out; that of the draft is not."""
    found = []
    for step, noise in ((0, 0), (1000, 10)):
        draws = draws_of(with_a_style(), WEIGHTS, batch)
        found.append(values(with_a_style(), WEIGHTS, batch, draws._replace(style=draws.style + noise), step=step))
    np.testing.assert_allclose(found[0]["decoder"], found[1]["decoder"], rtol=1e-5)
    assert abs(found[0]["draft"] - found[1]["draft"]) > 1e-4


def test_a_draft_learns_without_style_at_first_and_with_it_in_the_second_half():
    shares = [float(extensions.share_of_plain(jnp.int32(step), 100)) for step in (0, 25, 50, 99)]
    np.testing.assert_allclose(shares, [1, 0.5, 0, 0])
    assert extensions.share_of_plain(jnp.int32(200), 100) == 0  # of a run that is extended


def test_one_row_of_so_many_is_taken():
    found = extensions.every({"x": jnp.arange(12.0).reshape(6, 2), "t": jnp.arange(6)}, 3)
    np.testing.assert_array_equal(found["t"], [0, 3])
    np.testing.assert_array_equal(found["x"], [[0, 1], [6, 7]])


@pytest.fixture(scope="module")
def of_refiner(batch):
    """A refiner's terms and their gradients."""
    return gradients(refiner(), WEIGHTS, batch)


def test_the_draft_learns_from_its_own_term_and_that_term_teaches_nothing_else(of_refiner):
    of_draft, of_decoder = (
        {name: largest(part) for name, part in of_refiner[1][term].items()} for term in ("draft", "decoder")
    )
    assert of_draft.pop("conv_decoder") > 1e-4 and not any(of_draft.values())
    assert of_decoder["conv_decoder"] == 0.0
    assert of_decoder["unet"] > 1e-4 and of_decoder["encoder"] > 1e-7


def test_the_unet_may_learn_from_one_image_of_so_many_and_the_draft_learns_from_all(of_refiner, batch):
    draws = draws_of(refiner(), WEIGHTS, batch)
    some = jax.tree.map(lambda leaf: leaf[::2], (batch, draws))
    others = batch | {"x": batch["x"].at[1::2].multiply(-1)}, draws._replace(eps=draws.eps.at[1::2].multiply(-1))
    of_half, with_others = (gradients(refiner(), with_(refine_every=2), *given) for given in ((batch, draws), others))

    def only(found, term):
        return found[0][term], found[1][term]

    chex.assert_trees_all_equal(only(of_half, "decoder"), only(with_others, "decoder"))
    expected = float(values(refiner(), WEIGHTS, *some)["decoder"])
    assert float(of_half[0]["decoder"]) == pytest.approx(expected, rel=1e-5)
    assert abs(expected - float(of_refiner[0]["decoder"])) > 1e-3
    chex.assert_trees_all_close(only(of_half, "draft"), only(of_refiner, "draft"), rtol=1e-4, atol=1e-6)


def test_on_mixed_latents_the_draft_learns_from_the_codes_alone_and_the_unet_from_what_it_sees(batch):
    batch = batch | {"y": batch["y"].at[3, LENGTH].set(jnp.nan)}
    draws = draws_of(refiner(), WEIGHTS, batch)

    def found(condition, swap):
        swapped = draws._replace(swap=jnp.full_like(draws.swap, swap))
        terms = values(refiner(), with_(condition=condition), batch, swapped)
        return {name: float(value) for name, value in terms.items()}

    codes, seen, mean = found("mixed", True), found("mixed", False), found("mean", False)
    assert codes["draft"] == seen["draft"] != mean["draft"]
    assert seen["decoder"] == pytest.approx(mean["decoder"], rel=1e-5)
    assert abs(codes["decoder"] - seen["decoder"]) > 1e-3


def test_draft_and_remainder_are_learned(batch):
    """Of eight images whose left half is grey and whose right half is noise, both fall by descent on the loss."""
    images = batch | {"x": jnp.where(jnp.arange(16)[None, None, :, None] < 8, 0.5, batch["x"])}
    tx, draws = optax.adam(1e-2), draws_of(refiner(), WEIGHTS, batch)
    params, state, found = refiner().params, tx.init(refiner().params), []

    @jax.jit
    def step(params, slopes, state):
        with jax.numpy_dtype_promotion("standard"):  # as Optax needs it
            updates, state = tx.update(slopes, state)
            return optax.apply_updates(params, updates), state

    for _ in range(60):
        net = refiner().replace(params=params)
        terms, slopes = gradients(net, WEIGHTS, images, draws)
        found.append({name: float(terms[name]) for name in ("draft", "decoder")})
        params, state = step(params, {"params": slopes["loss"]}, state)
    for term in ("draft", "decoder"):
        assert found[-1][term] < 0.5 * found[0][term], found[:: len(found) - 1]
