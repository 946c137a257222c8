"""What telescope and polarimeter do to Stokes parameters before a beam is detected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.simulation.sky import FloatArray

__all__ = [
    "HALF_WAVE",
    "QUARTER_WAVE",
    "beam_fractions",
    "draw_instrumental",
    "polaroid_fraction",
    "radial_polarization",
    "retarder_fractions",
    "to_instrument",
]

HALF_WAVE = 180.0
"""Retardance of a half-wave plate, degrees."""

QUARTER_WAVE = 90.0
"""Retardance of a quarter-wave plate, degrees."""


def to_instrument(
    q: FloatArray,
    u: FloatArray,
    instrumental: InstrumentalPolarization,
    *,
    instrument_angle: float = 0.0,
    parallactic_angle: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Return the Stokes parameters that the polarimeter sees.

    The inverse of `InstrumentalPolarization`: with the sky's ``q + i u``, to first order
    ``q' + i u' = q0 + i u0 + (tq + i tu) exp(2 i (pa - rot))
    + efficiency (q + i u) exp(-2 i (zero_angle + rot))``,
    where ``tq, tu`` are what the telescope adds. Optics that polarize transmit light that is
    polarized their way better: the Mueller matrix of a diattenuator acts on the light.

    Parameters
    ----------
    q, u : ndarray
        Of the sky, north through east.
    instrumental : InstrumentalPolarization
    instrument_angle : float
        Position angle ``rot`` to which a rotator has turned the instrument, degrees.
    parallactic_angle : float
        ``pa``, degrees.
    """
    turn = -2.0 * np.deg2rad(instrumental.zero_angle + instrument_angle)
    q_sky, u_sky = np.asarray(q), np.asarray(u)
    light_q = q_sky * np.cos(turn) - u_sky * np.sin(turn)
    light_u = q_sky * np.sin(turn) + u_sky * np.cos(turn)
    zero_q, zero_u = instrumental.q0, instrumental.u0
    if instrumental.turns:
        swept = 2.0 * np.deg2rad(parallactic_angle - instrument_angle)
        cosine, sine = np.cos(swept), np.sin(swept)
        zero_q += instrumental.telescope_q * cosine - instrumental.telescope_u * sine
        zero_u += instrumental.telescope_q * sine + instrumental.telescope_u * cosine
    mueller = _diattenuator(zero_q / instrumental.efficiency, zero_u / instrumental.efficiency)
    stokes = np.stack([np.ones_like(light_q), light_q, light_u])
    intensity, seen_q, seen_u = np.tensordot(mueller, stokes, axes=1)
    efficiency = instrumental.efficiency
    return np.asarray(efficiency * seen_q / intensity), np.asarray(efficiency * seen_u / intensity)


def _diattenuator(q: float, u: float) -> FloatArray:
    """Return the Mueller matrix of optics that polarize unpolarized light by q, u; shape (3, 3)."""
    degree = np.hypot(q, u)
    if degree == 0.0:
        return np.eye(3)
    c, s = q / degree, u / degree
    across = np.sqrt(1.0 - degree**2)
    along = np.array([[1.0, degree, 0.0], [degree, 1.0, 0.0], [0.0, 0.0, across]])
    frame = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
    return np.asarray(frame.T @ along @ frame)


def radial_polarization(
    x: FloatArray, y: FloatArray, shape: tuple[int, int], corner: float
) -> tuple[FloatArray, FloatArray]:
    """Return polarization by the optics that grows from the middle of the field outwards.

    Parameters
    ----------
    x, y : ndarray
        Positions, pixels.
    shape : tuple of int
        (rows, columns) of the frame whose middle is free of it.
    corner : float
        Degree in the corners; it grows as the square of the distance, and its direction is
        radial (tangential where negative).

    Returns
    -------
    tuple of ndarray
        q, u in the frame of the detector (angles from +x to +y).
    """
    dx, dy = x - (shape[1] - 1) / 2.0, y - (shape[0] - 1) / 2.0
    half2 = (shape[0] ** 2 + shape[1] ** 2) / 4.0
    # p cos 2phi and p sin 2phi with p as r^2: no angle needs to be computed.
    return corner * (dx**2 - dy**2) / half2, corner * 2.0 * dx * dy / half2


def polaroid_fraction(q: FloatArray, u: FloatArray, angle: float) -> FloatArray:
    """Fraction of the light through an ideal polaroid, ``(1 + q cos 2phi + u sin 2phi)/2``.

    Parameters
    ----------
    q, u : ndarray
        Stokes parameters in the frame of the instrument.
    angle : float
        Angle phi of the polaroid, degrees.
    """
    phi = 2.0 * np.deg2rad(angle)
    return np.asarray(0.5 * (1.0 + q * np.cos(phi) + u * np.sin(phi)))


def beam_fractions(
    q: FloatArray, u: FloatArray, angle: float, gain_ratio: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Fractions in the ordinary and extraordinary beam behind a half-wave plate.

    ``(1 -+ (q cos 4theta + u sin 4theta))/2``, so that (E - O)/(E + O) is the modulation.

    Parameters
    ----------
    q, u : ndarray
        Stokes parameters in the frame of the instrument.
    angle : float
        Angle theta of the plate, degrees.
    gain_ratio : float
        (E - O)/(E + O) of unpolarized light: one beam is transmitted better.
    """
    theta = 4.0 * np.deg2rad(angle)
    return _split(q * np.cos(theta) + u * np.sin(theta), gain_ratio)


def retarder_fractions(
    q: FloatArray,
    u: FloatArray,
    v: FloatArray,
    angle: float,
    *,
    retardance: float = QUARTER_WAVE,
    gain_ratio: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Fractions in the ordinary and extraordinary beam behind a plate of any retardance.

    ``(1 -+ m)/2`` with ``m = q (cos^2 2t + sin^2 2t cos d) + u sin 2t cos 2t (1 - cos d)
    + v sin 2t sin d``: the first row that a retarder's Mueller matrix leaves behind an analyser
    along t = 0. For a quarter-wave plate (d = 90 degrees) ``m = q cos^2 2t + u sin 2t cos 2t +
    v sin 2t``; for d = 180 degrees it is `beam_fractions`.

    Parameters
    ----------
    q, u, v : ndarray
        Stokes parameters in the frame of the instrument. v is positive where the electric
        vector at a fixed plane turns from north to east, which is counterclockwise for the
        observer with north up and east left (IAU, 1974; right-handed there).
    angle : float
        Position angle t of the plate's **fast** axis, degrees. Angles of the slow axis change
        the sign of v and of nothing else.
    retardance : float
        d, degrees.
    gain_ratio : float
        See `beam_fractions`.
    """
    t, d = 2.0 * np.deg2rad(angle), np.deg2rad(retardance)
    c, s = np.cos(t), np.sin(t)
    signal = q * (c**2 + s**2 * np.cos(d)) + u * (s * c * (1.0 - np.cos(d))) + v * (s * np.sin(d))
    return _split(signal, gain_ratio)


def _split(signal: FloatArray, gain_ratio: float) -> tuple[FloatArray, FloatArray]:
    ordinary = 0.5 * (1.0 - signal) * (1.0 - gain_ratio)
    extraordinary = 0.5 * (1.0 + signal) * (1.0 + gain_ratio)
    return np.asarray(ordinary), np.asarray(extraordinary)


def draw_instrumental(
    quoted: InstrumentalPolarization, scatter: float, rng: np.random.Generator
) -> InstrumentalPolarization:
    """Draw actual constants from the quoted ones and `scatter` times their errors."""
    z = scatter * rng.standard_normal(4)
    return replace(
        quoted,
        q0=quoted.q0 + z[0] * quoted.q0_err,
        u0=quoted.u0 + z[1] * quoted.u0_err,
        zero_angle=quoted.zero_angle + z[2] * quoted.zero_angle_err,
        efficiency=min(1.0, quoted.efficiency + z[3] * quoted.efficiency_err),
        q0_err=0.0,
        u0_err=0.0,
        zero_angle_err=0.0,
        efficiency_err=0.0,
        covariance=None,
        origin="simulated",
    )
