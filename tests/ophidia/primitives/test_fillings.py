"""What moving a row leaves empty has no value, no variance and says so."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.frames import Bit
from polarnight.ophidia.primitives import apply_query, evaluate

from .common import cube_of, image

A = image((4, 9), dtype="f4")
EMPTY = {
    "oph_shift(measure,2)": np.arange(9) < 2,
    "oph_shift(measure,-3)": np.arange(9) >= 6,
    "oph_shift(measure,20)": np.ones(9, bool),
    "oph_padding(measure,12)": np.arange(12) >= 9,
}


@pytest.mark.parametrize("query", EMPTY)
@pytest.mark.parametrize("flagged", [False, True])
def test_nothing_is_not_a_number(query, flagged):
    bits = np.full(A.shape, int(Bit.TRAIL), "u2") if flagged else None
    made = evaluate(query, cube_of(A, bits=bits, variance=np.ones_like(A)))
    empty = np.broadcast_to(EMPTY[query], made.shape)
    for plane in (made.numpy(), made.variance.compute()):
        np.testing.assert_array_equal(np.isnan(plane), empty)
    expected = np.where(empty, Bit.NO_DATA, Bit.TRAIL if flagged else 0)
    np.testing.assert_array_equal(made.bits.compute(), expected)
    # A statistic leaves them out.
    count = made.reduce("count", made.names[-1]).numpy()
    np.testing.assert_array_equal(count, 0 if flagged else (~empty).sum(axis=1))


def test_integers_become_floating_and_it_is_told():
    whole = cube_of(np.arange(12, dtype="i2").reshape(2, 6))
    moved = apply_query("oph_shift(measure,1)", whole)
    assert moved.cube.dtype == np.float32
    assert np.isnan(moved.cube.numpy()[:, 0]).all()
    assert any("int16 has no number for nothing" in text for text in moved.remarks)
    kept = apply_query("oph_shift(measure,1,0)", whole)
    assert kept.cube.dtype == np.int16
    assert (kept.cube.numpy()[:, 0] == 0).all()
    assert not kept.remarks
    # Of an integer type that was asked for, the bit tells what the zero is.
    typed = evaluate("oph_shift('oph_short','oph_short',measure,1)", whole)
    assert typed.dtype == np.int16
    assert (typed.bits.compute()[:, 0] == Bit.NO_DATA).all()
    assert not typed.bits.compute()[:, 1:].any()


def test_a_filling_that_is_given_is_exact():
    made = evaluate("oph_shift(measure,2,7)", cube_of(A, variance=np.ones_like(A)))
    assert (made.numpy()[:, :2] == 7).all()
    assert (made.variance.compute()[:, :2] == 0).all()
