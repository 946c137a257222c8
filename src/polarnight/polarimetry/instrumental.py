"""Instrumental polarization: what the telescope and polarimeter add to the light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["PARAMETERS", "InstrumentalPolarization"]

FloatArray = npt.NDArray[np.float64]
Matrix = tuple[tuple[float, ...], ...]

PARAMETERS = ("q0", "u0", "zero_angle", "efficiency", "telescope_q", "telescope_u")
"""Order of the rows of a covariance; those of the telescope may be absent."""

_FIXED = 4  # the parameters that do not turn


@dataclass(frozen=True, slots=True)
class InstrumentalPolarization:
    """Zero, angle zero and efficiency of a polarimeter, with errors.

    The sky's Stokes parameters follow from the measured ones (primed) to first order by
    ``q + i u = ((q' - q0) + i (u' - u0)) exp(2 i zero_angle) / efficiency``; of polarized light
    optics that polarize transmit one part better (`polarnight.polarimetry.diattenuation`).

    Behind a telescope that turns against the instrument (alt-azimuth mount with a rotator)
    a part of the zero turns with the parallactic angle; `at` adds it for one direction.

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
    covariance : tuple of tuples of float, optional
        4 x 4, of `PARAMETERS` in this order (the angle in degrees), or 6 x 6 with a telescope
        that turns. The errors above are then its diagonal, whatever was given for them.
        Without it the errors are independent.
    telescope_q, telescope_u : float
        What the telescope adds at the parallactic angle of zero, in the frame of the
        instrument; it turns as ``exp(2 i parallactic_angle)``.

    Raises
    ------
    ValueError
        Where the covariance is none: wrong size, not symmetric, negative.
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
    covariance: Matrix | None = None
    telescope_q: float = 0.0
    telescope_u: float = 0.0

    def __post_init__(self) -> None:
        if self.covariance is None:
            return
        matrix = _checked(self.covariance, turns=self.turns)
        # Tuples can be compared, hashed and written as JSON.
        object.__setattr__(self, "covariance", tuple(tuple(map(float, row)) for row in matrix))
        for name, variance in zip(PARAMETERS[:_FIXED], np.diag(matrix), strict=False):
            object.__setattr__(self, f"{name}_err", math.sqrt(max(float(variance), 0.0)))

    @property
    def turns(self) -> bool:
        """Whether a part turns with the parallactic angle."""
        return self.telescope_q != 0.0 or self.telescope_u != 0.0

    @property
    def matrix(self) -> FloatArray:
        """The covariance of the first four of `PARAMETERS`, shape (4, 4)."""
        if self.covariance is None:
            errors = (self.q0_err, self.u0_err, self.zero_angle_err, self.efficiency_err)
            return np.diag(np.square(errors))
        return np.asarray(self.covariance, dtype=np.float64)[:_FIXED, :_FIXED]

    def at(self, parallactic_angle: float, instrument_angle: float = 0.0) -> Self:
        """Return what holds in one direction, for one position of the instrument.

        Parameters
        ----------
        parallactic_angle : float
            Degrees; matters only where a part turns.
        instrument_angle : float
            Position angle of the frame of the instrument on the sky, degrees, where a rotator
            turns it; 0 where the zero angle says all.

        Returns
        -------
        InstrumentalPolarization
            With a 4 x 4 covariance, or none, and nothing that turns.
        """
        changes: dict[str, Any] = {"zero_angle": self.zero_angle + instrument_angle}
        if self.turns:
            # In the frame of the instrument the telescope turns against the rotator.
            turn = 2.0 * math.radians(parallactic_angle - instrument_angle)
            rotation = np.array(
                [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
            )
            q, u = rotation @ (self.telescope_q, self.telescope_u)
            changes |= {
                "q0": self.q0 + float(q),
                "u0": self.u0 + float(u),
                "telescope_q": 0.0,
                "telescope_u": 0.0,
                "covariance": self._turned_covariance(rotation),
            }
        return replace(self, **changes)

    def _turned_covariance(self, rotation: FloatArray) -> Matrix | None:
        if self.covariance is None:
            return None
        # The telescope's two parameters, turned, are added to the zero.
        step = np.hstack([np.eye(_FIXED), np.vstack([rotation, np.zeros((2, 2))])])
        turned = step @ np.asarray(self.covariance) @ step.T
        return tuple(tuple(map(float, row)) for row in turned)


def _checked(covariance: Sequence[Sequence[float]] | FloatArray, *, turns: bool) -> FloatArray:
    """Return a covariance as an array, symmetric to the last digit."""
    try:
        matrix = np.array(covariance, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"the covariance of the instrumental polarization is no matrix: {error}"
        raise ValueError(msg) from None
    allowed = [(6, 6)] if turns else [(4, 4), (6, 6)]
    if matrix.shape not in allowed:
        msg = (
            f"the covariance of the instrumental polarization has the shape {matrix.shape}, "
            f"not {' or '.join(map(str, allowed))}"
        )
        raise ValueError(msg)
    size = np.sqrt(np.abs(np.diag(matrix)))
    scale = np.where(size > 0, size, 1.0)
    correlation = matrix / np.outer(scale, scale)
    if not np.all(np.isfinite(matrix)) or not np.allclose(correlation, correlation.T, atol=1e-6):
        msg = "the covariance of the instrumental polarization is not symmetric and finite"
        raise ValueError(msg)
    if np.linalg.eigvalsh(0.5 * (correlation + correlation.T)).min() < -1e-6:
        msg = "the covariance of the instrumental polarization is not positive"
        raise ValueError(msg)
    return np.asarray(0.5 * (matrix + matrix.T), dtype=np.float64)
