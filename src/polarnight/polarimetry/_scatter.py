"""Linear models with known errors and variance components: scatter nobody quoted.

The covariance is ``known + sum(theta_j * K_j)`` with variances theta_j >= 0 that are estimated
by restricted maximum likelihood (Patterson and Thompson 1971), by Fisher scoring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = ["LinearFit", "estimate_variances", "needed_variances", "solve", "student_factors"]

FloatArray = npt.NDArray[np.float64]

_ITERATIONS = 60
_TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A generalized least-squares fit.

    Attributes
    ----------
    step : ndarray, shape (k,)
        The parameters (in a Gauss-Newton iteration, the change of them).
    cov : ndarray, shape (k, k)
    projector : ndarray, shape (n, n)
        ``P = S^-1 - S^-1 J C J^T S^-1``; ``P r`` are the residuals in units of the covariance.
    weight : ndarray, shape (n, n)
        The inverse ``S^-1`` of the covariance of the data.
    log_likelihood : float
        Restricted, up to a constant.
    """

    step: FloatArray
    cov: FloatArray
    projector: FloatArray
    weight: FloatArray
    log_likelihood: float


def solve(jacobian: FloatArray, residuals: FloatArray, covariance: FloatArray) -> LinearFit:
    """Fit ``residuals = jacobian @ step`` with a covariance of the data.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where the covariance is not positive or the data do not determine the parameters.
    """
    weight, log_det = _inverse(covariance)
    size = jacobian.shape[1]
    if size == 0:
        chi2 = float(residuals @ weight @ residuals)
        return LinearFit(np.zeros(0), np.zeros((0, 0)), weight, weight, -0.5 * (log_det + chi2))
    normal = jacobian.T @ weight @ jacobian
    # Columns of very different size (degrees and fractions) are brought to one first.
    scale = np.sqrt(np.diag(normal))
    if not np.all(scale > 0):
        msg = "a parameter that no datum depends on"
        raise np.linalg.LinAlgError(msg)
    cov, log_normal = _inverse(normal / np.outer(scale, scale))
    cov /= np.outer(scale, scale)
    log_normal += 2.0 * float(np.sum(np.log(scale)))
    gain = cov @ jacobian.T @ weight
    projector = weight - weight @ jacobian @ gain
    chi2 = float(residuals @ projector @ residuals)
    return LinearFit(
        np.asarray(gain @ residuals), cov, projector, weight, -0.5 * (log_det + log_normal + chi2)
    )


def _inverse(matrix: FloatArray) -> tuple[FloatArray, float]:
    """Return the inverse and the logarithm of the determinant of a positive matrix."""
    root = np.linalg.cholesky(matrix)
    back = np.linalg.inv(root)
    return back.T @ back, 2.0 * float(np.sum(np.log(np.diag(root))))


def estimate_variances(
    jacobian: FloatArray,
    residuals: FloatArray,
    known: FloatArray,
    components: Sequence[FloatArray],
) -> FloatArray:
    """Return the variances of the components that make the residuals most likely.

    Parameters
    ----------
    jacobian : ndarray, shape (n, k)
    residuals : ndarray, shape (n,)
    known : ndarray, shape (n, n)
        Covariance without the components.
    components : sequence of ndarray, shape (n, n)

    Returns
    -------
    ndarray
        One variance for each component, zero where the known errors suffice.
    """
    # Both scatters are of the order of the residuals or below it; starting above is safe.
    typical = float(np.mean(residuals**2)) or 1e-12
    theta = np.full(len(components), 0.5 * typical)
    current = solve(jacobian, residuals, _sum(known, components, theta))
    for _ in range(_ITERATIONS):
        score, information = _derivatives(current, residuals, components)
        free = (theta > 0) | (score > 0)
        if not free.any():
            break
        step = np.zeros_like(theta)
        step[free] = np.linalg.lstsq(information[np.ix_(free, free)], score[free], rcond=None)[0]
        theta, current, moved = _line_search(
            theta, step, current, lambda t: solve(jacobian, residuals, _sum(known, components, t))
        )
        if moved < _TOLERANCE * (typical + float(theta.max())):
            break
    return theta


def needed_variances(
    jacobian: FloatArray,
    residuals: FloatArray,
    known: FloatArray,
    components: Sequence[FloatArray],
    able: Sequence[int],
    significance: float,
) -> FloatArray:
    """Return the variances that the residuals ask for; zero where they do well without.

    A variance cannot come out negative, so that one that is not there would be found positive
    on average and enlarge every error. It is kept where the likelihood gains by it what chance
    gives in less than `significance` of the cases (a mixture of nothing and chi-square of one
    degree of freedom, Self and Liang 1987).

    Parameters
    ----------
    jacobian, residuals, known, components
        As for `estimate_variances`.
    able : sequence of int
        Which of the components can be told from the rest at all.
    significance : float

    Returns
    -------
    ndarray
        One for each component.
    """
    limit = float(stats.chi2.isf(min(2.0 * significance, 1.0), 1))
    kept = list(able)
    while True:
        theta, gained = _estimate(jacobian, residuals, known, components, kept)
        losses = {
            index: 2.0 * (gained - _estimate(jacobian, residuals, known, components, others)[1])
            for index in kept
            for others in [[other for other in kept if other != index]]
        }
        if not losses or min(losses.values()) >= limit:
            return theta
        kept.remove(min(losses, key=lambda index: losses[index]))


def _estimate(
    jacobian: FloatArray,
    residuals: FloatArray,
    known: FloatArray,
    components: Sequence[FloatArray],
    kept: Sequence[int],
) -> tuple[FloatArray, float]:
    """Return the variances of some of the components, the others zero, and the likelihood."""
    theta = np.zeros(len(components))
    if kept:
        chosen = [components[index] for index in kept]
        theta[list(kept)] = estimate_variances(jacobian, residuals, known, chosen)
    fit = solve(jacobian, residuals, _sum(known, components, theta))
    return theta, fit.log_likelihood


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


def student_factors(
    fit: LinearFit, jacobian: FloatArray, components: Sequence[FloatArray], theta: FloatArray
) -> FloatArray:
    """Factors by which the errors grow because the variances are estimated.

    The quantile of Student's t at one sigma, over one, with the degrees of freedom of
    Satterthwaite (1946) for the variance of each parameter.

    Returns
    -------
    ndarray, shape (k,)
    """
    active = [component for component, value in zip(components, theta, strict=True) if value > 0]
    size = jacobian.shape[1]
    if not active or size == 0:
        return np.ones(size)
    _, information = _derivatives(fit, np.zeros(len(jacobian)), active)
    spread = np.linalg.pinv(information)
    gain = fit.cov @ jacobian.T @ fit.weight
    slopes = np.array([np.diag(gain @ component @ gain.T) for component in active])
    variance = np.einsum("jk,ji,ik->k", slopes, spread, slopes)
    freedom = 2.0 * np.diag(fit.cov) ** 2 / np.maximum(variance, 1e-300)
    return np.asarray(stats.t.ppf(stats.norm.cdf(1.0), np.clip(freedom, 1.0, 1e6)))


def _sum(known: FloatArray, components: Sequence[FloatArray], theta: FloatArray) -> FloatArray:
    total = known.copy()
    for component, value in zip(components, theta, strict=True):
        total += value * component
    return total


def _derivatives(
    fit: LinearFit, residuals: FloatArray, components: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return the score and the expected information of the variances."""
    pulled = fit.projector @ residuals
    products = [fit.projector @ component for component in components]
    score = np.array(
        [
            0.5 * (float(pulled @ component @ pulled) - float(np.trace(product)))
            for component, product in zip(components, products, strict=True)
        ]
    )
    information = np.array(
        [[0.5 * float(np.sum(one * other.T)) for other in products] for one in products]
    )
    return score, information
