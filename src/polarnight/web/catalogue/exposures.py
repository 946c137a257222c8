"""How long to expose, by the last R magnitude of a source."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Advice", "recommend"]

_SHORTEST = (30.0, 60)
_STEPS = ((100.0, 150), (250.0, 300), (400.0, 450), (800.0, 600))
_T150 = 0.36  # (0.9 m / 1.5 m) squared
_DIPOL_TIMES = (300.0, 2000.0)
_REPEATS = ((20.0, 8), (40.0, 4), (80.0, 2))


@dataclass(frozen=True, slots=True)
class Advice:
    """Recommended exposures in seconds, None where a telescope is too small for the source.

    Attributes
    ----------
    andor90, andor150, dipol : int or None
    repeats : int
        Cycles of DIPOL.
    """

    andor90: int | None
    andor150: int | None
    dipol: int | None
    repeats: int


def _step(seconds: float) -> int | None:
    if seconds < _SHORTEST[0]:
        return _SHORTEST[1]
    return next((time for limit, time in _STEPS if seconds <= limit), None)


def recommend(mag: float | None) -> Advice | None:
    """Return the exposures that the observers of IOP4 use for a source of R magnitude `mag`.

    The scale is ``t0 = 150**2 * 9.77e-16 * 10**(0.8 R)``: the time goes with the square of the
    brightness, as it does where the sky is the noise.
    """
    if mag is None or not math.isfinite(mag) or not -30.0 < mag < 40.0:
        return None
    t0 = 150.0**2 * 9.77e-16 * 10.0 ** (0.8 * mag)
    short, long = _DIPOL_TIMES
    dipol = math.ceil(t0 / 10.0) * 10 + 10 if t0 <= short else 300 if t0 <= long else None
    repeats = next((count for limit, count in _REPEATS if t0 <= limit), 1)
    return Advice(_step(t0), _step(_T150 * t0) or 600, dipol, repeats)
