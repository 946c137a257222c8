"""Circular polarization from two beams behind a quarter-wave plate."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._fit import BoolArray, FloatArray
from polarnight.polarimetry._plate import beam_ratio, both_beams, fit_ratio, intensity
from polarnight.polarimetry.stokes import Stokes

__all__ = ["fit_quarter_wave_plate", "quarter_wave_design"]

_QUARTER = 90.0  # degrees of retardance
_WORST_CONDITION = 20.0
"""Of a design in which every parameter has a column of unit length: beyond it a degree of plate
angle matters more than the measurements."""
_LEAK = 0.02
"""Largest part of q or u that may be taken for v where they cannot be told apart."""
_WANTED = ((0, 1, 2), (0, 2), (1, 2), (2,))


def quarter_wave_design(plate_deg: FloatArray, retardance: float) -> FloatArray:
    """Return the derivatives of R by q, u and v, shape (n, 3); angles in degrees."""
    cosine, sine = np.cos(2.0 * np.radians(plate_deg)), np.sin(2.0 * np.radians(plate_deg))
    delta = math.radians(retardance)
    return np.column_stack(
        [
            cosine**2 + sine**2 * math.cos(delta),
            cosine * sine * (1.0 - math.cos(delta)),
            sine * math.sin(delta),
        ]
    )


def _well_determined(design: FloatArray, columns: tuple[int, ...], beam_gain: bool) -> bool:
    """Whether the parameters of some columns follow from the angles, free of the others."""
    chosen = design[:, columns]
    if beam_gain:
        chosen = np.column_stack([chosen, np.ones(len(chosen))])
    length = np.sqrt(np.sum(chosen**2, axis=0))
    if len(chosen) < chosen.shape[1] or np.any(length < 1e-3 * math.sqrt(len(chosen))):
        return False
    if np.linalg.cond(chosen / length) > _WORST_CONDITION:
        return False
    left = [column for column in range(3) if column not in columns]
    leak = np.linalg.pinv(chosen) @ design[:, left]
    return bool(np.all(np.abs(leak[: len(columns)]) < _LEAK))


def fit_quarter_wave_plate(
    plate_deg: npt.ArrayLike,
    ordinary: npt.ArrayLike,
    ordinary_err: npt.ArrayLike,
    extraordinary: npt.ArrayLike,
    extraordinary_err: npt.ArrayLike,
    *,
    retardance: float = _QUARTER,
    beam_gain: bool = True,
    linear: Stokes | None = None,
    clip: float | None = 5.0,
) -> Stokes:
    """Stokes parameters from both beams behind a turning quarter-wave plate.

    Weighted least squares of ``R = (E - O)/(E + O)`` to ``R = (k + m)/(1 + k m)`` with

    ``m = q (cos^2 2theta + sin^2 2theta cos d) + u sin 2theta cos 2theta (1 - cos d)
    + v sin 2theta sin d``,

    d the retardance: for 90 degrees ``m = q cos^2 2theta + (u/2) sin 4theta + v sin 2theta``,
    for 180 that of a half-wave plate. It follows from the Mueller matrix of a retarder with
    its **fast** axis at the position angle theta before an analyser whose extraordinary beam
    is transmitted along theta = 0.

    Sign: v = V/I is positive where the position angle of the electric vector, seen by the
    observer, grows with time (right-handed in the sense of the IAU, 1974; Hamaker and
    Bregman 1996, A&AS 117, 161), angles north through east. Angles of the slow axis, or an odd
    number of reflections ahead of the plate, turn the sign.

    Two angles, 45 and -45 degrees, give v alone, whatever q and u are; 0, 45, 90 and 135 give
    q and v; eight steps of 22.5 degrees give all. What the angles do not determine is not a
    number in the result.

    Parameters
    ----------
    plate_deg : array_like, shape (n,)
        Position angles of the fast axis, degrees.
    ordinary, ordinary_err, extraordinary, extraordinary_err : array_like, shape (n,)
    retardance : float
        Of the plate at this wavelength, degrees.
    beam_gain : bool
        Fit k. An imbalance that is not fitted is taken for polarization.
    linear : Stokes, optional
        q and u in the frame of the instrument, known otherwise (a half-wave plate): their
        part is taken off with its errors, and v alone is fitted.
    clip : float, optional
        As in `fit_half_wave_plate`.

    Returns
    -------
    Stokes
        With `v` and `v_err`; q, u and their covariance NaN where not determined.

    Raises
    ------
    AlgorithmFailed
        Where the angles do not determine v.
    ValueError
        Arrays of different shapes.
    """
    angle, beams, used = both_beams(
        plate_deg, ordinary, ordinary_err, extraordinary, extraordinary_err
    )
    ratio, error = beam_ratio(*(np.where(used, a, 1.0) for a in beams))
    full = quarter_wave_design(np.where(used, angle, 0.0), retardance)
    if linear is not None:
        part = full[:, :2]
        ratio = ratio - part @ (linear.q, linear.u)
        known = full * (0.0, 0.0, 1.0)
        columns: tuple[int, ...] | None = (2,)
        if not _well_determined(known[used], (2,), beam_gain):
            columns = None
    else:
        known = full
        columns = next((c for c in _WANTED if _well_determined(full[used], c, beam_gain)), None)
    if columns is None:
        msg = "the angles of the quarter-wave plate do not determine the circular polarization"
        raise AlgorithmFailed(msg, measurements=int(used.sum()))

    def determined(selection: BoolArray) -> bool:
        return _well_determined(known[selection], columns, beam_gain)

    fit = fit_ratio(
        full[:, columns],
        ratio,
        error,
        used,
        beam_gain=beam_gain,
        clip=clip,
        determined=determined,
    )
    values, cov = np.full(3, np.nan), np.full((3, 3), np.nan)
    values[list(columns)] = fit.parameters
    cov[np.ix_(columns, columns)] = fit.cov
    variance = float(cov[2, 2])
    if linear is not None:
        # An error of q or u moves v by the least-squares gain times its column.
        lever = np.linalg.lstsq(full[fit.used][:, columns], full[fit.used][:, :2], rcond=None)[0]
        variance += float((lever @ linear.cov @ lever.T)[0, 0])
    level, level_err = intensity(beams, fit.used)
    return Stokes(
        q=float(values[0]),
        u=float(values[1]),
        cov=cov[:2, :2],
        intensity=level,
        intensity_err=level_err,
        chi2=fit.chi2,
        dof=fit.dof,
        n_used=int(fit.used.sum()),
        used=fit.used,
        method="quarter-wave plate fit" + (" with beam gain" if beam_gain else ""),
        k=fit.k,
        k_err=fit.k_err,
        scale=fit.scale,
        v=float(values[2]),
        v_err=math.sqrt(variance),
    )
