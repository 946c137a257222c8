"""Roque de los Muchachos Observatory (ORM), La Palma, Spain."""

from __future__ import annotations

from typing import Final

from polarnight.telescopes.base import Telescope

__all__ = ["TNG"]

TNG: Final = Telescope(
    name="TNG",
    abbreviation="TNG",
    header_values=("TNG",),
    longitude=-17.8892,
    latitude=28.7540,
    height=2387.0,
)
"""The 3.58 m Telescopio Nazionale Galileo."""
