"""Rows in chunks: nothing is lost or repeated, and a call costs what its rows are worth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.distributed.chunks import FEW, in_chunks


@pytest.mark.parametrize(("num", "calls"), [(1, [FEW]), (FEW, [FEW]), (FEW + 1, [40]), (40, [40]), (41, [40, 40])])
def test_every_row_is_answered_once(num, calls):
    seen = []

    def function(rows):
        seen.append(len(rows))
        return {"double": jnp.asarray(2 * rows), "sum": jnp.asarray(rows.sum(-1))}

    rows = np.arange(3 * num, dtype=np.float32).reshape(num, 3)
    found = in_chunks(function, rows, 40)
    assert seen == calls
    jax.tree.map(np.testing.assert_array_equal, found, {"double": 2 * rows, "sum": rows.sum(-1)})


def test_small_chunks_stay_small():
    assert in_chunks(lambda rows: np.full(len(rows), len(rows)), np.zeros((3, 2)), 4).tolist() == [4, 4, 4]
