"""Calar Alto Observatory (CAHA), Almeria, Spain."""

from __future__ import annotations

from typing import Final

from polarnight.telescopes.base import Telescope

__all__ = ["T220"]

T220: Final = Telescope(
    name="CAHA-T220",
    abbreviation="T220",
    header_values=("CA-2.2",),
    # The position that the observatory's own headers give (CAHA TEL GEOLON, GEOLAT, GEOELEV).
    longitude=-2.5463,
    latitude=37.2236,
    height=2168.0,
)
"""The 2.2 m telescope."""
