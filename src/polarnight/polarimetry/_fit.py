"""Weighted least squares shared by the modulation fits."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from polarnight.errors import AlgorithmFailed

__all__ = [
    "SIGNIFICANCE",
    "clip_outliers",
    "design_variance",
    "distinct_angles",
    "linear_fit",
    "mean_level",
    "scatter_scale",
    "spread_enough",
]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_ENOUGH_FOR_SCATTER = 7
_SUSPECTS = 8
_WORST_CONDITION = 20.0  # of level, cosine and sine; 1.4 for angles that are spread evenly

SIGNIFICANCE = 0.01
"""Scatter enlarges errors only where chance would give it in fewer than this fraction."""


def scatter_scale(chi2: float, dof: int) -> float:
    """Factor by which scatter beyond the photon noise enlarges errors; never below 1.

    With one to three degrees of freedom chi2/dof exceeds 1 by chance in a third of the
    cases, and enlarging the errors then would make them cover 73 % instead of 68 %. The
    factor sqrt(chi2/dof) is therefore applied only where the chi-square is improbable
    (`SIGNIFICANCE`); otherwise the photon noise stands.
    """
    if dof < 1 or not special.chdtrc(dof, chi2) < SIGNIFICANCE:
        return 1.0
    return max(1.0, math.sqrt(chi2 / dof))


def linear_fit(
    design: FloatArray,
    values: FloatArray,
    errors: FloatArray,
    weights: FloatArray | None = None,
    *,
    determined: bool = False,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weighted linear least squares.

    Parameters
    ----------
    design : ndarray, shape (n, m)
    values, errors : ndarray, shape (n,)
    weights : ndarray, shape (n,), optional
        Inverse variances used for weighting, ``errors**-2`` by default; the covariance
        follows from `errors` whatever the weights are.
    determined : bool
        Whether the rank of the design is known to be full, and need not be asked again.

    Returns
    -------
    parameters : ndarray, shape (m,)
    cov : ndarray, shape (m, m)
    residuals : ndarray, shape (n,)

    Raises
    ------
    AlgorithmFailed
        Where the measurements do not determine the parameters.
    """
    weights = errors**-2 if weights is None else weights
    normal = design.T @ (design * weights[:, None])
    if not determined and np.linalg.matrix_rank(design) < design.shape[1]:
        msg = "the angles measured do not determine the Stokes parameters"
        raise AlgorithmFailed(msg, n=len(values), needed=design.shape[1])
    gain = np.linalg.solve(normal, design.T * weights)
    parameters = gain @ values
    cov = (gain * errors**2) @ gain.T
    return parameters, cov, values - design @ parameters


def design_variance(model: FloatArray, flux: FloatArray, errors: FloatArray) -> FloatArray:
    """Variances at the fitted fluxes, free of the noise of each flux.

    A variance measured from the flux itself is small where the flux fell low by chance;
    weighting by it pulls a fit down (by about one photon). Within one set the variance is
    a straight line in the flux (``a + b F``: sky and read noise, photons), which is fitted
    and evaluated at the model. Sets that do not follow one line (unequal exposures) keep
    their own variances.
    """
    variance = errors**2
    spread = flux - flux.mean()
    sum_sq = float(spread @ spread)
    slope = max(float(spread @ variance) / sum_sq, 0.0) if sum_sq > 0 else 0.0
    line = variance.mean() + slope * spread
    if np.any(line <= 0) or np.any(np.abs(variance / line - 1.0) > 0.5):
        return variance
    smooth = variance.mean() + slope * (model - flux.mean())
    return np.asarray(np.maximum(smooth, 0.1 * variance), dtype=np.float64)


def mean_level(values: FloatArray, errors: FloatArray) -> tuple[float, float]:
    """Mean and error, weighted only where errors differ by more than 1.5.

    Nearly equal errors differ by their own noise, and weights that follow the noise of
    the values bias a mean.
    """
    weights = np.ones_like(values) if errors.max() < 1.5 * errors.min() else errors**-2
    weights = weights / weights.sum()
    return float(weights @ values), math.sqrt(float(weights**2 @ errors**2))


def distinct_angles(angles: FloatArray, period: float, tolerance: float = 1.0) -> int:
    """Number of different angles modulo `period`, equal within `tolerance` degrees."""
    if len(angles) == 0:
        return 0
    turned = np.sort(np.mod(angles, period))
    gaps = np.diff(np.append(turned, turned[0] + period))
    return max(int(np.count_nonzero(gaps > tolerance)), 1)


def spread_enough(design: FloatArray) -> bool:
    """Whether angles differ enough for what is fitted to them.

    Angles that nearly agree do determine a wave, but a level and a slope that almost cancel:
    a plate that stands wrong by a tenth of a degree then counts for more than the light.

    Parameters
    ----------
    design : ndarray, shape (n, 3)
        Ones, cosines and sines.
    """
    return len(design) >= design.shape[1] and bool(np.linalg.cond(design) < _WORST_CONDITION)


def clip_outliers(
    used: BoolArray,
    fit: Callable[[BoolArray], tuple[FloatArray, FloatArray]],
    clip: float | None,
    allowed: Callable[[BoolArray], bool],
) -> BoolArray:
    """Take away the worst measurement, one at a time, while it lies beyond `clip` sigma.

    Each candidate is judged by its distance from a fit to the others, because it draws a
    fit of few points towards itself. A sigma is the expected error, or what the others
    scatter where that is more (`_unit`): a source whose every measurement scatters beyond
    its photon noise has no outliers for that.

    Parameters
    ----------
    used : ndarray of bool
        Measurements to start from.
    fit : callable
        Takes the measurements used, returns residuals and their expected errors, both for
        *all* measurements: of those used without, of those left out with the error of the
        prediction.
    clip : float or None
        None for no clipping.
    allowed : callable
        Whether a selection still determines the fit with something to spare.

    Returns
    -------
    ndarray of bool
    """
    given, used = used, used.copy()
    while clip is not None:
        residuals, errors = fit(used)
        # Leaving one out lowers the chi-square by the square of its deviation from a fit to
        # the others: where the whole is small, so is every part.
        if float(np.sum((residuals[used] / errors[used]) ** 2)) <= clip**2:
            break
        worst, worst_index = clip, -1
        for index in _suspects(used, residuals / errors):
            others = used.copy()
            others[index] = False
            if not allowed(others):
                continue
            try:
                residuals, errors = fit(others)
            except AlgorithmFailed:
                continue  # they say nothing of the one left out
            off = residuals / errors
            distance = abs(float(off[index])) / _unit(off[others])
            if distance > worst:
                worst, worst_index = distance, int(index)
        if worst_index < 0:
            break
        used[worst_index] = False
    if clip is not None and not np.array_equal(used, given):
        _take_back(used, given, fit, clip)
    return used


def _suspects(used: BoolArray, off: FloatArray) -> npt.NDArray[np.int_]:
    """Measurements that may be the worst one: those that deviate most while they are used.

    An outlier draws the fit to itself by its leverage, which is small among many.
    """
    candidates = np.flatnonzero(used)
    return candidates[np.argsort(-np.abs(off[candidates]), kind="stable")][:_SUSPECTS]


def _take_back(
    used: BoolArray,
    given: BoolArray,
    fit: Callable[[BoolArray], tuple[FloatArray, FloatArray]],
    clip: float,
) -> None:
    """Use again what agrees with the rest after all: of two outliers one may hide behind a third.

    `used` is changed in place.
    """
    while np.any(given & ~used):
        residuals, errors = fit(used)
        off = np.abs(residuals / errors)
        best = int(np.argmin(np.where(given & ~used, off, np.inf)))
        if off[best] > clip * _unit(off[used]):
            break
        used[best] = True


def _unit(off: FloatArray) -> float:
    """Scatter of residuals over errors, by their median, never below 1; 1 for few."""
    if len(off) < _ENOUGH_FOR_SCATTER:
        return 1.0
    return max(1.0, 1.4826 * float(np.median(np.abs(off))))
