"""Zero point with a colour term."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.photometry.zeropoint import MAX_INFLATION, NORMAL_FACTOR, NU, STUDENT_QUANTILE

__all__ = ["ColourZeroPoint", "fit_zero_point_colour"]

FloatArray = npt.NDArray[np.float64]

_MIN_STARS = 4


@dataclass(frozen=True, eq=False)
class ColourZeroPoint:
    """Zero point as a straight line in colour: ``value + slope (colour - pivot)``.

    Attributes
    ----------
    value, err : float
        At the pivot.
    slope, slope_err : float
        Magnitudes per magnitude of colour.
    pivot : float
        Weighted mean colour of the calibrators, where value and slope are uncorrelated.
    n : int
    inflation : float
        As in `polarnight.photometry.ZeroPoint`.
    used : ndarray of bool
    residuals : ndarray
        Calibrators minus the fit; NaN where not used.
    coefficients : ndarray, shape (m,)
        Of the further terms.
    covariance : ndarray, shape (2 + m, 2 + m)
        Of value, slope and coefficients.
    """

    value: float
    err: float
    slope: float
    slope_err: float
    pivot: float
    n: int
    inflation: float
    used: npt.NDArray[np.bool_]
    residuals: FloatArray
    coefficients: FloatArray = field(default_factory=lambda: np.zeros(0))
    covariance: FloatArray = field(default_factory=lambda: np.zeros((2, 2)))

    def at(self, colour: float) -> tuple[float, float]:
        """Zero point and its error for a source of some colour."""
        away = colour - self.pivot
        return self.value + self.slope * away, math.hypot(self.err, self.slope_err * away)


def fit_zero_point_colour(
    zps: npt.ArrayLike,
    colour: npt.ArrayLike,
    errs: npt.ArrayLike,
    terms: npt.ArrayLike | None = None,
) -> ColourZeroPoint:
    """Fit zero points of calibrators with a straight line in their colour.

    Further linear terms may be fitted with it, such as those of an illumination that the
    flat field left; they should be zero on average, so that the value keeps its meaning.

    Maximum likelihood under Student's t (nu = 3) with a common inflation k >= 1 of the
    errors, by expectation-maximisation; errors from the Fisher information.

    Parameters
    ----------
    zps, colour, errs : array_like, shape (n,)
        Catalogue minus instrumental magnitude, catalogue colour, error of the first.
    terms : array_like, shape (n, m), optional

    Returns
    -------
    ColourZeroPoint

    Raises
    ------
    AlgorithmFailed
        Fewer than four usable calibrators (and two for each further term), or all of one
        colour.
    ValueError
        Arrays of different shapes.
    """
    value, tint, error = (np.asarray(a, dtype=np.float64) for a in (zps, colour, errs))
    if not value.shape == tint.shape == error.shape or value.ndim != 1:
        msg = f"zero points {value.shape}, colours {tint.shape}, errors {error.shape} differ"
        raise ValueError(msg)
    used = np.isfinite(value) & np.isfinite(tint) & np.isfinite(error) & (error > 0)
    extra = np.zeros((len(value), 0)) if terms is None else np.asarray(terms, dtype=np.float64)
    if extra.ndim != 2 or len(extra) != len(value):
        msg = f"terms {extra.shape} do not go with {len(value)} zero points"
        raise ValueError(msg)
    used &= np.isfinite(extra).all(axis=1)
    n = int(used.sum())
    spread = float(np.ptp(tint[used])) if n else 0.0
    if n < _MIN_STARS + 2 * extra.shape[1] or not spread > 0:
        msg = "a colour term needs four calibrators of different colours"
        raise AlgorithmFailed(msg, calibrators=n, colour_range=spread)
    v, c, e = value[used], tint[used], error[used]
    pivot = float(np.sum(c / e**2) / np.sum(e**-2))
    design = np.column_stack([np.ones(n), c - pivot, extra[used]])
    line, inflation = _student_line(design, v, e / STUDENT_QUANTILE)
    scales = e * inflation / STUDENT_QUANTILE
    information = design.T @ (design / scales[:, None] ** 2) * (NU + 1.0) / (NU + 3.0)
    factor = 1.0 + (NORMAL_FACTOR - 1.0) / inflation**2
    covariance = np.asarray(factor**2 * np.linalg.inv(information), dtype=np.float64)
    errors = np.sqrt(np.diag(covariance))
    fitted = line[0] + line[1] * (tint - pivot) + extra @ line[2:]
    residuals = np.where(used, value - fitted, np.nan)
    return ColourZeroPoint(
        value=float(line[0]),
        err=float(errors[0]),
        slope=float(line[1]),
        slope_err=float(errors[1]),
        pivot=pivot,
        n=n,
        inflation=inflation,
        used=used,
        residuals=residuals,
        coefficients=line[2:],
        covariance=covariance,
    )


def _student_line(
    design: FloatArray, values: FloatArray, scales: FloatArray
) -> tuple[FloatArray, float]:
    """Expectation-maximisation from a start that outliers do not move (least absolute)."""
    line: FloatArray = np.zeros(design.shape[1])
    inflation = 1.0
    weights: FloatArray = np.ones_like(values)
    for count in range(500):
        root = np.sqrt(weights) / scales
        new, *_ = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)
        change = float(np.max(np.abs(new - line)))
        line = np.asarray(new, dtype=np.float64)
        t = (values - design @ line) / scales
        if count < 20:  # weights of the least absolute deviations
            weights = np.asarray(1.0 / np.maximum(np.abs(t), 1e-3), dtype=np.float64)
            continue
        weights = np.asarray((NU + 1.0) / (NU + (t / inflation) ** 2), dtype=np.float64)
        inflation = min(max(math.sqrt(float(np.mean(weights * t**2))), 1.0), MAX_INFLATION)
        if change < 1e-10:
            break
    return line, inflation
