"""Photometric systems, and names of bands that tell them apart.

The g, r and i of the SDSS, of Pan-STARRS1 and of APASS are different bands. Those of star
catalogues carry their system in the name: ``g_ps1``, ``r_sdss``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["JOHNSON", "ROUGH", "SYSTEMS", "band_in_system"]

JOHNSON: Final = ("U", "B", "V", "R", "I")
"""Bands of the Johnson-Cousins system."""

ROUGH: Final = "rough"
"""Magnitudes, of whatever band, that order stars by brightness and serve nothing else."""

SYSTEMS: Final = MappingProxyType(
    {
        "johnson": JOHNSON,
        "gaia": ("G", "BP", "RP"),
        "ps1": ("g", "r", "i", "z", "y"),
        "sdss": ("u", "g", "r", "i", "z"),
        "apass": ("g", "r", "i"),
    }
)
"""Bands of each photometric system; ``apass`` are the Sloan g', r', i' of APASS."""

_OWN_NAMES = ("johnson", "gaia")  # bands that no other system has


def band_in_system(band: str, system: str) -> str:
    """Return the name of a band that tells its photometric system, such as ``g_ps1``.

    Bands of Johnson-Cousins and Gaia keep their names, which no other system has; a catalogue
    may hold Johnson bands beside its own, as APASS does.

    Raises
    ------
    ValueError
        For a system that has no such band.
    """
    if system in SYSTEMS and band in (*JOHNSON, ROUGH):
        return band
    if band not in SYSTEMS.get(system, ()):
        bands = ", ".join(SYSTEMS.get(system, ())) or f"none; systems are {', '.join(SYSTEMS)}"
        msg = f"no band {band!r} in the photometric system {system!r} (bands: {bands})"
        raise ValueError(msg)
    return band if system in _OWN_NAMES else f"{band}_{system}"
