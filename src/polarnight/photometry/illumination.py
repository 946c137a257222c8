"""Zero point over a field: colour term, and an illumination where the stars demand one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.photometry.colour import ColourZeroPoint, fit_zero_point_colour

__all__ = ["FieldZeroPoint", "Illumination", "fit_field_zero_point"]

FloatArray = npt.NDArray[np.float64]

_MIN_STARS = 25
_CLEARLY = 6.0
"""By how much the chi-square has to exceed what Bayes' criterion asks for."""


@dataclass(frozen=True, eq=False)
class Illumination:
    """What the flat field left over the frame: a quadratic in x and y.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    coefficients, middle : ndarray, shape (5,)
        Of the terms ``u, v, u^2, u v, v^2`` less their mean over the calibrators, with
        ``u, v`` from -1 to 1 over the frame; magnitudes.
    scatter_without : float
        Robust scatter of the calibrators without it, magnitudes.
    """

    shape: tuple[int, int]
    coefficients: FloatArray
    middle: FloatArray
    scatter_without: float

    def at(self, x: npt.ArrayLike, y: npt.ArrayLike) -> FloatArray:
        """Return the magnitudes to add to the zero point at positions (pixels)."""
        correction: FloatArray = self.design(x, y) @ self.coefficients
        return correction

    def design(self, x: npt.ArrayLike, y: npt.ArrayLike) -> FloatArray:
        """Return the terms at positions (pixels), shape (n, 5)."""
        return _terms(x, y, self.shape) - self.middle

    @property
    def peak_to_peak(self) -> float:
        """Range over the frame, magnitudes."""
        ny, nx = self.shape
        y, x = np.mgrid[0 : ny - 1 : 9j, 0 : nx - 1 : 9j]
        return float(np.ptp(self.at(x.ravel(), y.ravel())))


@dataclass(frozen=True, eq=False)
class FieldZeroPoint:
    """A zero point with colour term, and an illumination or None."""

    line: ColourZeroPoint
    illumination: Illumination | None

    def at(self, x: float, y: float) -> float:
        """Return the illumination at a position in magnitudes, 0 where there is none."""
        return 0.0 if self.illumination is None else float(self.illumination.at([x], [y])[0])

    def zero_point(self, x: float, y: float, colour: float | None = None) -> tuple[float, float]:
        """Return the zero point at a position for a colour, with the error of the whole fit.

        Parameters
        ----------
        x, y : float
            Pixels.
        colour : float, optional
            By default that of the average calibrator.
        """
        away = 0.0 if colour is None else colour - self.line.pivot
        design = np.array([1.0, away])
        if self.illumination is not None:
            design = np.concatenate([design, self.illumination.design(x, y)[0]])
        value = self.line.value + self.line.slope * away + self.at(x, y)
        return value, float(np.sqrt(design @ self.line.covariance @ design))

    def corrections(self, x: npt.ArrayLike, y: npt.ArrayLike) -> FloatArray:
        """Return the illumination at positions in magnitudes, 0 where there is none."""
        if self.illumination is None:
            return np.zeros(np.shape(x))
        return self.illumination.at(x, y)


def fit_field_zero_point(
    zps: npt.ArrayLike,
    colour: npt.ArrayLike,
    errs: npt.ArrayLike,
    xy: npt.ArrayLike,
    shape: tuple[int, int],
) -> FieldZeroPoint:
    """Fit zero point and colour term of a field, with an illumination where it is demanded.

    A flat that was not lit as the sky lights the frame leaves a smooth pattern. One of
    second order in x and y is fitted together with the colour term where there are stars
    enough (25) and its significance (chi-square of the coefficients with their covariance)
    exceeds what Bayes' information criterion asks for by 6.

    Parameters
    ----------
    zps, colour, errs : array_like, shape (n,)
        As for `fit_zero_point_colour`; NaN leaves a star out.
    xy : array_like, shape (n, 2)
        Pixels.
    shape : tuple of int
        (ny, nx) of the frame.

    Raises
    ------
    AlgorithmFailed
        Where there are too few calibrators for a colour term.
    """
    plain = fit_zero_point_colour(zps, colour, errs)
    if plain.n < _MIN_STARS:
        return FieldZeroPoint(plain, None)
    place = np.asarray(xy, dtype=np.float64)
    terms = _terms(place[:, 0], place[:, 1], shape)
    middle = terms[plain.used].mean(axis=0)
    full = fit_zero_point_colour(zps, colour, errs, terms - middle)
    found = full.coefficients
    significance = float(found @ np.linalg.solve(full.covariance[2:, 2:], found))
    if significance < len(found) * np.log(plain.n) + _CLEARLY:
        return FieldZeroPoint(plain, None)
    left = Illumination(shape, full.coefficients, middle, _scatter(plain.residuals))
    return FieldZeroPoint(full, left)


def _terms(x: npt.ArrayLike, y: npt.ArrayLike, shape: tuple[int, int]) -> FloatArray:
    u = 2.0 * np.asarray(x, dtype=np.float64) / shape[1] - 1.0
    v = 2.0 * np.asarray(y, dtype=np.float64) / shape[0] - 1.0
    return np.column_stack([u, v, u * u, u * v, v * v])


def _scatter(residuals: FloatArray) -> float:
    """Return the robust standard deviation of the finite residuals, above 1e-6."""
    values = residuals[np.isfinite(residuals)]
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) + 1e-6
