"""Which of U B V R I a band resembles, for skies whose stars are known in these only."""

from __future__ import annotations

from typing import Final

__all__ = ["johnson_band"]

_SLOAN: Final = {"u": "U", "g": "V", "r": "R", "i": "I", "z": "I"}


def johnson_band(band: str) -> str:
    """Return the band of U B V R I that comes nearest to another.

    Parameters
    ----------
    band : str
        Such as ``"g_sdss"``; whatever begins with no letter of a band (``"Clear"``, ``"L"``)
        is near V.
    """
    first = band[:1]
    if first in _SLOAN:
        return _SLOAN[first]
    return first if first in ("U", "B", "V", "R", "I") else "V"
