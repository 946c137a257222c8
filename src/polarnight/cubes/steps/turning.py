"""A block with the axis that is reduced in front, as the frames that kernels take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight import _native

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["as_frames", "transposed"]


def as_frames(block: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Return a block as images, the axis first; a view where that is possible.

    Parameters
    ----------
    block : ndarray
    axis : int

    Returns
    -------
    ndarray, shape (n, rows, columns)
        The elements of a row are neighbours in memory.
    """
    n = block.shape[axis]
    if axis == block.ndim - 1 and block.ndim > 1:
        return transposed(block.reshape(-1, n)).reshape(n, 1, -1)
    moved = np.moveaxis(block, axis, 0)
    if moved.ndim != 3:
        moved = moved.reshape(n, 1, -1)
    if moved.strides[-1] != moved.itemsize and moved.shape[-1] > 1:
        moved = np.ascontiguousarray(moved)
    return moved


def transposed(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a matrix turned over, as an array of its own.

    Much faster than `numpy.ascontiguousarray` of ``matrix.T``, which meets the same few
    lines of the cache over and over where rows are a power of two long.

    Parameters
    ----------
    matrix : ndarray, shape (rows, columns)

    Returns
    -------
    ndarray, shape (columns, rows)
    """
    rows, columns = matrix.shape
    kernels = _native.library()
    plain = matrix.flags.aligned and matrix.itemsize in (1, 2, 4, 8)
    if kernels is None or not plain or (columns > 1 and matrix.strides[1] != matrix.itemsize):
        return np.ascontiguousarray(matrix.T)
    out = np.empty((columns, rows), matrix.dtype)
    kernels.pn_transpose(
        matrix.ctypes.data, rows, columns, matrix.strides[0], matrix.itemsize, out.ctypes.data
    )
    return out
