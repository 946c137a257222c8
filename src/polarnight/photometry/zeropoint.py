"""The zero point of a frame from its calibrators."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from polarnight.errors import AlgorithmFailed

__all__ = ["ZeroPoint", "weighted_mean", "zero_point"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

NU = 3.0
STUDENT_QUANTILE = float(special.stdtrit(NU, float(special.ndtr(1.0))))  # 1.1969
MAX_INFLATION = 1000.0
# Sampling error of the estimate over its curvature error where the errors are normal:
# sqrt(E[psi^2]/E[psi']) for psi the score of Student's t with the scales used here.
NORMAL_FACTOR = 1.0459
_SIGNIFICANCE = 0.01
_BLOCK = 1 << 16  # deviations held at once
_NEWTON_STEPS = 60  # bisection alone gets there in 30
_NEWTON_ENOUGH = 1e-8


@dataclass(frozen=True, eq=False)
class ZeroPoint:
    """Zero point: catalogue minus instrumental magnitude.

    Attributes
    ----------
    value, err : float
    method : str
        ``"student-t"`` or ``"weighted mean"``.
    n : int
        Calibrators that entered.
    inflation : float
        Factor on the calibrators' errors that their scatter asks for, at least 1.
    chi2 : float
        Of the calibrators about `value`, with their own errors.
    used : ndarray of bool
        Which of the calibrators given entered (finite, with an error).
    residuals : ndarray
        Calibrators minus `value`, for plots and for finding variable calibrators.
    """

    value: float
    err: float
    method: str
    n: int
    inflation: float
    chi2: float
    used: BoolArray
    residuals: FloatArray


def weighted_mean(values: FloatArray, errors: FloatArray) -> tuple[float, float, float, float]:
    """Weighted mean, its error, the factor scatter put on it, and chi-square.

    The error is enlarged by sqrt(chi2/(n - 1)) where the scatter is significant (less than
    1 % by chance); enlarging it whenever chi2 > n - 1 makes the errors of two or three good
    calibrators cover 73 % instead of 68 %.
    """
    weights = errors**-2
    value = float(weights @ values / weights.sum())
    chi2 = float(weights @ (values - value) ** 2)
    dof = len(values) - 1
    scale = 1.0
    if dof > 0 and special.chdtrc(dof, chi2) < _SIGNIFICANCE:
        scale = max(1.0, math.sqrt(chi2 / dof))
    return value, scale / math.sqrt(float(weights.sum())), scale, chi2


def _log_inflation(square: FloatArray) -> FloatArray:
    """Log k >= 1 of least cost for each row of squared deviations over scales.

    Newton's method on the slope, which grows with log k, kept between bounds by bisection; what
    is left of an error is below 1e-8, and of first order it does not change the cost.
    """
    n = square.shape[1]
    low = np.zeros(len(square))
    high = np.full(len(square), math.log(MAX_INFLATION))
    log_k = low.copy()
    for _ in range(_NEWTON_STEPS):
        part = square * np.exp(-2.0 * log_k)[:, None]
        share = part / (NU + part)
        slope = n - (NU + 1.0) * share.sum(axis=1)
        low, high = np.where(slope < 0, log_k, low), np.where(slope < 0, high, log_k)
        with np.errstate(divide="ignore", invalid="ignore"):
            curvature = 2.0 * (NU + 1.0) * (share * (1.0 - share)).sum(axis=1)
            reached = log_k - slope / curvature
        # The bounds themselves are allowed: k = 1 is the answer where the slope is positive there.
        inside = (reached >= low) & (reached <= high)
        reached = np.where(inside, reached, 0.5 * (low + high))
        moved = float(np.max(np.abs(reached - log_k)))
        log_k = reached
        if moved < _NEWTON_ENOUGH:
            break
    return log_k


class _Student:
    """Likelihood of zero point z and common inflation k under Student's t.

    Scales are the errors divided by the quantile that makes +-1 error hold 68 %.
    """

    def __init__(self, values: FloatArray, errors: FloatArray) -> None:
        self.values = values
        self.scales = errors / STUDENT_QUANTILE

    def cost(self, z: float, log_k: float) -> float:
        """Minus log-likelihood without constants."""
        t = (self.values - z) / (self.scales * math.exp(log_k))
        tails = 0.5 * (NU + 1.0) * np.log1p(t * t / NU)
        return float(tails.sum()) + len(t) * log_k

    def profile(self, z: float) -> tuple[float, float]:
        """Least cost over k >= 1 at fixed z, and log k; d cost/d log k is monotone."""
        square = ((self.values - z) / self.scales) ** 2
        n = len(square)

        def slope(log_k: float) -> float:
            part = square * math.exp(-2.0 * log_k)
            return n - (NU + 1.0) * float(np.add.reduce(part / (NU + part)))

        top = math.log(MAX_INFLATION)
        if slope(0.0) >= 0:
            log_k = 0.0
        elif slope(top) <= 0:
            log_k = top
        else:
            log_k = float(optimize.brentq(slope, 0.0, top, xtol=1e-10))
        return self.cost(z, log_k), log_k

    def _profiles(self, starts: FloatArray) -> FloatArray:
        """Least cost over k >= 1 at each of many z, in blocks that stay in the cache."""
        step = max(1, _BLOCK // len(self.values))
        return np.concatenate(
            [self._block(starts[first : first + step]) for first in range(0, len(starts), step)]
        )

    def _block(self, starts: FloatArray) -> FloatArray:
        square = ((self.values - starts[:, None]) / self.scales) ** 2
        log_k = _log_inflation(square)
        tails = 0.5 * (NU + 1.0) * np.log1p(square * np.exp(-2.0 * log_k)[:, None] / NU)
        return np.asarray(tails.sum(axis=1) + square.shape[1] * log_k)

    def best(self) -> tuple[float, float, float]:
        """Zero point, least cost, log k; the best of the descents from every calibrator."""
        ordered = np.sort(self.values)
        starts = np.concatenate([ordered, 0.5 * (ordered[1:] + ordered[:-1])])
        start = float(starts[int(np.argmin(self._profiles(starts)))])
        width = float(np.median(self.scales))
        found = optimize.minimize_scalar(
            lambda z: self.profile(z)[0],
            bracket=(start - 0.5 * width, start + 0.5 * width),
            options={"xtol": 1e-10},
        )
        z = float(found.x)
        cost, log_k = self.profile(z)
        return z, cost, log_k

    def half_interval(self, z: float, cost: float) -> float:
        """Half the interval of z where the profile cost rises by 1/2."""
        step = float(np.median(self.scales))

        def rise(at: float) -> float:
            return self.profile(at)[0] - cost - 0.5

        edges = []
        for sign in (-1.0, 1.0):
            far = z + sign * step
            for _ in range(200):
                if rise(far) > 0:
                    break
                far += sign * 2.0 * abs(far - z)
            edges.append(float(optimize.brentq(rise, z, far, xtol=1e-12 + 1e-7 * step)))
        return 0.5 * (edges[1] - edges[0])


def zero_point(zps: npt.ArrayLike, errs: npt.ArrayLike, *, method: str = "auto") -> ZeroPoint:
    """Robust zero point of a frame.

    With four calibrators or more, maximum likelihood under Student's t (nu = 3) with a
    common inflation k >= 1 of the errors, the error from the profile likelihood (half its
    rise-by-1/2 interval, times 1.046 for well-behaved calibrators, whose normal errors the
    interval would undercover); with fewer, the weighted mean, its error enlarged where the
    scatter is significant.

    Parameters
    ----------
    zps : array_like, shape (n,)
        Catalogue minus instrumental magnitude of each calibrator.
    errs : array_like, shape (n,)
        Errors of both in quadrature.
    method : {"auto", "student-t", "weighted mean"}

    Returns
    -------
    ZeroPoint

    Raises
    ------
    AlgorithmFailed
        Where no calibrator is usable.
    ValueError
        Arrays of different shapes, or unknown method.
    """
    value, error = np.asarray(zps, dtype=np.float64), np.asarray(errs, dtype=np.float64)
    if value.shape != error.shape or value.ndim != 1:
        msg = f"zero points {value.shape} and errors {error.shape} must be two equal lists"
        raise ValueError(msg)
    if method not in ("auto", "student-t", "weighted mean"):
        msg = f"unknown method {method!r}"
        raise ValueError(msg)
    used = np.isfinite(value) & np.isfinite(error) & (error > 0)
    v, e = value[used], error[used]
    if len(v) == 0:
        msg = "no calibrator gives a zero point"
        raise AlgorithmFailed(msg, calibrators=len(value))
    if method == "student-t" or (method == "auto" and len(v) >= 4):
        student = _Student(v, e)
        z, cost, log_k = student.best()
        inflation, name = math.exp(log_k), "student-t"
        # Well-behaved calibrators have normal errors, for which the profile interval is a
        # little short; heavy tails, which show in k, are what the likelihood describes.
        err = student.half_interval(z, cost) * (1.0 + (NORMAL_FACTOR - 1.0) / inflation**2)
    else:
        z, err, inflation, _ = weighted_mean(v, e)
        name = "weighted mean"
    return ZeroPoint(
        value=z,
        err=err,
        method=name,
        n=len(v),
        inflation=inflation,
        chi2=float(np.sum(((v - z) / e) ** 2)),
        used=used,
        residuals=value - z,
    )
