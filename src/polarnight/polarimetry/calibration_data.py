"""Observations of standard stars, and what a fit to them gives."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from polarnight.polarimetry.instrumental import InstrumentalPolarization

__all__ = ["GROUPS", "CalibrationFit", "StandardObservation", "StarResidual"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

GROUPS = {
    "zero": ("q0", "u0"),
    "angle": ("zero_angle",),
    "efficiency": ("efficiency",),
    "telescope": ("telescope_q", "telescope_u"),
}
"""What can be fitted or held, and its parameters."""


@dataclass(frozen=True)
class StandardObservation:
    """One cycle of a standard star.

    Attributes
    ----------
    star : str
        Cycles of one star share the errors of its literature values.
    q, u : float
        Measured, in the frame of the instrument.
    cov : ndarray, shape (2, 2)
        Of the measurement alone.
    true_q, true_u : float
        Of the literature, on the sky.
    true_cov : ndarray, shape (2, 2)
        Zeros where they are exact.
    jd : float
        Middle of the cycle.
    parallactic_angle, instrument_angle : float
        Degrees.
    label : str
        For people.
    """

    star: str
    q: float
    u: float
    cov: FloatArray
    true_q: float
    true_u: float
    true_cov: FloatArray
    jd: float = math.nan
    parallactic_angle: float = 0.0
    instrument_angle: float = 0.0
    label: str = ""


@dataclass(frozen=True)
class StarResidual:
    """What is left of a star: corrected minus literature, on the sky (fractions)."""

    star: str
    n: int
    q: float
    u: float
    q_err: float
    u_err: float
    used: bool


@dataclass(frozen=True, eq=False)
class CalibrationFit:
    """The result of `fit_calibration`.

    Attributes
    ----------
    instrumental : InstrumentalPolarization
        With its covariance: 4 x 4, or 6 x 6 with a turning telescope.
    free : tuple of str
        Names of `GROUPS` that were fitted; the others were held.
    chi2, dof : float, int
        Against the quoted errors alone, without any scatter.
    star_scatter, cycle_scatter : float
        Scatter (fractions, in each of q and u) from star to star, beyond the errors of the
        literature, and from cycle to cycle, beyond those of the measurement; zero where
        the quoted errors suffice or nothing can be said.
    used : ndarray of bool, shape (n,)
    rejected : tuple of (int, str)
        Observations left out, and why.
    corrected, residuals : ndarray, shape (n, 2)
        q and u on the sky, and minus the literature; also of observations left out.
    errors : ndarray, shape (n, 2)
        Of `residuals`, by measurement and literature, without scatter.
    stars : tuple of StarResidual
    factors : dict
        By how much the errors of free parameters grew because the scatter is estimated.
    remarks : tuple of str
        What somebody who uses the numbers should know.
    """

    instrumental: InstrumentalPolarization
    free: tuple[str, ...]
    chi2: float
    dof: int
    star_scatter: float
    cycle_scatter: float
    used: BoolArray
    rejected: tuple[tuple[int, str], ...]
    corrected: FloatArray
    residuals: FloatArray
    errors: FloatArray
    stars: tuple[StarResidual, ...]
    factors: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
