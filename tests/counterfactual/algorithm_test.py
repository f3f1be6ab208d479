"""Abduction, action, prediction: what stays bit for bit, and each step against the solvers and models that it uses."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from class_effects import ALONE, HEAT, ON, SIZE, STATE, classes_of
from class_effects import GRAPH as WITH_CLASSES
from networks import GRAPH, SCHEDULE, SHAPE, silent, small_network

from cdae_jax.counterfactual import algorithm
from cdae_jax.counterfactual.readout import Readout, move
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.pixels import to_uint8, to_unit
from cdae_jax.diffusion.grids import time_grid
from cdae_jax.diffusion.process import eps_from_output
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.model.network import Network
from cdae_jax.model.prior import codes_of

CONTEXT, KEY = jnp.zeros(4, jnp.int32), jax.random.key(0)
X = to_unit(jax.random.randint(jax.random.key(5), (4, *SHAPE), 0, 256).astype(jnp.uint8))
T = jnp.asarray(time_grid(SCHEDULE, 3, 0.3))
INVERT = Sampling(3)
NOTHING = jnp.full((4, 4), jnp.nan)
ANGLE = NOTHING.at[:, 0].set(1.5)


@pytest.fixture(scope="module")
def net():
    return small_network()


@pytest.fixture(scope="module")
def refiner():
    return small_network("refiner")


def counterfactual(net, y_do, sampling=INVERT, key=KEY, t=T, x=X, **options) -> algorithm.Counterfactual:
    return algorithm.counterfactual(net, x, y_do, CONTEXT, t, key, sampling, **options)


def bitwise(found, expected):
    jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.mark.parametrize("name", GRAPH.names)
def test_what_was_set_has_its_code_its_descendants_move_and_the_rest_stays_bit_for_bit(net, name):
    i, reached = GRAPH.index(name), set(GRAPH.descendants(name))
    _, z, z_cf = algorithm.latents(net, X, NOTHING.at[:, i].set(1.5), CONTEXT)
    np.testing.assert_array_equal(z_cf[:, i], np.full((4, 4), 1.5))
    for j, other in enumerate(GRAPH.names):
        if other in reached:
            assert (z_cf[:, j] != z[:, j]).all()
        elif other != name:
            np.testing.assert_array_equal(z_cf[:, j], z[:, j])


def test_latents_are_those_of_the_counterfactual_and_of_the_equations(net):
    found = counterfactual(net, ANGLE)
    for ours, theirs in zip(algorithm.latents(net, X, ANGLE, CONTEXT), (found.u, found.z, found.z_cf), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.u, net.encode(X)[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.z, net.propagate(found.u), rtol=1e-5, atol=1e-5)


def test_images_are_made_one_by_one(net):
    """Setting a variable in one image changes no other."""
    one = counterfactual(net, NOTHING.at[2].set(ANGLE[2]))
    none = counterfactual(net, NOTHING)
    changed = [(np.asarray(one.x[i]) != np.asarray(none.x[i])).any() for i in range(4)]
    assert changed == [False, False, True, False]


def test_a_null_intervention_gives_the_image_back_where_what_was_lost_is_restored(net):
    restored = counterfactual(net, NOTHING, dataclasses.replace(INVERT, abduction="restore"))
    bitwise(restored.z_cf, restored.z)
    np.testing.assert_allclose(restored.x, X, atol=1e-6)  # what floats round to
    np.testing.assert_array_equal(to_uint8(restored.x), to_uint8(X))
    assert np.abs(counterfactual(net, NOTHING).x - X).max() > 0.1  # the inversion alone loses some


def test_strengths_of_none_and_all_are_nothing_and_the_change_itself(net):
    both = ANGLE.at[:, 2].set(-1.0)
    none, some, full = (counterfactual(net, both, strength=jnp.full(4, strength)) for strength in (0.0, 0.25, 1.0))
    bitwise(none.z_cf, none.z)
    bitwise(full, counterfactual(net, both))
    np.testing.assert_allclose(some.z_cf[:, 0], 0.25 * 1.5 + 0.75 * some.z[:, 0], rtol=1e-5)
    kept = counterfactual(net, both, strength=jnp.array([0.0, 1.0, 1.0, 1.0]))
    np.testing.assert_array_equal(kept.z_cf[:, :2], kept.z[:, :2])
    np.testing.assert_array_equal(kept.z_cf[:, 2], np.full((4, 4), -1.0))


def test_the_noise_that_is_added_instead_is_that_of_the_key(net):
    noise = dataclasses.replace(INVERT, abduction="noise")
    first, again, other = (counterfactual(net, ANGLE, noise, jax.random.key(seed)).x for seed in (0, 0, 1))
    bitwise(first, again)
    assert np.abs(first - other).max() > 0.1
    # An inversion uses no key.
    bitwise(counterfactual(net, ANGLE), counterfactual(net, ANGLE, key=jax.random.key(1)))


def test_noise_of_little_depth_stays_near_the_image(refiner):
    """A UNet that says zero leaves it there, of a standard deviation of 0.04."""
    shallow, noise = jnp.asarray(time_grid(SCHEDULE, 3, 0.02)), dataclasses.replace(INVERT, abduction="noise")
    for quiet in (silent(refiner), silent(small_network())):
        found = counterfactual(quiet, NOTHING, noise, t=shallow).x
        assert 0.005 < float(jnp.std(found - X)) < 0.06


def test_a_decoder_without_diffusion_makes_the_draft_of_the_latents_under_do():
    conv = small_network("conv")
    found = counterfactual(conv, ANGLE, dataclasses.replace(INVERT, abduction="restore"))
    draft = jax.jit(lambda z: conv.draft(z, CONTEXT, SHAPE))(found.z_cf)
    np.testing.assert_allclose(found.x, np.clip(draft, -1, 1), atol=1e-5)
    made = algorithm.sample(conv, found.z_cf, CONTEXT, T, KEY, shape=SHAPE, sampling=INVERT)
    np.testing.assert_allclose(made, found.x, atol=1e-5)


def test_the_draft_under_do_has_the_style_of_the_factual_image_and_a_new_image_its_own():
    styled = small_network("conv", style_dim=3)
    found = counterfactual(styled, ANGLE)
    net = styled.replace(style=styled.read_style(X, found.z)[0])
    draft = jax.jit(lambda net, z: jnp.clip(net.draft(z, CONTEXT, SHAPE), -1, 1))
    np.testing.assert_allclose(found.x, draft(net, found.z_cf), atol=1e-5)
    others = draft(net.replace(style=net.style[::-1]), found.z_cf)
    assert float(jnp.abs(found.x - others).max()) > 1e-3
    made = [
        algorithm.sample(styled, found.z_cf, CONTEXT, T, key, shape=SHAPE, sampling=INVERT)
        for key in jax.random.split(KEY)
    ]
    assert float(jnp.abs(made[0] - made[1]).max()) > 1e-3  # by nothing but style


def test_nothing_changes_under_no_intervention_with_style_too():
    styled = small_network("refiner", style_dim=3)
    x = 0.3 * X
    for fit_steps in (0, 1):
        restored = counterfactual(
            styled, NOTHING, dataclasses.replace(INVERT, abduction="restore", fit_steps=fit_steps), x=x
        ).x
        np.testing.assert_allclose(restored, x, atol=1e-5)


def test_a_readout_sets_latents_along_its_directions_and_nothing_is_asked_for_again(net):
    rng = np.random.default_rng(0)
    sizes = ((16,), (16,), (16, 4), (4,))
    readout = Readout(*(jnp.asarray(rng.uniform(0.5, 1, size).astype(np.float32)) for size in sizes))
    found = counterfactual(net, ANGLE, readout=readout)
    np.testing.assert_allclose(found.z_cf, move(readout, found.z, ANGLE), rtol=1e-4, atol=1e-4)
    assert (found.z_cf[:, 2:] != net.propagate(found.u)[:, 2:]).all()  # no mechanism is followed
    corrected = counterfactual(net, ANGLE, dataclasses.replace(INVERT, corrections=1), readout=readout)
    bitwise(corrected, found)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_counterfactual_is_its_own_draft_and_the_remainder_made_again_from_its_noise(solver, refiner):
    """Held against the solver run on the remainder itself, to a third of the diffusion time."""
    x = 0.3 * X
    y_do = ANGLE.at[:, 2].set(1.5)
    made = counterfactual(refiner, y_do, dataclasses.replace(INVERT, solver=solver), x=x)
    solve = SOLVERS[solver]

    @jax.jit
    def expected(z, z_cf):
        def of_remainder(z):
            draft = refiner.draft(z, CONTEXT, SHAPE)

            def eps_fn(r_t, t):
                given = r_t, t.astype(jnp.float32) / SCHEDULE.num_steps, z, CONTEXT, jnp.zeros(4, bool), draft
                output = refiner.model.bind(refiner.params).unet(*given)
                return eps_from_output("v", output, r_t, SCHEDULE.alpha_bar[t])

            return draft, eps_fn

        (draft, eps_fn), (draft_cf, eps_fn_cf) = of_remainder(z), of_remainder(z_cf)
        remainder_T = solve(eps_fn, SCHEDULE, x - draft, T, to_noise=True)
        made_again = solve(eps_fn_cf, SCHEDULE, remainder_T, T, to_noise=False)
        return remainder_T, draft_cf - draft, draft_cf + made_again

    remainder_T, change, x_cf = expected(made.z, made.z_cf)
    assert float(jnp.abs(change).max()) > 0.05
    np.testing.assert_allclose(made.x, jnp.clip(x_cf, -1, 1), atol=2e-3)
    np.testing.assert_allclose(algorithm.invert(refiner, x, made.z, CONTEXT, T, solver), remainder_T, atol=2e-3)


def test_guidance_does_not_exaggerate_the_draft(refiner):
    """A UNet that says zero adds nothing to what the drafts show, whatever the guidance."""
    t, quiet = jnp.asarray(time_grid(SCHEDULE, 2, 0.02)), silent(refiner)
    made = [counterfactual(quiet, ANGLE, Sampling(2, guidance=w), t=t, x=0.3 * X).x for w in (1.0, 3.0)]
    np.testing.assert_allclose(made[0], made[1], atol=1e-5)
    assert float(jnp.abs(made[0] - counterfactual(quiet, NOTHING, Sampling(2), t=t, x=0.3 * X).x).max()) > 1e-2


def test_guidance_is_of_the_made_image_alone_and_not_of_the_inversion(net):
    found = counterfactual(net, ANGLE, Sampling(3, guidance=2.0))
    x_T = algorithm.invert(net, X, found.z, CONTEXT, T, INVERT.solver)
    plain, null = (net.eps_fn(found.z_cf, CONTEXT, None, null=is_null) for is_null in (False, True))

    def eps_fn(x_t, t):
        return 2 * plain(x_t, t) - null(x_t, t)

    expected = SOLVERS[INVERT.solver](eps_fn, SCHEDULE, x_T, T, to_noise=False)
    np.testing.assert_allclose(found.x, jnp.clip(expected, -1, 1), atol=2e-3)


def test_new_images_are_their_draft_and_noise_of_the_depth(refiner):
    z = jax.random.normal(jax.random.key(2), (4, 4, 4))
    draft = jax.jit(lambda net: net.draft(z, CONTEXT, SHAPE))(refiner)
    gaps = []
    for depth in (0.02, 1.0):
        t = jnp.asarray(time_grid(SCHEDULE, 3, depth))
        made = algorithm.sample(silent(refiner), z, CONTEXT, t, KEY, shape=SHAPE, sampling=INVERT)
        gaps.append(float(jnp.abs(made - jnp.clip(draft, -1, 1)).mean()))
    assert gaps[0] < 0.05 < gaps[1]


def test_new_images_are_of_their_latents_and_key_and_without_guidance_of_the_key_alone(net):
    z, t = jax.random.normal(jax.random.key(2), (2, 4, 4, 4)), jnp.asarray(time_grid(SCHEDULE, 3))

    def made(z, key, guidance=1.0):
        sampling = Sampling(3, guidance=guidance)
        return algorithm.sample(net, z, CONTEXT, t, jax.random.key(key), shape=SHAPE, sampling=sampling)

    first = made(z[0], 0)
    assert first.shape == (4, *SHAPE) and float(jnp.abs(first).max()) <= 1
    bitwise(first, made(z[0], 0))
    assert all(np.abs(first - other).max() > 0.05 for other in (made(z[1], 0), made(z[0], 1)))
    bitwise(made(z[0], 0, guidance=0.0), made(z[1], 0, guidance=0.0))


def test_other_parameters_and_steps_of_the_same_number_do_not_compile_again(net):
    counterfactual(net, ANGLE)
    compiled = algorithm.counterfactual._cache_size()
    other = Network(net.model, jax.tree.map(lambda leaf: 0.9 * leaf, net.params), net.schedule)
    counterfactual(other, NOTHING, t=jnp.asarray(time_grid(SCHEDULE, 3, 0.1)))
    assert algorithm.counterfactual._cache_size() == compiled


@pytest.mark.parametrize("wrong", [{"x": X[0]}, {"y_do": NOTHING[:, :3]}, {"context": CONTEXT[:2]}])
def test_wrong_shapes_raise(net, wrong):
    given = {"x": X, "y_do": NOTHING, "context": CONTEXT} | wrong
    with pytest.raises(AssertionError, match=r"shape|rank"):
        algorithm.counterfactual(net, **given, t=T, key=KEY, sampling=INVERT)


def known_labels(net, seed=7):
    """Labels [4, 4] unlike those that the encoder reads; one unknown in the second image, all in the last."""
    y = jnp.asarray(np.random.default_rng(seed).normal(size=(4, 4)), jnp.float32)
    return y.at[1, 2].set(jnp.nan).at[3].set(jnp.nan)


def test_known_labels_take_the_place_of_the_reading_and_what_is_unknown_stays_as_read(net):
    y = known_labels(net)
    u, z, _ = algorithm.latents(net, X, NOTHING, CONTEXT, None, y)
    read_u, read_z, _ = algorithm.latents(net, X, NOTHING, CONTEXT)
    np.testing.assert_allclose(net.labels_of(z), jnp.where(jnp.isnan(y), net.labels_of(read_z), y), atol=1e-5)
    np.testing.assert_allclose(z[3], read_z[3], atol=1e-5)
    np.testing.assert_allclose(u[3], read_u[3], atol=1e-5)
    np.testing.assert_allclose(z[1, 2], read_z[1, 2], atol=1e-5)  # a read effect of known causes keeps its reading,
    np.testing.assert_allclose(u, net.abduct(z), atol=1e-5)  # and owes the rest to its own noise


def test_under_do_of_known_labels_the_rest_stays_bit_for_bit(net):
    y = known_labels(net)
    _, z, z_cf = algorithm.latents(net, X, ANGLE, CONTEXT, None, y)
    np.testing.assert_array_equal(z_cf[:, 1], z[:, 1])
    np.testing.assert_array_equal(z_cf[:, 0], np.full((4, 4), 1.5))
    _, _, none = algorithm.latents(net, X, NOTHING, CONTEXT, None, y)
    bitwise(none, z)


def test_the_noise_is_inverted_under_the_known_labels(net):
    """So that a null intervention still gives the image back as well as the solver can."""
    found = counterfactual(net, NOTHING, y=known_labels(net))
    x_T = algorithm.invert(net, X, found.z, CONTEXT, T, "ddim")
    x = jnp.clip(SOLVERS["ddim"](net.eps_fn(found.z, CONTEXT), net.schedule, x_T, T, to_noise=False), -1, 1)
    np.testing.assert_allclose(found.x, x, atol=1e-5)


def test_what_is_asked_again_allows_for_how_the_encoder_misreads_the_factual_image(net):
    """Labels known to be what the encoder reads change no correction."""
    sampling, light = dataclasses.replace(INVERT, corrections=1), NOTHING.at[:, 1].set(0.4)
    _, z, _ = algorithm.latents(net, X, NOTHING, CONTEXT)
    read = counterfactual(net, light, sampling)
    given = counterfactual(net, light, sampling, y=net.labels_of(z))
    np.testing.assert_allclose(given.x, read.x, atol=1e-4)
    assert np.abs(read.x - counterfactual(net, light).x).max() > 1e-3  # the correction did something


def test_effects_that_are_classes_change_where_their_causes_push_them():
    """The same in a batch of any size, and with known classes in the place of those that are read."""
    net = small_network("conv", graph=WITH_CLASSES)
    x = to_unit(jax.random.randint(jax.random.key(6), (64, *SHAPE), 0, 256).astype(jnp.uint8))
    context, nothing = jnp.zeros(64, jnp.int32), jnp.full((64, 5), jnp.nan)
    hot = nothing.at[:, HEAT].set(3.0)
    found = algorithm.counterfactual(net, x, hot, context, T, KEY, INVERT)
    bitwise(found.z[:, (ON, STATE, ALONE)], found.u[:, (ON, STATE, ALONE)])
    for i in (ON, STATE):
        is_other = classes_of(i, found.z_cf) != classes_of(i, found.z)
        assert 0 < is_other.mean() < 1
        bitwise(found.z_cf[~is_other, i], found.z[~is_other, i])
        codes = codes_of(net.graph.variables[i], 4)
        bitwise(found.z_cf[is_other, i], codes[classes_of(i, found.z_cf)[is_other]])
    bitwise(found.z_cf[:, ALONE], found.z[:, ALONE])
    is_other = classes_of(STATE, found.z_cf) != classes_of(STATE, found.z)
    assert ((found.z_cf[:, SIZE] != found.z[:, SIZE]).any(1) == is_other).all()
    few = algorithm.latents(net, x[40:43], hot[:3], context[:3])[2]
    np.testing.assert_allclose(few, found.z_cf[40:43], rtol=1e-4, atol=1e-4)

    known = nothing.at[:, STATE].set(1.0)
    _, z, z_cf = algorithm.latents(net, x, hot, context, y=known)
    assert (classes_of(STATE, z) == 1).all() and 0 < (classes_of(STATE, z_cf) == 1).mean() < 1
    bitwise(algorithm.latents(net, x, nothing, context, y=known)[2], z)
