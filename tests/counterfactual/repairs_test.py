"""What is lost restored, and which labels are missing, on a model whose every step can be done by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from by_hand import GRAPH, MISREAD, NAN, column, labels_in

from cdae_jax.counterfactual.repairs import RESTORE_SD, missing_labels, numbers, restore, sets_causes
from cdae_jax.graph import CausalGraph, Variable

CAUSE = [0.4, NAN, NAN]


def test_a_pixel_gets_back_what_was_lost_the_less_the_more_it_changes():
    x, x_rec = jnp.array([0.5, 0.5, 0.5]), jnp.array([0.4, 0.4, 0.4])
    x_cf = x_rec + jnp.array([0.0, RESTORE_SD, 10 * RESTORE_SD])
    lost = restore(x, x_rec, x_cf) - x_cf
    np.testing.assert_allclose(lost, [0.1, 0.1 * np.exp(-0.5), 0], atol=1e-6)


def test_numbers_are_what_is_no_class():
    graph = CausalGraph((*GRAPH.variables, Variable("switch", kind="binary")))
    np.testing.assert_array_equal(numbers(graph), [True, True, False, False])


@pytest.mark.parametrize(
    ("y_do", "expected"),
    [
        (CAUSE, [-0.1, -0.1, 0.0]),  # everything is read too high; a class is not asked for
        ([0.4, NAN, 1.0], [-0.1, -0.1, 0.0]),
        ([NAN, 0.7, NAN], [0.0, 0.0, 0.0]),  # a variable with parents was set, unlike in the data
        ([0.4, 0.7, NAN], [0.0, 0.0, 0.0]),
        ([NAN, NAN, NAN], [0.0, 0.0, 0.0]),  # nothing was set
    ],
)
def test_what_is_missing_is_what_the_encoder_misreads(y_do, expected):
    wanted = jnp.array([[0.4, 0.7, 0.0]])
    may_correct = sets_causes(GRAPH, jnp.array([y_do]))
    found = missing_labels(GRAPH, labels_in(MISREAD, column([0.4, 0.7, 1.0])), wanted, may_correct)
    np.testing.assert_allclose(found, [expected], atol=1e-6)
