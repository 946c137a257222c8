"""The variance of a reduction beyond the scatter of its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.cubes.kernels.factors import combining_factors
from polarnight.cubes.kernels.rounding import with_rounding
from polarnight.cubes.kernels.task import selection_correction

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.kernels.combine import Combined
    from polarnight.cubes.kernels.reference import Rules
    from polarnight.cubes.steps.reduction import Reduction

__all__ = ["completed"]

# Least sigmas for clipping, in units of the noise; beyond, nothing of normal noise is clipped.
_FLOORS: Final = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.7, 2.5)


def completed(
    one: Combined,
    reduction: Reduction,
    n: int,
    scales: Mapping[str, Any],
    errors: Sequence[Any],
    *,
    known: bool,
) -> Combined:
    """Return combined values with what their scatter does not show added to the variance.

    That is what clipping takes from it, what rounding adds, and the noise of bias and dark. This
    is the same in all values and does not average, so that the mean of ``(raw - bias) s_i`` has
    mean(s_i)^2 times the variance of the bias in it, and a sum of n has n^2 times that.

    Parameters
    ----------
    one : Combined
    reduction : Reduction
    n : int
        Number of values of each.
    scales : mapping
        As `Reduction.scales_of` gives them.
    errors : sequence of ndarray or None
        Variances of bias and dark.
    known : bool
        Whether the values had variances.
    """
    if not reduction.has_variance:
        return one
    variance, centre = one.variance, reduction.operation.rules.centre
    if reduction.clips_rounded:
        variance = _for_its_noise(one, reduction.operation.rules, n, known=known)
    if reduction.step:
        most = int(one.count.max(initial=1))
        variance = with_rounding(variance, one.count, centre, reduction.step, most)
    scale = np.asarray(scales.get("scale", 1.0))
    factors = (scale, scale * np.asarray(scales.get("dark_scale", 1.0)))
    for error, factor in zip(errors, factors, strict=False):
        if error is not None:
            common = error * float(np.mean(factor)) ** 2
            if centre == "sum":
                common = common * np.square(one.count, dtype=np.float64)
            variance = variance + common
    return replace(one, variance=variance.astype(one.variance.dtype, copy=False))


def _for_its_noise(one: Combined, rules: Rules, n: int, *, known: bool) -> npt.NDArray[Any]:
    """Return variances with the correction for clipping that is due for the noise of each pixel.

    The kernels correct as if the least sigma were the noise of one value. Half a step of rounding
    is not: most noise is larger, and more of it is clipped.
    """
    taken = selection_correction(rules, n, known)
    largest = selection_correction(replace(rules, min_sigma=0.0), n, known)
    due = [selection_correction(rules, n, known, floor) for floor in _FLOORS[1:]]
    factors = combining_factors(rules.centre, n)[one.count.astype(np.intp)]
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = np.sqrt(one.variance / (factors * taken) * (1.0 if known else largest))
        floors = rules.min_sigma / noise
    corrected = one.variance * (np.interp(floors, _FLOORS, [largest, *due]) / taken)
    return np.where(np.isfinite(one.variance), corrected, one.variance)
