"""Effects drawn anew and the noise of labels, against a mechanism written out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
from class_effects import GRAPH as CLASSES
from class_effects import ON, SIZE, STATE, log_p, off_by, trained
from networks import GRAPH, small_network

from cdae_jax.evaluation.mechanism_fit import fit_of

LENGTH = GRAPH.index("length")


def with_noise_of(sd):
    """A network whose length is 0 but for noise of a size of its own."""
    net = small_network(graph=GRAPH.with_mechanisms({"length": "scaled"}))
    parts = dict(net.params["params"])
    own = jax.tree.map(jnp.zeros_like, parts["scm"]["mechanisms_length"])
    raw = 3 * np.arctanh(np.log(sd) / 3) / 10
    parts["scm"] = parts["scm"] | {"mechanisms_length": own | {"log_scale": jnp.float32([raw])}}
    return net.replace(params={"params": parts})


def test_effects_are_drawn_with_the_noise_of_their_mechanism_and_labels_imply_theirs():
    net, rng = with_noise_of(0.25), np.random.default_rng(0)
    y = rng.normal(size=(3_000, 4)).astype(np.float32)
    found = fit_of(net, y)
    np.testing.assert_allclose(found.u[:, LENGTH], y[:, LENGTH] / 0.25, rtol=1e-4)
    assert abs(found.drawn[:, LENGTH].std() - 0.25) < 0.02 and abs(found.drawn[:, LENGTH].mean()) < 0.02
    assert abs(np.corrcoef(found.drawn[:, LENGTH], y[:, LENGTH])[0, 1]) < 0.06  # noise of its own
    np.testing.assert_array_equal(found.drawn[:, :2], y[:, :2])  # causes are as they are
    assert (fit_of(net, y, seed=1).drawn[:, LENGTH] != found.drawn[:, LENGTH]).any()


def test_what_a_label_would_have_to_tell_is_unknown_without_it():
    y = np.zeros((3, 4), np.float32)
    y[1, 0], y[2, LENGTH] = np.nan, np.nan
    found = fit_of(small_network(), y)
    expected = np.zeros((3, 4), bool)
    expected[1, [0, 2, 3]] = True  # both effects have this cause
    expected[2, LENGTH] = True
    np.testing.assert_array_equal(np.isnan(found.drawn), expected)
    np.testing.assert_array_equal(np.isnan(found.u), expected)


def test_classes_are_drawn_as_often_as_their_causes_say_and_have_no_noise():
    net, rng = trained().network, np.random.default_rng(0)
    y = rng.normal(size=(2_000, len(CLASSES))).astype(np.float32)
    y[:, STATE], y[:, ON] = rng.integers(3, size=2_000), rng.choice([-1, 1], 2_000)
    found = fit_of(net, y)
    p = np.exp(log_p(net.params["params"]["scm"], STATE, net.codes(y)))
    assert set(found.drawn[:, STATE]) <= {0, 1, 2} and set(found.drawn[:, ON]) == {-1, 1}
    assert off_by(found.drawn[:, STATE], p) < 4
    assert np.isnan(found.u[:, [ON, STATE]]).all() and np.isfinite(found.u[:, SIZE]).all()
