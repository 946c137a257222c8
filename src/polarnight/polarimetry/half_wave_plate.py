"""Stokes parameters from two beams behind a half-wave plate."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._fit import (
    BoolArray,
    FloatArray,
    clip_outliers,
    distinct_angles,
    linear_fit,
    mean_level,
    scatter_scale,
)
from polarnight.polarimetry.stokes import Stokes

__all__ = ["beam_ratio", "fit_half_wave_plate", "fit_plate_ratios"]

_MIN_ANGLES = 4
_PERIOD = 90.0  # of the modulation in the angle of the plate, degrees
_SET_TOLERANCE = 0.1  # degrees within which plate angles form the classic set of four


def beam_ratio(
    ordinary: FloatArray,
    ordinary_err: FloatArray,
    extraordinary: FloatArray,
    extraordinary_err: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return ``R = (E - O)/(E + O)`` and its error, element by element.

    ``sigma_R = 2 sqrt(E^2 sigma_O^2 + O^2 sigma_E^2)/(E + O)^2``.
    """
    total = extraordinary + ordinary
    ratio = (extraordinary - ordinary) / total
    error = 2.0 * np.hypot(extraordinary * ordinary_err, ordinary * extraordinary_err) / total**2
    return ratio, error


def _model(design: FloatArray, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """R and its derivatives; parameters are q, u and, where fitted, k."""
    wave = design @ parameters[:2]
    if len(parameters) == 2:
        return wave, design
    k = parameters[2]
    below = 1.0 + k * wave
    by_wave = (1.0 - k * k) / below**2
    by_gain = (1.0 - wave * wave) / below**2
    return (k + wave) / below, np.column_stack([design * by_wave[:, None], by_gain])


def _solve(
    design: FloatArray, ratio: FloatArray, error: FloatArray, beam_gain: bool
) -> tuple[FloatArray, FloatArray]:
    """Gauss-Newton; without beam gain the model is linear and one step is exact."""
    parameters = np.zeros(3 if beam_gain else 2)
    for _ in range(20):
        value, jacobian = _model(design, parameters)
        step, cov, _ = linear_fit(jacobian, ratio - value, error)
        parameters = parameters + step
        if not np.all(np.abs(parameters) < 2.0):
            msg = "the fit of the plate does not converge"
            raise AlgorithmFailed(msg, q=float(parameters[0]), u=float(parameters[1]))
        if np.max(np.abs(step)) < 1e-12 or not beam_gain:
            break
    return parameters, cov


def _beams(
    plate_deg: npt.ArrayLike, *beams: npt.ArrayLike
) -> tuple[FloatArray, list[FloatArray], BoolArray]:
    angle = np.asarray(plate_deg, dtype=np.float64)
    arrays = [np.asarray(a, dtype=np.float64) for a in beams]
    if angle.ndim != 1 or any(a.shape != angle.shape for a in arrays):
        msg = f"plate angles {angle.shape} and fluxes {[a.shape for a in arrays]} must be equal"
        raise ValueError(msg)
    o, o_err, e, e_err = arrays
    used = np.isfinite(angle) & np.isfinite(o) & np.isfinite(e) & (o_err > 0) & (e_err > 0)
    with np.errstate(invalid="ignore"):
        used &= np.isfinite(o_err) & np.isfinite(e_err) & (o + e > 0)
    return angle, arrays, used


def fit_half_wave_plate(
    plate_deg: npt.ArrayLike,
    ordinary: npt.ArrayLike,
    ordinary_err: npt.ArrayLike,
    extraordinary: npt.ArrayLike,
    extraordinary_err: npt.ArrayLike,
    *,
    beam_gain: bool = False,
    clip: float | None = 5.0,
) -> Stokes:
    """Stokes parameters from both beams at four or more angles of a half-wave plate.

    Weighted least squares of ``R = (E - O)/(E + O)`` to
    ``R = (k + m)/(1 + k m)``, ``m = q cos 4theta + u sin 4theta``, where
    ``k = (g - 1)/(g + 1)`` for a gain ratio g = E/O of the beams (k = 0 without
    `beam_gain`). Transparency cancels in R.

    Parameters
    ----------
    plate_deg : array_like, shape (n,)
        Angles of the plate, degrees.
    ordinary, ordinary_err, extraordinary, extraordinary_err : array_like, shape (n,)
        Fluxes of the beams, any unit. Angles where a beam is missing are left out.
    beam_gain : bool
        Fit k.
    clip : float, optional
        A measurement further than this many sigma from the fit to the others is left out
        while four angles and one degree of freedom remain; None: never.

    Returns
    -------
    Stokes
        In the frame of the plate; `intensity` is the mean of E + O. Errors are those of
        the photons, enlarged where the scatter is significantly larger (see `scale`).

    Raises
    ------
    AlgorithmFailed
        Fewer than four angles with both beams, or no convergence.
    ValueError
        Arrays of different shapes.
    """
    angle, beams, used = _beams(plate_deg, ordinary, ordinary_err, extraordinary, extraordinary_err)
    n_angles = distinct_angles(angle[used], _PERIOD)
    if n_angles < _MIN_ANGLES:
        msg = "a half-wave plate needs at least four angles with both beams"
        raise AlgorithmFailed(msg, angles=n_angles, measurements=int(used.sum()))
    filled = [np.where(used, a, 1.0) for a in beams]
    ratio, error = beam_ratio(*filled)
    turn = 4.0 * np.radians(np.where(used, angle, 0.0))
    design = np.column_stack([np.cos(turn), np.sin(turn)])
    n_parameters = 3 if beam_gain else 2

    def predict(selection: BoolArray) -> tuple[FloatArray, FloatArray]:
        found, cov = _solve(design[selection], ratio[selection], error[selection], beam_gain)
        value, jacobian = _model(design, found)
        spread = np.einsum("ij,jk,ik->i", jacobian, cov, jacobian)
        return ratio - value, np.sqrt(error**2 + spread)

    def allowed(selection: BoolArray) -> bool:
        enough = int(selection.sum()) > n_parameters
        return enough and distinct_angles(angle[selection], _PERIOD) >= _MIN_ANGLES

    used = clip_outliers(used, predict, clip, allowed)
    found, cov = _solve(design[used], ratio[used], error[used], beam_gain)
    residuals = (ratio[used] - _model(design[used], found)[0]) / error[used]
    chi2, dof = float(residuals @ residuals), int(used.sum()) - n_parameters
    scale = scatter_scale(chi2, dof)
    level, level_err = mean_level((beams[0] + beams[2])[used], np.hypot(beams[1], beams[3])[used])
    return Stokes(
        q=float(found[0]),
        u=float(found[1]),
        cov=cov[:2, :2] * scale**2,
        intensity=level,
        intensity_err=level_err,
        chi2=chi2,
        dof=dof,
        n_used=int(used.sum()),
        used=used,
        method="half-wave plate fit" + (" with beam gain" if beam_gain else ""),
        k=float(found[2]) if beam_gain else None,
        k_err=math.sqrt(float(cov[2, 2])) * scale if beam_gain else None,
        scale=scale,
    )


def fit_plate_ratios(
    plate_deg: npt.ArrayLike,
    ordinary: npt.ArrayLike,
    ordinary_err: npt.ArrayLike,
    extraordinary: npt.ArrayLike,
    extraordinary_err: npt.ArrayLike,
) -> Stokes:
    """Stokes parameters of one complete set of four plate angles by ratios of ratios.

    ``r_q^2 = (E/O at 0) / (E/O at 45)``, ``q = (r_q - 1)/(r_q + 1)``, and alike for u from
    22.5 and 67.5 degrees (Zapatero Osorio, Caballero and Bejar 2005, ApJ 621, 445). The
    gain ratio of the beams and the transparency both cancel.

    Parameters
    ----------
    plate_deg, ordinary, ordinary_err, extraordinary, extraordinary_err : array_like
        Four elements each; plate angles 0, 22.5, 45, 67.5 in any order, within 0.1 deg.

    Returns
    -------
    Stokes
        `chi2` compares the beam gains of the two pairs (one degree of freedom).

    Raises
    ------
    AlgorithmFailed
        Where the set is not complete or a beam has no light.
    """
    angle, beams, used = _beams(plate_deg, ordinary, ordinary_err, extraordinary, extraordinary_err)
    order = []
    for wanted in (0.0, 45.0, 22.5, 67.5):
        off = np.abs((angle - wanted + 45.0) % _PERIOD - 45.0)
        order += [int(i) for i in np.flatnonzero(used & (off <= _SET_TOLERANCE))]
    if len(order) != 4 or len(angle) != 4 or any(np.any(a[order] <= 0) for a in beams):
        msg = "the ratio method needs light in both beams at 0, 22.5, 45 and 67.5 degrees once"
        raise AlgorithmFailed(msg, measurements=len(angle), usable=len(order))
    o, o_err, e, e_err = (a[order] for a in beams)
    log_ratio, variance = np.log(e / o), (o_err / o) ** 2 + (e_err / e) ** 2
    # q = tanh(log(r_q)/2) with log(r_q) half the difference of the logarithms.
    q = math.tanh((log_ratio[0] - log_ratio[1]) / 4.0)
    u = math.tanh((log_ratio[2] - log_ratio[3]) / 4.0)
    variances = [
        ((1.0 - q * q) / 4.0) ** 2 * (variance[0] + variance[1]),
        ((1.0 - u * u) / 4.0) ** 2 * (variance[2] + variance[3]),
    ]
    gains = log_ratio[0] + log_ratio[1] - log_ratio[2] - log_ratio[3]
    chi2 = float(gains**2 / variance.sum())
    scale = scatter_scale(chi2, 1)
    level, level_err = mean_level(o + e, np.hypot(o_err, e_err))
    k = math.tanh(float(log_ratio.sum()) / 8.0)
    return Stokes(
        q=q,
        u=u,
        cov=np.diag(variances) * scale**2,
        intensity=level,
        intensity_err=level_err,
        chi2=chi2,
        dof=1,
        n_used=4,
        used=used,
        method="half-wave plate ratios",
        k=k,
        k_err=(1.0 - k * k) * math.sqrt(float(variance.sum())) / 8.0 * scale,
        scale=scale,
    )
