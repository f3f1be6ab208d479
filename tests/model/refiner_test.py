"""The decoder that refines a draft: what the draft changes, and what each term trains."""

import functools
import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from devices import one_device
from objectives import whole_objective

import cdae_jax
from cdae_jax.counterfactual.algorithm import counterfactual, sample
from cdae_jax.diffusion.grids import time_grid
from cdae_jax.diffusion.guidance import Strength
from cdae_jax.diffusion.process import (
    eps_from_output,
    make_schedule,
    prediction_target,
    q_sample,
    signal_noise,
    x_0_from_eps,
)
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.model.causal_diffae import draft_of, init_params, make_eps_fn
from cdae_jax.objective.objective import LossWeights, counts, draw, objective
from cdae_jax.settings.run import Settings
from cdae_jax.training.loop import train_model
from configs.pendulum import get_config

SHAPE = (16, 16, 3)
SCHEDULE = make_schedule("cosine", 1000)


def model_of(prediction="v"):
    config = get_config("smoke")
    config.model.decoder, config.diffusion.prediction = "refiner", prediction
    return Settings.from_dict(config.to_dict()).make_model(0)


@pytest.fixture(scope="module")
def params():
    return jax.jit(lambda: init_params(model_of(), jax.random.key(0), SHAPE))()


def moved(params):
    """Away from layers that start at zero, so that no gradient vanishes by accident."""
    return jax.tree.map(lambda leaf: leaf + 0.05 * jax.random.normal(jax.random.key(1), leaf.shape), params)


@pytest.mark.parametrize("prediction", ["eps", "v", "x_0"])
def test_a_unet_that_says_zero_leaves_the_process_of_the_draft(params, prediction):
    """The last convolution starts at zero: the remainder r is then estimated as for r_t alone."""
    model = model_of(prediction)
    z, context, t = jnp.ones((4, 4, 4)), jnp.zeros(4, jnp.int32), jnp.array([3, 300, 700, 999])
    draft = draft_of(model, params, z, context, jnp.zeros(4, bool), SHAPE)
    x_t = jax.random.normal(jax.random.key(5), (4, *SHAPE))
    alpha_bar = SCHEDULE.alpha_bar[t]
    x_0 = x_0_from_eps(x_t, make_eps_fn(model, params, SCHEDULE, z, context, SHAPE)(x_t, t), alpha_bar)
    signal, _ = signal_noise(alpha_bar, 4)
    rest = x_t - signal * draft
    expected = {"eps": rest / signal, "v": signal * rest, "x_0": jnp.zeros_like(rest)}[prediction]
    np.testing.assert_allclose(x_0 - draft, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("prediction", ["eps", "v", "x_0"])
def test_adding_the_drafts_own_target_gives_the_images(prediction):
    keys = jax.random.split(jax.random.key(0), 3)
    x_0, draft, eps = (jax.random.normal(key, (4, *SHAPE)) for key in keys)
    alpha_bar = SCHEDULE.alpha_bar[jnp.array([3, 300, 700, 999])]
    of_rest = prediction_target(prediction, x_0 - draft, eps, alpha_bar)
    of_draft = prediction_target(prediction, draft, jnp.zeros_like(eps), alpha_bar)
    np.testing.assert_allclose(of_rest + of_draft, prediction_target(prediction, x_0, eps, alpha_bar), atol=1e-5)
    x_t = q_sample(SCHEDULE, x_0, eps, jnp.array([3, 300, 700, 999]))
    np.testing.assert_allclose(
        x_t - signal_noise(alpha_bar, 4)[0] * draft,
        q_sample(SCHEDULE, x_0 - draft, eps, jnp.array([3, 300, 700, 999])),
        atol=1e-5,
    )


def test_the_null_condition_knows_no_draft(params):
    model, away = model_of(), moved(params)
    x_t, t, context = jax.random.normal(jax.random.key(5), (4, *SHAPE)), jnp.full(4, 500), jnp.zeros(4, jnp.int32)
    eps = [
        make_eps_fn(model, away, SCHEDULE, jnp.full((4, 4, 4), value), context, SHAPE, null=null)(x_t, t)
        for null in (True, False)
        for value in (-1.0, 1.0)
    ]
    np.testing.assert_array_equal(eps[0], eps[1])
    assert float(jnp.abs(eps[2] - eps[3]).max()) > 1e-3


def test_the_draft_learns_from_its_own_term_and_that_term_teaches_nothing_else(params, batch):
    model, away = model_of(), moved(params)

    def gradient(term):
        def loss(params):
            weights = LossWeights(0.1, 0.1, 0.1, 1, 0.0)
            return whole_objective(model, params, SCHEDULE, weights, batch, jnp.int32(9), jax.random.key(3))[1][term]

        found = jax.jit(jax.grad(loss))(away)["params"]
        return {name: max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(part)) for name, part in found.items()}

    of_draft, of_decoder = gradient("draft"), gradient("decoder")
    assert of_draft.pop("conv_decoder") > 1e-4 and not any(of_draft.values())
    assert of_decoder["conv_decoder"] == 0.0
    assert of_decoder["unet"] > 1e-4 and of_decoder["encoder"] > 1e-7


def test_the_unet_may_learn_from_one_image_of_so_many_and_the_draft_learns_from_all(params, batch):
    model, away, step = model_of(), moved(params), jnp.int32(9)
    draws = draw(model, SCHEDULE, 0.0, batch["x"].shape, jax.random.key(3))
    some, some_draws = jax.tree.map(lambda leaf: leaf[::2], (batch, draws))

    def gradient(term, batch, draws, refine_every):
        def loss(params):
            weights = LossWeights(0.1, 0.1, 0.1, 1, 0.0, refine_every=refine_every)
            return objective(model, params, SCHEDULE, weights, batch, draws, counts(model, batch), step)[1][term]

        return jax.jit(jax.value_and_grad(loss))(away)

    of_half = gradient("decoder", batch, draws, 2)
    chex.assert_trees_all_close(of_half, gradient("decoder", some, some_draws, 1), atol=1e-5)
    assert abs(of_half[0] - gradient("decoder", batch, draws, 1)[0]) > 1e-3
    chex.assert_trees_all_close(gradient("draft", batch, draws, 2), gradient("draft", batch, draws, 1), atol=1e-6)


def test_on_mixed_latents_the_draft_learns_from_the_codes_alone_and_the_unet_from_what_it_sees(params, batch):
    model, away = model_of(), moved(params)
    batch = batch | {"y": batch["y"].at[3, 2].set(jnp.nan)}

    @functools.partial(jax.jit, static_argnames="condition")
    def terms(condition, swap):
        weights, draws = (
            LossWeights(0.1, 0.1, 0.1, 1, 0.0, condition),
            draw(model, SCHEDULE, 0.0, batch["x"].shape, key),
        )
        draws = draws._replace(swap=jnp.full_like(draws.swap, swap))
        return objective(model, away, SCHEDULE, weights, batch, draws, counts(model, batch), jnp.int32(9))[1]

    key = jax.random.key(3)
    codes, seen = terms("mixed", True), terms("mixed", False)
    assert float(codes["draft"]) == float(seen["draft"]) != float(terms("mean", False)["draft"])
    assert float(seen["decoder"]) == pytest.approx(float(terms("mean", False)["decoder"]), rel=1e-5)
    assert abs(float(codes["decoder"]) - float(seen["decoder"])) > 1e-3


@pytest.mark.parametrize("solver", ["ddim", "bdia"])  # one keeps a state, the other a pair
def test_a_counterfactual_is_its_own_draft_and_the_remainder_made_again_from_its_noise(params, solver):
    """Held against the solver run on the remainder itself, to a third of the diffusion time."""
    model, away = model_of(), moved(params)
    x = 0.3 * jax.random.normal(jax.random.key(5), (4, *SHAPE))
    y_do, context = jnp.full((4, 4), jnp.nan).at[:, jnp.array([0, 2])].set(1.5), jnp.zeros(4, jnp.int32)
    t = jnp.asarray(time_grid(SCHEDULE, 3, 0.3))
    options = {"solver": solver, "strength": Strength(jnp.ones(4), jnp.array([0, 2]), jnp.ones(2))}
    of = functools.partial(counterfactual, model, away, SCHEDULE, x, y_do, context, jax.random.key(0), t)
    made = of(solver=solver)

    def of_remainder(z):
        draft = draft_of(model, away, z, context, jnp.zeros(4, bool), SHAPE)

        def eps_fn(r_t, t):
            time = t.astype(jnp.float32) / SCHEDULE.num_steps
            output = model.apply(away, r_t, time, z, context, jnp.zeros(4, bool), draft, method="denoise")
            return eps_from_output("v", output, r_t, SCHEDULE.alpha_bar[t])

        return draft, eps_fn

    (draft, eps_fn), (draft_cf, eps_fn_cf) = of_remainder(made.z), of_remainder(made.z_cf)
    encode, decode = SOLVERS[solver]
    expected = jnp.clip(draft_cf + decode(eps_fn_cf, SCHEDULE, encode(eps_fn, SCHEDULE, x - draft, t), t), -1, 1)
    assert float(jnp.abs(draft_cf - draft).max()) > 0.05
    np.testing.assert_allclose(made.x, expected, atol=2e-3)
    if solver == "ddim":  # strengths of 1 are the change itself
        np.testing.assert_allclose(of(**options).x, expected, atol=2e-3)


def test_without_guidance_nothing_that_is_set_shows_and_beyond_1_the_draft_is_not_exaggerated(params):
    """With zero weights in its last layer the UNet adds nothing to what the drafts carry over."""
    model, context, t = model_of(), jnp.zeros(4, jnp.int32), jnp.asarray(time_grid(SCHEDULE, 2, 0.02))
    x, nothing = 0.3 * jax.random.normal(jax.random.key(5), (4, *SHAPE)), jnp.full((4, 4), jnp.nan)

    def made(y_do, guidance):
        key = jax.random.key(0)
        return counterfactual(model, params, SCHEDULE, x, y_do, context, key, t, guidance=guidance).x

    little = nothing.at[:, 0].set(0.1)  # so that no pixel is clipped
    np.testing.assert_array_equal(made(little, 0.0), made(nothing, 0.0))
    change = [jnp.abs(made(little, w) - made(nothing, w)).max() for w in (1.0, 3.0)]
    assert change[0] > 1e-3 and change[1] < 1.5 * change[0]


def test_new_images_start_from_their_draft(params):
    model, z, context = model_of(), jax.random.normal(jax.random.key(2), (4, 4, 4)), jnp.zeros(4, jnp.int32)
    draft = draft_of(model, params, z, context, jnp.zeros(4, bool), SHAPE)
    gaps = []
    for depth in (0.02, 1.0):
        t = jnp.asarray(time_grid(SCHEDULE, 3, depth))
        made = sample(model, params, SCHEDULE, z, context, jax.random.key(0), t, shape=SHAPE)
        gaps.append(float(jnp.abs(made - jnp.clip(draft, -1, 1)).mean()))
    assert gaps[0] < 0.1 < gaps[1]  # the noise at 0.02 has a standard deviation of 0.04


def test_draft_and_remainder_are_learned(tmp_path):
    config = get_config("smoke")
    config.model.update({"decoder": "refiner", "parts": True})
    config.data.train_size = 2_000
    config.train.update({"steps": 100, "log_every": 10, "checkpoint_every": 100, "warmup_steps": 10})
    with one_device():
        folder = train_model(Settings.from_dict(config.to_dict()), tmp_path / "run")
        model = cdae_jax.load(folder)
    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for term in ("draft", "decoder"):
        assert logged[-1][term] < 0.7 * logged[0][term]
    images = model.sample(8).images
    assert (model.counterfactual(images, {"angle": 30.0}).images != model.reconstruct(images)).any()
