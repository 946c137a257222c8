"""The variance of masters: what gain and read noise predict, and what the frames show.

The scatter of a few frames is a poor estimate of the variance of one pixel (of two frames it
is off by a factor of ten as often as not), the prediction knows nothing of unstable pixels.
Both are combined as a scaled inverse chi-square prior and its data would be: the prediction
counts as some degrees of freedom, after it has been scaled to the typical scatter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ROUNDING_VARIANCE", "noise_ratio", "quantised_read_variance", "regularised_variance"]

ROUNDING_VARIANCE = 1.0 / 12.0
"""Variance of rounding to whole ADU, ADU^2."""

_SAMPLE = 262144


def quantised_read_variance(gain: float, read_noise: float) -> float:
    """Return the variance of a pixel without light, ADU^2: read noise and rounding.

    Parameters
    ----------
    gain : float
        Electrons per ADU.
    read_noise : float
        Electrons.
    """
    return (read_noise / gain) ** 2 + ROUNDING_VARIANCE


def noise_ratio(
    scatter: npt.NDArray[Any],
    count: npt.NDArray[Any],
    expected: npt.NDArray[Any],
) -> float:
    """Return by how much the scatter of frames exceeds what is expected.

    Parameters
    ----------
    scatter : ndarray, shape (ny, nx)
        Variance of a combined pixel from the scatter of its frames.
    count : ndarray of int, shape (ny, nx)
        How many frames made it.
    expected : ndarray, shape (ny, nx)
        Variance from gain, read noise and signal.

    Returns
    -------
    float
        Ratio of variances, over the pixels that every frame reached; 1 where there is one
        frame only. The mean without the highest hundredth (unstable pixels), freed from the
        bias of that cut as it is for chi-square; a median would fail where the noise is less
        than an ADU and the scatter takes few values.
    """
    from scipy.stats import chi2

    step = max(1, int((scatter.size / _SAMPLE) ** 0.5))
    scatter, count, expected = (a[::step, ::step] for a in (scatter, count, expected))
    most = int(count.max(initial=0))
    good = (count == most) & np.isfinite(scatter) & np.isfinite(expected) & (expected > 0)
    if most < 2 or not good.any():
        return 1.0
    ratios = (scatter[good] / expected[good]).astype(np.float64)
    kept = ratios[ratios <= np.percentile(ratios, 99.0)]
    fraction = kept.size / ratios.size
    freedom = most - 1
    # Integral of x over the chi-square density up to its quantile, relative to the whole.
    remaining: float = float(chi2.cdf(chi2.ppf(fraction, freedom), freedom + 2)) / fraction
    return float(np.mean(kept)) / remaining


def regularised_variance(
    scatter: npt.NDArray[Any],
    count: npt.NDArray[Any],
    expected: npt.NDArray[Any],
    ratio: float,
    strength: float,
) -> npt.NDArray[np.float32]:
    """Return the variance of every pixel of a master.

    ``((count - 1) scatter + strength ratio expected) / (count - 1 + strength)``

    Parameters
    ----------
    scatter, count, expected : ndarray, shape (ny, nx)
        As for `noise_ratio`.
    ratio : float
        Of `noise_ratio`.
    strength : float
        Degrees of freedom that the expected variance counts for.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Not a number where no frame reached the pixel.
    """
    freedom = np.where(np.isfinite(scatter), np.maximum(count.astype(np.float64) - 1.0, 0.0), 0.0)
    observed = np.where(freedom > 0, scatter, 0.0)
    variance = (freedom * observed + strength * ratio * expected) / (freedom + strength)
    variance[count == 0] = np.nan
    return variance.astype(np.float32)
