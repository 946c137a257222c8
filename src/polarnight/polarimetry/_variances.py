"""Variance components of standards: scatter nobody quoted, from star to star and of cycles.

The variances are estimated by restricted maximum likelihood (Patterson and Thompson 1971), by
Fisher scoring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from polarnight.polarimetry._star_blocks import LinearFit, StarBlocks

__all__ = ["estimate_variances", "needed_variances", "student_factors"]

FloatArray = npt.NDArray[np.float64]

_ITERATIONS = 60
_TOLERANCE = 1e-5


def estimate_variances(data: StarBlocks, components: Sequence[int]) -> FloatArray:
    """Return the variances of some components that make the residuals most likely.

    Parameters
    ----------
    data : StarBlocks
    components : sequence of int
        0: from star to star, 1: from cycle to cycle; the variances of others are zero.

    Returns
    -------
    ndarray, shape (2,)
        Zero where the known errors suffice.
    """
    theta = np.zeros(2)
    chosen = list(components)
    # Both scatters are of the order of the residuals or below it; starting above is safe.
    typical = float(np.mean(data.residuals**2)) or 1e-12
    theta[chosen] = 0.5 * typical
    current = data.solve(theta)
    for _ in range(_ITERATIONS):
        score, information = data.derivatives(current, chosen)
        free = (theta[chosen] > 0) | (score > 0)
        if not free.any():
            break
        change = np.linalg.lstsq(information[np.ix_(free, free)], score[free], rcond=None)[0]
        step = np.zeros(2)
        step[np.array(chosen)[free]] = change
        theta, current, moved = _line_search(theta, step, current, data.solve)
        if moved < _TOLERANCE * (typical + float(theta.max())):
            break
    return theta


def needed_variances(data: StarBlocks, able: Sequence[int], significance: float) -> FloatArray:
    """Return the variances that the residuals ask for; zero where they do well without.

    A variance cannot come out negative, so that one that is not there would be found positive
    on average and enlarge every error. It is kept where the likelihood gains by it what chance
    gives in less than `significance` of the cases (a mixture of nothing and chi-square of one
    degree of freedom, Self and Liang 1987).

    Parameters
    ----------
    data : StarBlocks
    able : sequence of int
        Which of the components can be told from the rest at all.
    significance : float

    Returns
    -------
    ndarray, shape (2,)
    """
    limit = float(stats.chi2.isf(min(2.0 * significance, 1.0), 1))
    kept = list(able)
    while True:
        theta, gained = _estimate(data, kept)
        losses = {
            index: 2.0 * (gained - _estimate(data, [o for o in kept if o != index])[1])
            for index in kept
        }
        if not losses or min(losses.values()) >= limit:
            return theta
        kept.remove(min(losses, key=lambda index: losses[index]))


def _estimate(data: StarBlocks, kept: Sequence[int]) -> tuple[FloatArray, float]:
    """Return the variances of some of the components, the others zero, and the likelihood."""
    theta = estimate_variances(data, kept) if kept else np.zeros(2)
    return theta, data.solve(theta).log_likelihood


def _line_search(
    theta: FloatArray,
    step: FloatArray,
    current: LinearFit,
    fit: Callable[[FloatArray], LinearFit],
) -> tuple[FloatArray, LinearFit, float]:
    """Shorten a step until the likelihood grows; variances stay at zero or above."""
    for _ in range(30):
        trial = np.maximum(theta + step, 0.0)
        better = fit(trial)
        if better.log_likelihood >= current.log_likelihood - 1e-12:
            return trial, better, float(np.max(np.abs(trial - theta)))
        step = step / 2.0
    return theta, current, 0.0


def student_factors(fit: LinearFit, data: StarBlocks, theta: FloatArray) -> FloatArray:
    """Factors by which the errors grow because the variances are estimated.

    The quantile of Student's t at one sigma, over one, with the degrees of freedom of
    Satterthwaite (1946) for the variance of each parameter.

    Returns
    -------
    ndarray, shape (k,)
    """
    active = [index for index, value in enumerate(theta) if value > 0]
    if not active:
        return np.ones(len(fit.step))
    _, information = data.derivatives(fit, active)
    spread = np.linalg.pinv(information)
    slopes = np.array([np.diag(data.slopes(fit, index)) for index in active])
    variance = np.einsum("jk,ji,ik->k", slopes, spread, slopes)
    freedom = 2.0 * np.diag(fit.cov) ** 2 / np.maximum(variance, 1e-300)
    return np.asarray(stats.t.ppf(stats.norm.cdf(1.0), np.clip(freedom, 1.0, 1e6)))
