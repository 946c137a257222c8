"""Correlation of two cubes along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from polarnight.cubes.views import Planes
from polarnight.errors import CubeError
from polarnight.frames.bits import UNUSABLE

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["correlate"]


def correlate(a: Cube, b: Cube, *, measure: str | None = None) -> Cube:
    """Return the correlation coefficient of two cubes along their fastest dimension.

    Pearson's r, in float64. Pairs in which a value is not finite or has an unusable bit are
    left out; it is not a number where fewer than two are left or one of the two is constant.

    Parameters
    ----------
    a, b : Cube
        Of the same dimensions and sizes.
    measure : str, optional
        Name of the result.

    Returns
    -------
    Cube
        Without the fastest dimension.

    Raises
    ------
    CubeError
        Where the dimensions differ or there are none.
    """
    if a.names != b.names or a.shape != b.shape or not a.ndim:
        raise CubeError(
            f"corr: the cubes must have the same dimensions, not {', '.join(a.names)} of "
            f"{a.shape} and {', '.join(b.names)} of {b.shape}"
        )
    from polarnight.cubes.running.light import da

    inner = tuple(range(a.ndim))
    arguments: list[Any] = []
    for plane in (a.data, b.data, a.bits, b.bits):
        whole = None if plane is None else plane.rechunk({a.ndim - 1: -1})
        arguments += [whole, None if whole is None else inner]
    outer = inner[:-1]
    data = da.blockwise(
        _pearson,
        outer,
        *arguments,
        name=f"corr-{uuid4().hex}",
        dtype=np.float64,
        concatenate=True,
        meta=np.empty((0,) * len(outer)),
    )
    return a.derive(
        "combine_pair",
        {"operation": "corr", "measure": measure},
        dims=a.dims[:-1],
        planes=Planes(data),
        unit="1",
        measure=measure,
        inputs=(a, b),
    )


def _pearson(a: Any, b: Any, a_bits: Any, b_bits: Any) -> Any:
    use = np.isfinite(a) & np.isfinite(b)
    for bits in (a_bits, b_bits):
        if bits is not None:
            use &= (bits & np.uint16(UNUSABLE)) == 0
    count = use.sum(axis=-1, keepdims=True)
    with np.errstate(all="ignore"):
        deviations = []
        for values in (a, b):
            kept = np.where(use, values, 0).astype(np.float64)
            mean = kept.sum(axis=-1, keepdims=True) / count
            deviations.append(np.where(use, kept - mean, 0.0))
        one, two = deviations
        product = (one * two).sum(axis=-1)
        found = product / np.sqrt((one**2).sum(axis=-1) * (two**2).sum(axis=-1))
        return np.where(count[..., 0] >= 2, np.clip(found, -1.0, 1.0), np.nan)
