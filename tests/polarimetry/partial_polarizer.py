"""Optics that polarize, from the amplitudes of the field along and across their axis."""

import numpy as np


def through_optics(d, light):
    """Polarization q + i u of light behind optics that polarize unpolarized light by d.

    Along the axis of d they transmit 1 + |d|, across it 1 - |d|: intensities are multiplied by
    these, what the two components have in common by the root of their product.
    """
    d, light = np.broadcast_arrays(np.asarray(d, dtype=complex), np.asarray(light, dtype=complex))
    degree = np.abs(d)
    axis = np.where(degree > 0, d / np.where(degree > 0, degree, 1.0), 1.0)
    own = light / axis  # in the frame of the axis
    along, across = (1 + degree) * (1 + own.real) / 2, (1 - degree) * (1 - own.real) / 2
    common = np.sqrt((1 + degree) * (1 - degree)) * own.imag
    return axis * (along - across + 1j * common) / (along + across)


def as_measured(sky, instrument):
    """q + i u that an instrument shows of the sky's q + i u."""
    light = sky * np.exp(-2j * np.radians(instrument.zero_angle))
    optics = complex(instrument.q0, instrument.u0) / instrument.efficiency
    return instrument.efficiency * through_optics(optics, light)


def as_corrected(seen, zero, angle, efficiency):
    """Inverse of `as_measured`, for numbers or arrays of constants."""
    behind = seen / efficiency
    # The same optics turned by 90 degrees make good what the first took.
    return through_optics(-zero / efficiency, behind) * np.exp(2j * np.radians(angle))
