"""Instrumental polarization: what the telescope and polarimeter add to the light."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["InstrumentalPolarization"]


@dataclass(frozen=True, slots=True)
class InstrumentalPolarization:
    """Zero, angle zero and efficiency of a polarimeter, with errors.

    The sky's Stokes parameters follow from the measured ones (primed) by
    ``q + i u = ((q' - q0) + i (u' - u0)) exp(2 i zero_angle) / efficiency``.

    Attributes
    ----------
    q0, u0 : float
        Fractions, in the frame of the instrument.
    q0_err, u0_err : float
    zero_angle, zero_angle_err : float
        Degrees, added to the measured position angle.
    efficiency, efficiency_err : float
    origin : str
        Where the numbers come from.
    """

    q0: float = 0.0
    u0: float = 0.0
    q0_err: float = 0.0
    u0_err: float = 0.0
    zero_angle: float = 0.0
    zero_angle_err: float = 0.0
    efficiency: float = 1.0
    efficiency_err: float = 0.0
    origin: str = ""
