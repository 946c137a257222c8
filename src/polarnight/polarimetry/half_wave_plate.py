"""Stokes parameters from two beams behind a half-wave plate."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._fit import (
    BoolArray,
    FloatArray,
    distinct_angles,
    mean_level,
    scatter_scale,
    spread_enough,
)
from polarnight.polarimetry._plate import beam_ratio, both_beams, fit_ratio, intensity
from polarnight.polarimetry.combine import combine_stokes
from polarnight.polarimetry.stokes import Stokes

__all__ = ["fit_half_wave_plate", "fit_plate_ratios"]

_MIN_ANGLES = 4
_PERIOD = 90.0  # of the modulation in the angle of the plate, degrees
_FOUR = (0.0, 45.0, 22.5, 67.5)
_SET_TOLERANCE = 0.1  # degrees within which plate angles form the classic set of four


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
        Fluxes of the beams and their errors (1 sigma), any unit. Angles where a value is not
        finite, or an error not positive, are left out.
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
        Fewer than four angles with both beams, or such as hardly differ, or no convergence.
    ValueError
        Arrays of different shapes.
    """
    angle, beams, used = both_beams(
        plate_deg, ordinary, ordinary_err, extraordinary, extraordinary_err
    )
    n_angles = distinct_angles(angle[used], _PERIOD)
    if n_angles < _MIN_ANGLES:
        msg = "a half-wave plate needs at least four angles with both beams"
        raise AlgorithmFailed(msg, angles=n_angles, measurements=int(used.sum()))
    filled = [np.where(used, a, 1.0) for a in beams]
    ratio, error = beam_ratio(*filled)
    turn = 4.0 * np.radians(np.where(used, angle, 0.0))
    design = np.column_stack([np.cos(turn), np.sin(turn)])

    whole = np.column_stack([np.ones_like(turn), design])
    if not spread_enough(whole[used]):
        msg = "the angles of the half-wave plate are too close together"
        raise AlgorithmFailed(msg, angles=n_angles, measurements=int(used.sum()))

    def determined(selection: BoolArray) -> bool:
        n_left = distinct_angles(angle[selection], _PERIOD)
        return n_left >= _MIN_ANGLES and spread_enough(whole[selection])

    fit = fit_ratio(
        design, ratio, error, used, beam_gain=beam_gain, clip=clip, determined=determined
    )
    level, level_err = intensity(beams, fit.used)
    return Stokes(
        q=float(fit.parameters[0]),
        u=float(fit.parameters[1]),
        cov=fit.cov,
        intensity=level,
        intensity_err=level_err,
        chi2=fit.chi2,
        dof=fit.dof,
        n_used=int(fit.used.sum()),
        used=fit.used,
        method="half-wave plate fit" + (" with beam gain" if beam_gain else ""),
        k=fit.k,
        k_err=fit.k_err,
        scale=fit.scale,
    )


def fit_plate_ratios(
    plate_deg: npt.ArrayLike,
    ordinary: npt.ArrayLike,
    ordinary_err: npt.ArrayLike,
    extraordinary: npt.ArrayLike,
    extraordinary_err: npt.ArrayLike,
) -> Stokes:
    """Stokes parameters of complete sets of four plate angles by ratios of ratios.

    ``r_q^2 = (E/O at 0) / (E/O at 45)``, ``q = (r_q - 1)/(r_q + 1)``, and alike for u from
    22.5 and 67.5 degrees (Zapatero Osorio, Caballero and Bejar 2005, ApJ 621, 445). The
    gain ratio of the beams and the transparency both cancel. Several sets, such as the four
    of a whole turn of the plate, are combined by their errors.

    Parameters
    ----------
    plate_deg, ordinary, ordinary_err, extraordinary, extraordinary_err : array_like, shape (n,)
        Plate angles 0, 22.5, 45, 67.5 modulo 90 in any order, within 0.1 deg; those at one
        position make sets in the order given. What completes no set is left out.

    Returns
    -------
    Stokes
        `chi2` compares the beam gains of the two pairs (one degree of freedom for each set)
        and the sets with each other.

    Raises
    ------
    AlgorithmFailed
        Where no set is complete.
    ValueError
        Arrays of different shapes.
    """
    angle, beams, used = both_beams(
        plate_deg, ordinary, ordinary_err, extraordinary, extraordinary_err
    )
    with np.errstate(invalid="ignore"):
        used &= (beams[0] > 0) & (beams[2] > 0)
    positions = []
    for wanted in _FOUR:
        off = np.abs((angle - wanted + 45.0) % _PERIOD - 45.0)
        positions.append(np.flatnonzero(used & (off <= _SET_TOLERANCE)))
    sets = list(zip(*positions, strict=False))
    if not sets:
        msg = "the ratio method needs light in both beams at 0, 22.5, 45 and 67.5 degrees"
        raise AlgorithmFailed(msg, measurements=len(angle), usable=int(used.sum()))
    found = [_one_set([a[list(order)] for a in beams]) for order in sets]
    used = np.isin(np.arange(len(angle)), sets)
    if len(found) == 1:
        return found[0].replace(used=used)
    mean = combine_stokes(found)
    gains = np.array([(one.k, one.k_err) for one in found], dtype=float)
    k, k_err = mean_level(*gains.T)
    level, level_err = intensity(beams, used)
    return mean.replace(
        chi2=mean.chi2 + sum(one.chi2 for one in found),
        dof=mean.dof + len(found),
        scale=max(mean.scale, *(one.scale for one in found)),
        used=used,
        method=found[0].method,
        intensity=level,
        intensity_err=level_err,
        k=k,
        k_err=k_err,
    )


def _one_set(beams: list[FloatArray]) -> Stokes:
    """Stokes parameters of four measurements in the order of `_FOUR`."""
    o, o_err, e, e_err = beams
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
    level, level_err = intensity(beams, np.ones(len(o), dtype=bool))
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
        method="half-wave plate ratios",
        k=k,
        k_err=(1.0 - k * k) * math.sqrt(float(variance.sum())) / 8.0 * scale,
        scale=scale,
    )
