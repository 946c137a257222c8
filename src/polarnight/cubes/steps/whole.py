"""Integers of 64 bits: what float64 cannot hold of them, kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["EXACT", "is_long", "reduce_whole"]

EXACT = frozenset({"min", "max", "sum", "arg_min", "arg_max"})
"""Operations whose results differ where values are rounded to float64 first."""

_LOW_BITS = 32


def is_long(dtype: npt.DTypeLike) -> bool:
    """Return whether a type has integers that float64 does not hold."""
    given = np.dtype(dtype)
    return given.kind in "iu" and given.itemsize == 8


def reduce_whole(
    values: npt.NDArray[Any], usable: npt.NDArray[np.bool_] | None, name: str
) -> npt.NDArray[Any]:
    """Reduce 64-bit integers along the first axis without rounding them.

    Parameters
    ----------
    values : ndarray of int64 or uint64, shape (n, ...)
    usable : ndarray of bool, shape (n, ...), optional
        All by default.
    name : str
        One of `EXACT`.

    Returns
    -------
    ndarray, shape (...)
        ``min`` and ``max`` of the type of the values where all may be used, else float64;
        ``sum``, exact and then rounded once, in float64; places in float64. Anything where
        nothing may be used.
    """
    use = np.ones(values.shape, bool) if usable is None else usable
    if name == "sum":
        return _sum(np.where(use, values, values.dtype.type(0)))
    least = name in {"min", "arg_min"}
    limits = np.iinfo(values.dtype)
    filled = np.where(use, values, values.dtype.type(limits.max if least else limits.min))
    extreme = filled.min(axis=0) if least else filled.max(axis=0)
    if name in {"min", "max"}:
        found: npt.NDArray[Any] = extreme if usable is None else extreme.astype(np.float64)
        return found
    place: npt.NDArray[np.float64] = ((filled == extreme) & use).argmax(axis=0).astype(np.float64)
    return place


def _sum(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Add halves of 32 bits apart: neither sum overflows, and only the last step rounds."""
    low_mask = values.dtype.type((1 << _LOW_BITS) - 1)
    high = (values >> values.dtype.type(_LOW_BITS)).sum(axis=0).astype(np.float64)
    low = (values & low_mask).sum(axis=0).astype(np.float64)
    total: npt.NDArray[np.float64] = high * float(1 << _LOW_BITS) + low
    return total
