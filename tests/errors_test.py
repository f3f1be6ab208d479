"""The mistake of a user: caught as a ValueError, with its sentence as it is, wherever it was made."""

import pickle

import pytest

from cdae_jax.errors import InputError

SENTENCE = "do(angle) is 'up': expected a number"


def test_it_is_a_value_error_that_says_its_sentence_as_it_is():
    with pytest.raises(ValueError) as raised:
        raise InputError(SENTENCE)
    assert str(raised.value) == SENTENCE


def test_it_comes_out_of_another_process_as_itself():
    """As of a run that is timed in a process of its own."""
    again = pickle.loads(pickle.dumps(InputError(SENTENCE)))
    assert type(again) is InputError and str(again) == SENTENCE
