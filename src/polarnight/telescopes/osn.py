"""Sierra Nevada Observatory (OSN), Granada, Spain."""

from __future__ import annotations

from typing import Final

from polarnight.telescopes.base import Telescope

__all__ = ["T090", "T150"]

T090: Final = Telescope(
    name="OSN-T090",
    abbreviation="T090",
    header_values=("T90-OSN",),
    longitude=-3.3847,
    latitude=37.0642,
    height=2896.0,
)
"""The 0.9 m telescope."""

T150: Final = Telescope(
    name="OSN-T150",
    abbreviation="T150",
    header_values=("T150-OSN",),
    # Its dome stands beside that of the smaller telescope.
    longitude=-3.3847,
    latitude=37.0642,
    height=2896.0,
)
"""The 1.5 m telescope."""
