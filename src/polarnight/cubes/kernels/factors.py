"""What the variance of a combined value is, in units of the variance of one value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["combining_factors", "median_inefficiency"]

# n Var(median of n) / Var(one), normal errors, n = 1...20: integrals over the densities of
# the middle order statistics (David and Nagaraja, Order Statistics, 3rd ed., section 2.3).
_EXACT = (
    *(1.0, 1.0, 1.346013, 1.1928, 1.434168, 1.28846, 1.473128, 1.345455, 1.494912, 1.383278),
    *(1.508787, 1.410215, 1.518387, 1.430379, 1.52542, 1.446042, 1.530792, 1.458564),
    *(1.535029, 1.468804),
)


def median_inefficiency(n: int) -> float:
    """Return by how much a median is noisier than a mean.

    Parameters
    ----------
    n : int
        Number of values, at least 1.

    Returns
    -------
    float
        Variance of the median over variance of the mean of n normal values; pi/2 for
        large n, exact to 3e-4 for all.
    """
    if n <= len(_EXACT):
        return _EXACT[n - 1]
    if n % 2:
        return math.pi / 2 * (1 - 0.432 / n)
    return math.pi / 2 * (1 - 1.429 / n + 2.65 / n**2)


def combining_factors(centre: str, n: int) -> npt.NDArray[np.float64]:
    """Return the factors from the variance of one value to that of the combined one.

    Parameters
    ----------
    centre : {'mean', 'median', 'sum', 'min', 'max'}
    n : int
        Number of frames.

    Returns
    -------
    ndarray of float64, shape (n + 1,)
        By the number of values kept; not a number for none, and for extremes, whose
        variance is not known.
    """
    factors = np.full(n + 1, np.nan)
    kept = np.arange(1, n + 1)
    if centre == "mean":
        factors[1:] = 1.0 / kept
    elif centre == "median":
        factors[1:] = [median_inefficiency(k) / k for k in kept.tolist()]
    elif centre == "sum":
        factors[1:] = kept
    return factors
