"""Blocks as frames: the elements of numpy's own way, with kernels and without."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.cubes.steps.turning import as_frames, transposed


@pytest.mark.parametrize("native", ["0", "1"])
@pytest.mark.parametrize("dtype", ["u1", ">i2", "f4", "f8", "c16"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (33, 1), (64, 32), (31, 65)])
def test_a_matrix_is_turned_over(monkeypatch, shape, dtype, native):
    monkeypatch.setenv("POLARNIGHT_NO_NATIVE", native)
    matrix = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    for given in (matrix, matrix[::-1], matrix[:, ::2], np.asfortranarray(matrix)):
        made = transposed(given)
        assert made.dtype == given.dtype
        assert made.flags.c_contiguous
        np.testing.assert_array_equal(made, given.T)


@pytest.mark.parametrize("shape", [(5,), (4, 6), (3, 4, 5), (2, 3, 4, 5), (3, 1, 1)])
def test_the_axis_comes_first(shape):
    block = np.arange(np.prod(shape)).reshape(shape)
    for axis in range(len(shape)):
        for given in (block, np.asfortranarray(block)):
            made = as_frames(given, axis)
            assert made.ndim == 3
            wanted = np.moveaxis(block, axis, 0).reshape(shape[axis], -1)
            np.testing.assert_array_equal(made.reshape(shape[axis], -1), wanted)
