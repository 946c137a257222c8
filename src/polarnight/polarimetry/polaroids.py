"""Stokes parameters from fluxes behind polaroids (or one beam behind a plate)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._fit import (
    BoolArray,
    FloatArray,
    clip_outliers,
    design_variance,
    distinct_angles,
    linear_fit,
    scatter_scale,
    spread_enough,
)
from polarnight.polarimetry.stokes import Stokes

__all__ = ["fit_polaroids", "fit_single_beam"]

_MIN_ANGLES = 3
_PAIR_TOLERANCE = 0.05  # degrees within which angles count as exactly orthogonal


def _design(angles: FloatArray) -> FloatArray:
    turn = 2.0 * np.radians(angles)
    return np.column_stack([np.ones_like(turn), np.cos(turn), np.sin(turn)])


def _checked(
    angles: npt.ArrayLike, flux: npt.ArrayLike, flux_err: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    angle, value, error = (np.asarray(a, dtype=np.float64) for a in (angles, flux, flux_err))
    if not angle.shape == value.shape == error.shape or angle.ndim != 1:
        msg = f"angles {angle.shape}, fluxes {value.shape} and errors {error.shape} must be equal"
        raise ValueError(msg)
    used = np.isfinite(angle) & np.isfinite(value) & np.isfinite(error) & (error > 0)
    return angle, value, error, used


def _range(angles: FloatArray) -> float:
    """Return the arc that holds all angles (modulo 180), degrees."""
    turned = np.sort(np.mod(angles, 180.0))
    gaps = np.diff(np.append(turned, turned[0] + 180.0))
    return round(180.0 - float(gaps.max()), 2)


def _orthogonal_pairs(angles: FloatArray) -> list[int] | None:
    """Order four angles as a, a+90, a+45, a+135 (modulo 180), or None."""
    if len(angles) != 4:
        return None
    # Start from the angle nearest to 0 so that the common set is not rotated at all.
    start = int(np.argmin(np.abs((angles + 90.0) % 180.0 - 90.0)))
    order = []
    for step in (0.0, 90.0, 45.0, 135.0):
        off = np.abs((angles - angles[start] - step + 90.0) % 180.0 - 90.0)
        index = int(np.argmin(off))
        if off[index] > _PAIR_TOLERANCE:
            return None
        order.append(index)
    return order


def _fit_pairs(angles: FloatArray, flux: FloatArray, err: FloatArray, order: list[int]) -> Stokes:
    """Difference formula on two orthogonal pairs."""
    f1, f2, f3, f4 = flux[order]
    s1, s2, s3, s4 = err[order]
    sum1, sum2 = f1 + f2, f3 + f4
    if not (sum1 > 0 and sum2 > 0):
        msg = "no light behind the polaroids"
        raise AlgorithmFailed(msg, sum_first_pair=float(sum1), sum_second_pair=float(sum2))
    differences = np.array([(f1 - f2) / sum1, (f3 - f4) / sum2])
    variances = [
        4.0 * (f2**2 * s1**2 + f1**2 * s2**2) / sum1**4,
        4.0 * (f4**2 * s3**2 + f3**2 * s4**2) / sum2**4,
    ]
    total_var = float(np.sum(err**2))
    chi2 = float((sum1 - sum2) ** 2 / total_var)
    scale = scatter_scale(chi2, 1)
    turn = 2.0 * math.radians(angles[order[0]])
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    q, u = rotation @ differences
    return Stokes(
        q=float(q),
        u=float(u),
        cov=rotation @ np.diag(variances) @ rotation.T * scale**2,
        intensity=float((sum1 + sum2) / 2.0),
        intensity_err=math.sqrt(total_var) / 2.0 * scale,
        chi2=chi2,
        dof=1,
        scale=scale,
    )


def _fit_wave(angles: FloatArray, flux: FloatArray, err: FloatArray) -> Stokes:
    """Least squares of ``c0 + c1 cos 2phi + c2 sin 2phi``."""
    design = _design(angles)
    weights = None
    for _ in range(3):
        parameters, cov, residuals = linear_fit(design, flux, err, weights)
        weights = 1.0 / design_variance(design @ parameters, flux, err)
    level, cosine, sine = (float(value) for value in parameters)
    if not level > 0:
        msg = "no light behind the polaroids"
        raise AlgorithmFailed(msg, mean_flux=level)
    chi2, dof = float(np.sum((residuals / err) ** 2)), len(flux) - 3
    scale = scatter_scale(chi2, dof)
    q, u = cosine / level, sine / level
    jacobian = np.array([[-q, 1.0, 0.0], [-u, 0.0, 1.0]]) / level
    return Stokes(
        q=q,
        u=u,
        cov=jacobian @ cov @ jacobian.T * scale**2,
        intensity=2.0 * level,
        intensity_err=2.0 * math.sqrt(float(cov[0, 0])) * scale,
        chi2=chi2,
        dof=dof,
        scale=scale,
    )


def fit_polaroids(
    angles: npt.ArrayLike,
    flux: npt.ArrayLike,
    flux_err: npt.ArrayLike,
    *,
    clip: float | None = 5.0,
    pairs: bool = True,
) -> Stokes:
    """Stokes parameters from the fluxes behind polaroids at three or more angles.

    The model is ``F(phi) = (T/2) (I + Q cos 2phi + U sin 2phi)``. Four fluxes at two
    orthogonal pairs of angles (0, 90 and 45, -45) give the difference formula,
    ``q = (F0 - F90)/(F0 + F90)`` with
    ``sigma_q = 2 sqrt(F90^2 s0^2 + F0^2 s90^2)/(F0 + F90)^2`` and alike for u, which
    forgives a change of transparency between the pairs; any other set gives weighted
    least squares. `intensity` is I for T = 1, that is twice the mean flux.

    Parameters
    ----------
    angles : array_like, shape (n,)
        Transmission axes, degrees.
    flux, flux_err : array_like, shape (n,)
        Any unit; errors are 1 sigma. What is not finite, or has an error that is not
        positive, is left out.
    clip : float, optional
        A measurement further than this many sigma from the fit to the others is left out
        while at least three angles and one degree of freedom remain; None: never.
    pairs : bool
        Whether two orthogonal pairs are compared by the difference formula; else they are
        fitted as all other angles are.

    Returns
    -------
    Stokes
        In the frame of the polaroids. Errors are those of the fluxes, enlarged where the
        scatter is significantly larger (see `scale`).

    Raises
    ------
    AlgorithmFailed
        Fewer than three angles, or such as hardly differ, or no light.
    ValueError
        Arrays of different shapes.
    """
    angle, value, error, used = _checked(angles, flux, flux_err)
    n_angles = distinct_angles(angle[used], 180.0)
    if n_angles < _MIN_ANGLES:
        msg = "polaroids need at least three angles"
        if not used.all():
            msg += " with a finite flux and a positive error"
        raise AlgorithmFailed(msg, angles=n_angles, measurements=int(used.sum()))
    order = _orthogonal_pairs(angle[used]) if pairs else None
    if order is not None:
        fitted = _fit_pairs(angle[used], value[used], error[used], order)
        return fitted.replace(n_used=4, used=used, method="polaroid pairs")
    design = _design(angle)
    if not spread_enough(design[used]):
        msg = "the angles of the polaroids are too close together"
        raise AlgorithmFailed(msg, angles=n_angles, range_deg=_range(angle[used]))

    def predict(selection: BoolArray) -> tuple[FloatArray, FloatArray]:
        parameters, cov, _ = linear_fit(design[selection], value[selection], error[selection])
        spread = np.einsum("ij,jk,ik->i", design, cov, design)
        return value - design @ parameters, np.sqrt(error**2 + np.where(selection, 0.0, spread))

    def allowed(selection: BoolArray) -> bool:
        angles_left = distinct_angles(angle[selection], 180.0)
        enough = int(selection.sum()) >= 4 and angles_left >= _MIN_ANGLES
        return enough and spread_enough(design[selection])

    used = clip_outliers(used, predict, clip, allowed)
    fitted = _fit_wave(angle[used], value[used], error[used])
    return fitted.replace(n_used=int(used.sum()), used=used, method="polaroid fit")


def fit_single_beam(
    plate_deg: npt.ArrayLike,
    flux: npt.ArrayLike,
    flux_err: npt.ArrayLike,
    *,
    beam: str,
    clip: float | None = 5.0,
) -> Stokes:
    """Stokes parameters from one beam behind a half-wave plate.

    For targets whose other image is spoilt. ``E = (I/2)(1 + q cos 4theta + u sin 4theta)``
    and O with the opposite sign: a plate at theta works as a polaroid at 2 theta. Changes
    of transparency do not cancel as they do with two beams.

    Parameters
    ----------
    plate_deg : array_like, shape (n,)
        Plate angles, degrees.
    flux, flux_err : array_like, shape (n,)
    beam : {"ordinary", "extraordinary"}
    clip : float, optional
        As in `fit_polaroids`.

    Returns
    -------
    Stokes

    Raises
    ------
    AlgorithmFailed
        As in `fit_polaroids`.
    ValueError
        Unknown beam.
    """
    if beam not in ("ordinary", "extraordinary"):
        msg = f"beam must be 'ordinary' or 'extraordinary', not {beam!r}"
        raise ValueError(msg)
    turned = 2.0 * np.asarray(plate_deg, dtype=np.float64)
    if beam == "ordinary":
        turned = turned + 90.0
    fitted = fit_polaroids(turned, flux, flux_err, clip=clip)
    return fitted.replace(method=f"single beam ({beam})")
