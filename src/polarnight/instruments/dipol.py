"""DIPOL: dual-beam polarimeter with a half-wave plate at the 0.9 m telescope of OSN."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from polarnight.frames import ImageType, ObsMode
from polarnight.instruments.keywords import HeaderReader
from polarnight.instruments.maxim import MaximCamera

__all__ = ["DIPOL"]

_ANGLE: Final = re.compile(r"([+-]?\d+(?:\.\d*)?)\s*deg(?:rees)?\b.*", re.IGNORECASE)


class DIPOL(MaximCamera):
    """The polarimeter DIPOL.

    Special about it:

    * NOTES holds the angle of the plate (``22.5 deg``) in polarimetry, nothing in photometry.
      A frame of the sky without the keyword says neither, and is refused.
    * Every frame shows each source twice: the analyser never leaves the beam.
    * Sky flats are LIGHT frames whose OBJECT has ``skyflat``.
    """

    def __init__(self) -> None:
        super().__init__(files("polarnight.instruments") / "data" / "dipol.toml")

    def mode_and_angle(
        self, reader: HeaderReader, imgtype: ImageType
    ) -> tuple[ObsMode, float | None]:
        """Return POLARIMETRY with the angle in NOTES, or PHOTOMETRY where it names none."""
        if imgtype is ImageType.LIGHT and "NOTES" not in reader.header:
            raise reader.fail(
                "the header has no NOTES, which tells the angle of the plate",
                "write '22.5 deg' for polarimetry, nothing for photometry",
            )
        notes = reader.text(["NOTES"])
        if "deg" not in notes.lower():
            return ObsMode.PHOTOMETRY, None
        match = _ANGLE.fullmatch(notes)
        if match is None:
            raise reader.fail(f"NOTES = {notes!r} is no angle of the plate", "write '22.5 deg'")
        return ObsMode.POLARIMETRY, float(match.group(1)) % self.angle_period
