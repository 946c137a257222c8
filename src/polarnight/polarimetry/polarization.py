"""Degree and angle of polarization, debiased, with intervals that hold at low signal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from polarnight.polarimetry import intervals
from polarnight.polarimetry.stokes import Stokes, rotation_covariance

__all__ = ["Polarization"]

_DEBIASING = ("mas", "wardle-kronberg", "none")
_ANGLE_ERRORS = ("coverage", "naghizadeh-khouei")
_DETECTION = 3.0


@dataclass(frozen=True, slots=True)
class Polarization:
    """Degree and position angle of linear polarization.

    Attributes
    ----------
    p_naive : float
        ``sqrt(q^2 + u^2)``, a fraction, biased upwards at low signal.
    p : float
        Debiased by `debias`.
    p_err : float
        Half width of ``p +- p_err``, which holds the truth in 68 % of cases at any signal
        (with the default debiasing).
    p_low, p_high : float
        Feldman-Cousins interval of 68.27 %, not symmetric at low signal.
    p_limit95 : float or None
        Upper limit where `snr` < 3.
    chi : float
        Position angle, degrees in [0, 180).
    chi_err : float
        Degrees, at most 90, which means undetermined.
    snr : float
        ``p_naive`` over its radial error.
    debias : str
    """

    p_naive: float
    p: float
    p_err: float
    p_low: float
    p_high: float
    p_limit95: float | None
    chi: float
    chi_err: float
    snr: float
    debias: str

    @classmethod
    def from_stokes(
        cls, stokes: Stokes, *, debias: str = "mas", angle_error: str = "coverage"
    ) -> Self:
        """Make degree and angle from Stokes parameters.

        Errors along and across the direction of (q, u) follow from the covariance without
        the error of the angle zero, which moves chi only. The intervals are those of
        equal errors (`polarnight.polarimetry.intervals`) with the radial error, after the
        shift by which the tangential error lengthens p differently.

        Parameters
        ----------
        stokes : Stokes
        debias : {"mas", "wardle-kronberg", "none"}
            Modified asymptotic estimator of Plaszczynski et al. (2014), Wardle and Kronberg
            (1974), or the naive p.
        angle_error : {"coverage", "naghizadeh-khouei"}
            Error of chi solved for its coverage, or the width of the distribution of angles
            (Naghizadeh-Khouei and Clarke 1993) at the debiased signal.

        Returns
        -------
        Polarization

        Raises
        ------
        ValueError
            Unknown method.
        """
        if debias not in _DEBIASING or angle_error not in _ANGLE_ERRORS:
            msg = f"debias is one of {_DEBIASING}, angle_error one of {_ANGLE_ERRORS}"
            raise ValueError(msg)
        q, u = stokes.q, stokes.u
        p = math.hypot(q, u)
        radial, tangential, significance = _errors(stokes, p)
        # Shift to the length that equal errors would have given on average.
        shift = (tangential**2 - radial**2) * _bias_form(p, tangential)
        x = max(p - shift, 0.0) / radial
        low, high = (min(float(edge) * radial, 1.0) for edge in intervals.rice_interval(x))
        if angle_error == "coverage":
            # Whether there is an angle at all depends on how far (q, u) is from zero in its
            # own errors; how well it is known, on the error across.
            stretch = significance * tangential / p if p > 0 else 1.0
            width = _angle_width(significance, stretch)
        else:
            width = float(intervals.nk_half_width(intervals.mas(p / tangential)))
        estimate = _debiased(p, tangential, debias)
        p_err = float(intervals.p_half_width(x)) * radial
        if x < 1.5:  # the interval reaches 0 here; keep rounding from excluding it
            p_err = max(p_err, estimate * (1.0 + 1e-9))
        return cls(
            p_naive=p,
            p=estimate,
            p_err=p_err,
            p_low=low,
            p_high=high,
            p_limit95=_limit(x, radial) if p < _DETECTION * radial else None,
            chi=math.degrees(0.5 * math.atan2(u, q)) % 180.0,
            chi_err=min(math.hypot(width, stokes.rotation_err), 90.0),
            snr=p / radial,
            debias=debias,
        )


def _angle_width(significance: float, stretch: float) -> float:
    width = float(intervals.angle_half_width(significance))
    return width if significance < intervals.ANGLE_DETERMINED else min(width * stretch, 90.0)


def _errors(stokes: Stokes, p: float) -> tuple[float, float, float]:
    """Errors along and across (q, u), and its distance from zero in its own errors.

    The common rotation is left out. The distance is ``sqrt(z C^-1 z)``, p/sigma for equal
    errors; unlike p over either error, it follows the Rice distribution at zero signal for
    any covariance.
    """
    cov = stokes.cov - rotation_covariance(stokes.q, stokes.u, stokes.rotation_err)
    if p > 0:
        along = np.array([stokes.q, stokes.u]) / p
        across = np.array([-along[1], along[0]])
        radial, tangential = float(along @ cov @ along), float(across @ cov @ across)
    else:
        radial = tangential = float(np.trace(cov)) / 2.0
    # Subtracting the rotation may leave a rounding remainder where it dominates.
    floor = 1e-12 * float(np.trace(stokes.cov)) + 1e-300
    determinant = float(cov[0, 0] * cov[1, 1] - cov[0, 1] ** 2)
    radial, tangential = max(radial, floor), max(tangential, floor)
    # z C^-1 z = p^2 sigma_t^2 / det C for z along the direction of p.
    significance = p * math.sqrt(tangential / max(determinant, floor**2))
    return math.sqrt(radial), math.sqrt(tangential), significance


def _bias_form(p: float, sigma: float) -> float:
    """``(1 - exp(-p^2/sigma^2)) / (2 p)``: the bias of p over the tangential variance."""
    if p < 1e-6 * sigma:
        return p / (2.0 * sigma**2)
    return -math.expm1(-((p / sigma) ** 2)) / (2.0 * p)


def _debiased(p: float, tangential: float, method: str) -> float:
    if method == "mas":
        return p - tangential**2 * _bias_form(p, tangential)
    if method == "wardle-kronberg":
        return math.sqrt(max(p**2 - tangential**2, 0.0))
    return p


def _limit(x: float, radial: float) -> float:
    return min(intervals.rice_upper_limit(x) * radial, 1.0)
