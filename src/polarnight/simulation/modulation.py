"""What telescope and polarimeter do to Stokes parameters before a beam is detected."""

from __future__ import annotations

import numpy as np

from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.simulation.sky import FloatArray

__all__ = ["beam_fractions", "draw_instrumental", "polaroid_fraction", "to_instrument"]


def to_instrument(
    q: FloatArray, u: FloatArray, instrumental: InstrumentalPolarization
) -> tuple[FloatArray, FloatArray]:
    """Return the Stokes parameters that the polarimeter sees.

    The inverse of `InstrumentalPolarization`: with the sky's ``q + i u``,
    ``q' + i u' = q0 + i u0 + efficiency (q + i u) exp(-2 i zero_angle)``.
    """
    sky = np.asarray(q) + 1j * np.asarray(u)
    turn = np.exp(-2j * np.deg2rad(instrumental.zero_angle))
    seen = instrumental.q0 + 1j * instrumental.u0 + instrumental.efficiency * sky * turn
    return np.asarray(seen.real), np.asarray(seen.imag)


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
    signal = q * np.cos(theta) + u * np.sin(theta)
    ordinary = 0.5 * (1.0 - signal) * (1.0 - gain_ratio)
    extraordinary = 0.5 * (1.0 + signal) * (1.0 + gain_ratio)
    return np.asarray(ordinary), np.asarray(extraordinary)


def draw_instrumental(
    quoted: InstrumentalPolarization, scatter: float, rng: np.random.Generator
) -> InstrumentalPolarization:
    """Draw actual constants from the quoted ones and `scatter` times their errors."""
    z = scatter * rng.standard_normal(4)
    return InstrumentalPolarization(
        q0=quoted.q0 + z[0] * quoted.q0_err,
        u0=quoted.u0 + z[1] * quoted.u0_err,
        zero_angle=quoted.zero_angle + z[2] * quoted.zero_angle_err,
        efficiency=min(1.0, quoted.efficiency + z[3] * quoted.efficiency_err),
        origin="simulated",
    )
