"""The displacement between the two images of a source in a dual-beam polarimeter."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PairVector"]


class PairVector(NamedTuple):
    """Where the extraordinary image lies, seen from the ordinary one.

    Attributes
    ----------
    dx, dy : float
        Position of the extraordinary minus that of the ordinary image, pixels.
    sx, sy : float
        How well the displacement is known beforehand (one sigma), pixels.
    """

    dx: float
    dy: float
    sx: float
    sy: float
