"""What the baselines do differently, and that each of them learns."""

import dataclasses
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from devices import one_device
from objectives import whole_objective

import cdae_jax
from cdae_jax.counterfactual import readout
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.diffusion.process import make_schedule
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import init_params
from cdae_jax.objective.objective import LossWeights
from cdae_jax.settings.run import Settings
from cdae_jax.studies import frontier
from cdae_jax.training.loop import train_model
from configs import causal_circuit, circuit_lookalike, morpho_mnist, pendulum
from configs.common import BASELINES

STEPS = 150


def settings_of(baseline, **train):
    config = pendulum.get_config(f"smoke,baseline={baseline}")
    config.train.update(train)
    return Settings.from_dict(config.to_dict())


@pytest.mark.parametrize("module", [pendulum, morpho_mnist, circuit_lookalike, causal_circuit])
@pytest.mark.parametrize("baseline", BASELINES)
def test_every_config_has_every_baseline(module, baseline):
    theirs = Settings.from_dict(module.get_config(f"cpu,baseline={baseline}").to_dict())
    ours = Settings.from_dict(module.get_config("cpu").to_dict())
    assert theirs != ours
    assert theirs.data == ours.data and theirs.graph.names == ours.graph.names
    assert (theirs.train.steps, theirs.train.batch_size) == (ours.train.steps, ours.train.batch_size)


def test_what_draws_what_is_known_to_ours_and_its_variants_alone():
    with_parts = [
        name
        for name in BASELINES
        if Settings.from_dict(pendulum.get_config(f"cpu,baseline={name}").to_dict()).model.parts
    ]
    assert with_parts == ["one_hop", "noise"] and Settings.from_dict(pendulum.get_config("cpu").to_dict()).model.parts


@pytest.mark.parametrize("module", [pendulum, morpho_mnist])
@pytest.mark.parametrize("baseline", BASELINES)
def test_every_baseline_has_an_objective_with_the_settings_of_the_config(module, baseline):
    """By shapes alone."""
    settings = Settings.from_dict(module.get_config(f"cpu,baseline={baseline}").to_dict())
    model, side, num = settings.make_model(0), settings.data.resolution, len(settings.graph)
    options = {field.name: getattr(settings.train, field.name) for field in dataclasses.fields(LossWeights)}

    def loss():
        shape = (8, side, side, 3)
        params, known = init_params(model, jax.random.key(0), shape[1:]), jnp.zeros((8, num))
        batch = {"x": jnp.zeros(shape), "y": known, "context": jnp.zeros(8, jnp.int32), "intervened": known > 0}
        schedule, weights = make_schedule("cosine", 1000), LossWeights(**options)
        return whole_objective(model, params, schedule, weights, batch, jnp.int32(9), jax.random.key(3))[0]

    assert jax.eval_shape(loss).shape == ()


def test_an_unknown_baseline_is_refused():
    with pytest.raises(ValueError, match="no baseline 'gan': expected one of diffae"):
        pendulum.get_config("cpu,baseline=gan")
    with pytest.raises(ValueError, match="'base=diffae': expected baseline="):
        pendulum.get_config("cpu,base=diffae")


def test_the_readout_is_the_least_squares_line_and_its_direction_meets_the_label():
    rng = np.random.default_rng(0)
    z = rng.normal(1.0, [[[0.1, 2.0]], [[1.0, 5.0]]], (2, 500, 2)).transpose(1, 0, 2).astype(np.float32)
    slopes = np.array([[1.0, 0.0, -2.0, 0.5], [0.0, 3.0, 0.2, 0.0]])
    y = (z.reshape(500, 4) @ slopes.T + [0.3, -1]).astype(np.float32)
    y[::4, 1] = np.nan
    fitted = readout.fit(z, y)
    found = readout.read(fitted, jnp.asarray(z))
    np.testing.assert_allclose(np.asarray(found)[:, 0], y[:, 0], atol=0.05)
    np.testing.assert_allclose(np.asarray(found)[1::4, 1], y[1::4, 1], atol=0.2)

    y_do = jnp.full((500, 2), jnp.nan).at[:250, 0].set(4.0)
    moved = readout.move(fitted, jnp.asarray(z), y_do)
    np.testing.assert_array_equal(moved[250:], z[250:])
    np.testing.assert_allclose(readout.read(fitted, moved)[:250, 0], 4.0, atol=1e-3)
    there = readout.read(fitted, readout.move(fitted, jnp.asarray(z), y_do, jnp.array([0.25, 1.0])))[:250, 0]
    np.testing.assert_allclose(there, 0.25 * 4 + 0.75 * np.asarray(found)[:250, 0], atol=1e-3)


def gradient_of_the_decoder_term(baseline):
    """The gradient's function of a batch."""
    settings = settings_of(baseline)
    model, train = settings.make_model(0), settings.train
    fresh = jax.jit(lambda: init_params(model, jax.random.key(0), (16, 16, 3)))()
    params = jax.tree.map(lambda leaf: leaf + 0.05 * jax.random.normal(jax.random.key(1), leaf.shape), fresh)
    weights = LossWeights(train.kl_u, train.kl_z, train.mechanism, 1, 0.0, train.condition)

    def decoder_term(params, batch):
        key = jax.random.key(3)
        return whole_objective(model, params, make_schedule("cosine", 1000), weights, batch, jnp.int32(9), key)[1][
            "decoder"
        ]

    gradient = jax.jit(jax.grad(decoder_term))
    return lambda batch: gradient(params, batch)["params"]


def largest(tree):
    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree))


def test_label_conditional_diffusion_trains_its_encoder_on_labels_alone(batch):
    gradient = gradient_of_the_decoder_term("conditional")
    grads = gradient(batch)
    assert largest(grads["encoder"]) == 0 and largest(grads["scm"]) == 0
    assert largest(grads["unet"]["null_condition"]) == 0  # every label is known
    grads = gradient(batch | {"y": batch["y"].at[3, 0].set(jnp.nan)})
    assert largest(grads["unet"]["null_condition"]) > 0
    assert settings_of("conditional").train.mechanism_alone  # its mechanisms are fitted between labels


def test_the_vae_decodes_z_and_has_no_unet(batch):
    grads = gradient_of_the_decoder_term("causalvae")(batch)
    assert "unet" not in grads and largest(grads["encoder"]) > 0 and largest(grads["conv_decoder"]) > 0


def test_diffae_learns_without_labels():
    weights = settings_of("diffae").train
    assert (weights.kl_u, weights.kl_z, weights.mechanism) == (0, 0, 0)
    assert not any(settings_of("diffae").graph.parents)


# "noise" is trained like the method itself, which tests/train_test.py does.
@pytest.fixture(scope="module", params=[name for name in BASELINES if name != "noise"])
def trained(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    config = pendulum.get_config(f"smoke,baseline={request.param}")
    config.train.update({"steps": STEPS, "log_every": 10, "checkpoint_every": STEPS, "warmup_steps": 10})
    config.data.train_size = 2_000
    settings = Settings.from_dict(config.to_dict())
    with one_device():
        model = cdae_jax.load(train_model(settings, folder / "run"))
    return request.param, model, make_dataset(settings.data, settings.graph).test, folder / "run"


def test_every_baseline_learns_and_intervenes(trained):
    baseline, model, test, folder = trained
    losses = [json.loads(line)["decoder"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.7 * losses[0]
    read = model.encode(test.images)
    correlation = np.corrcoef(read[:, 0], test.labels[:, 0])[0, 1]
    assert correlation > 0.8, correlation

    result = model.counterfactual(test.images[:16], {"angle": 30.0})
    np.testing.assert_allclose(result.labels[:, 0], 30, atol=0.1)
    moved = np.abs(result.labels - read[:16]).max(0)
    names = model.graph.names
    if baseline == "aligned":
        assert (moved[1:] == 0).all()  # there is no causal layer
    elif baseline != "diffae":
        assert moved[names.index("light")] == 0 and moved[names.index("length")] > 0
    assert (result.images != model.reconstruct(test.images[:16])).any()

    half = model.counterfactual(test.images[:16], {"angle": 30.0}, strength=0.5)
    np.testing.assert_allclose(half.labels[:, 0], (30 + read[:16, 0]) / 2, atol=0.1)
    if baseline == "causalvae":
        with pytest.raises(InputError, match="strength is 1.5: above 1 it exaggerates the steps"):
            model.counterfactual(test.images[:16], {"angle": 30.0}, strength=1.5)


@pytest.mark.parametrize("trained", ["diffae"], indirect=True)
def test_the_direction_baseline_has_no_labels_to_sample_from(trained, tmp_path):
    _, model, _, folder = trained
    with pytest.raises(InputError, match="latents of this model follow no labels"):
        model.sample(2)
    with pytest.raises(InputError, match="corrections is 1, but the latents of config.sample.action.*use 0"):
        model.options(corrections=1)
    plain, corrected = (frontier.Point("ddim", "uniform", 4, 1.0, 1.0, num) for num in (0, 2))
    assert frontier.possible(model, [plain, corrected]) == [plain]
    with pytest.raises(InputError, match="corrections is 2"):
        frontier.possible(model, [corrected])
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "readout.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="readout.npz cannot be read"):
        cdae_jax.load(damaged)
