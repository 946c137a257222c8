"""Position angles of polarization as a curve in time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["unwrap_angles"]

FloatArray = npt.NDArray[np.float64]


def unwrap_angles(chi: npt.ArrayLike, *, period: float = 180.0) -> FloatArray:
    """Return angles without the jumps at 0 and 180 degrees, each near the one before it.

    A position angle is known up to half turns; each gets the one that brings it within half a
    `period` of its predecessor. That the angle has turned so between two measurements, and not
    the other way round, is an assumption: it holds where they are closer in time than the source
    needs to turn by 90 degrees. Noise of some ten degrees, or a season between two points, makes
    the further course arbitrary.

    Parameters
    ----------
    chi : array_like, shape (n,)
        Degrees, in order of time. What is not a number stays so and is passed over.
    period : float
        Degrees.

    Returns
    -------
    ndarray, shape (n,)
        Degrees, not confined to [0, 180); the first one as given.
    """
    values = np.array(chi, dtype=np.float64)
    known = np.isfinite(values)
    values[known] = np.unwrap(values[known], period=period)
    return values
