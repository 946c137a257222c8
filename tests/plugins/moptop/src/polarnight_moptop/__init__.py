"""MOPTOP, the two-camera polarimeter of the Liverpool Telescope, as a plug-in of Polarnight."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from polarnight.frames import ImageType, ObsMode
from polarnight.instruments.declared import DeclaredInstrument
from polarnight.instruments.keywords import HeaderReader
from polarnight.telescopes import Telescope

__all__ = ["LT", "MOPTOP"]

LT: Final = Telescope(
    name="LT",
    abbreviation="LT",
    header_values=("Liverpool Telescope",),
    longitude=-17.8792,
    latitude=28.7624,
    height=2363.0,
)
"""The 2 m Liverpool Telescope on La Palma."""

# The published Stokes parameters of the instrument are those of (camera 3 - camera 4); ours are
# of (extraordinary - ordinary).
_BEAMS: Final = {"3": "E", "4": "O"}
_BANDS: Final = ("B", "V", "R", "I", "L")
_STEP: Final = 22.5


class MOPTOP(DeclaredInstrument):
    """MOPTOP with its cameras 3 and 4 (since March 2022).

    Special about it:

    * The first character of the archive's name (EXPID) is the camera, and so the beam.
    * The position of the plate is counted from 1 (MOPRPOS), in steps of 22.5 degrees. It is
      the position at which an exposure begins; the turn during the exposure is the same for
      all and belongs to the angle zero and to the efficiency.
    """

    def __init__(self) -> None:
        super().__init__(files("polarnight_moptop") / "moptop.toml")

    def band(self, reader: HeaderReader, imgtype: ImageType) -> str:
        """Return the band of FILTER1, which reads ``MOP-R``."""
        written = reader.required_text(["FILTER1"], "filter")
        band = written.removeprefix("MOP-")
        if band not in _BANDS:
            raise reader.fail(
                f"FILTER1 = {written!r} is no filter of {self.name}",
                f"MOP- and one of: {', '.join(_BANDS)}",
            )
        return band

    def mode_and_angle(
        self, reader: HeaderReader, imgtype: ImageType
    ) -> tuple[ObsMode, float | None]:
        """Return polarimetry and the angle at which the plate began."""
        position = reader.required_number(["MOPRPOS"], "position of the plate, from 1")
        if position not in range(1, 17):
            raise reader.fail(f"MOPRPOS = {position:g}", "the plate has the positions 1 to 16")
        return ObsMode.POLARIMETRY, _STEP * (position - 1.0)

    def beam(self, reader: HeaderReader, imgtype: ImageType) -> str:
        """Return the beam that the camera sees."""
        name = reader.text(["EXPID"]) or reader.filename
        if name[:1] not in _BEAMS:
            raise reader.fail(
                f"EXPID = {name!r}: no camera of {self.name} that is described here",
                f"names begin with {' or '.join(_BEAMS)}",
            )
        return _BEAMS[name[:1]]
