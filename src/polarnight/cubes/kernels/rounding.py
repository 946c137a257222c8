"""What rounding adds to the variance of a mean or median that the scatter of values does not show.

Values that are multiples of a step were rounded, by at most half a step. Where the noise is larger
than a step, rounding errors are independent noise of step^2/12 (Widrow and Kollar 2008,
Quantization Noise, ch. 5), which the scatter contains. Where it is smaller, values agree and so do
their errors: a mean of any number of equal integers is known to no better than step^2/12.

Of a mean, what the scatter of one value lacks of step^2/12 is taken for an error that all values
share. That is exact for no noise and for noise above half a step. Between, where it depends on the
fraction of a step that is not known, the variance is never too small, and up to twice too large
(0.15 to 0.2 steps).

A median of an odd number of values is one of them, so that its rounding error is 1/12 whatever the
noise and the number. Of an even number it is the mean of two neighbours, whose rounding errors have
the correlation 1 - 6 d + 6 d^2 for a gap of d < 1 steps, repeated beyond; gaps of sorted values are
exponential, with a mean of sqrt(2 pi) sigma / n at the middle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.cubes.kernels.factors import combining_factors

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["with_rounding"]

_TWELFTH: Final = 1.0 / 12.0


def with_rounding(
    variance: npt.NDArray[Any], count: npt.NDArray[Any], centre: str, step: float, n: int
) -> npt.NDArray[Any]:
    """Return variances from the scatter of values, with what rounding adds to them.

    Parameters
    ----------
    variance : ndarray
        Of combined values; not a number stays so.
    count : ndarray of int
        Number of values in each.
    centre : {'mean', 'median', 'sum'}
    step : float
        Of which the values are multiples; above 0.
    n : int
        Most of `count`.
    """
    factors = combining_factors(centre, n)
    found = variance.copy()
    if centre != "median":
        _mean_like(found, count, factors, step, centre == "sum")
        return found
    # The median of two is their mean.
    two = count == 2
    if two.any():
        part = found[two]
        _mean_like(part, count[two], combining_factors("mean", n), step, whole=False)
        found[two] = part
    more = (count > 2) & np.isfinite(found)
    if not more.any():
        return found
    kept = count[more].astype(np.intp)
    scatter = found[more] / (factors[kept] * step**2)
    own = np.full(scatter.shape, _TWELFTH)
    even = kept % 2 == 0
    noise = np.sqrt(np.maximum(scatter[even] - _TWELFTH, 0.0))
    own[even] *= 0.5 * (1.0 + _correlation(math.sqrt(2 * math.pi) * noise / kept[even]))
    # What of it is in the scatter already does not count again.
    found[more] += step**2 * (own - np.minimum(scatter, _TWELFTH) * factors[kept])
    return found


def _mean_like(
    found: npt.NDArray[Any],
    count: npt.NDArray[Any],
    factors: npt.NDArray[np.float64],
    step: float,
    whole: bool,
) -> None:
    """Add the systematic part to the variances of means, or of sums, in place."""
    few = found < _TWELFTH * step**2 * factors[count]
    if not few.any():
        return
    kept = count[few].astype(np.intp)
    lacking = _TWELFTH * step**2 - found[few] / factors[kept]
    found[few] += lacking * (kept**2 if whole else 1)


def _correlation(gap: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the correlation of the rounding errors of neighbours a mean `gap` of steps apart.

    The mean of 1 - 6 d (1 - d), repeated, over exponential gaps d.
    """
    far = np.maximum(gap, 1e-3)
    found = 1 - 6 * far / np.tanh(0.5 / far) + 12 * far**2
    # The terms cancel where gaps are wide: there, pi^2 / (30 (2 pi gap)^2) and less.
    return np.where(gap > 20.0, 0.0, np.where(gap < 1e-3, 1 - 6 * gap, found))
