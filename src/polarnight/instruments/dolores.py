"""DOLORES (LRS): low-resolution spectrograph and camera of the TNG, direct imaging."""

from __future__ import annotations

import math
import re
from importlib.resources import files
from typing import Final

from polarnight.frames import ImageType, ObsMode
from polarnight.instruments.declared import DeclaredInstrument
from polarnight.instruments.keywords import HeaderReader

__all__ = ["DOLORES"]

_JOHNSON: Final = re.compile(r"([UBVRI])[_ ](?:JOHN|COUS|BESS)[\w ]*", re.IGNORECASE)
_SLOAN: Final = re.compile(r"([UGRIZ])[_ ]SDSS[\w ]*", re.IGNORECASE)
_FREE: Final = ("", "OPEN", "NULL", "NONE", "FREE")


class DOLORES(DeclaredInstrument):
    """DOLORES, imaging.

    Special about it:

    * FLT_ID is band, system and position in the wheel: ``B_JOHN_10`` (programs that copy headers
      have made spaces of the underscores); ``OPEN`` for none.
    * DATE-OBS is the date alone, EXPSTART the time.
    * The pointing is in RA-RAD and DEC-RAD, in radians; RA-DEG has held hours.
    * With a grism (GRM_ID) or slit (SLT_ID) in the beam a frame is a spectrum.
    """

    def __init__(self) -> None:
        super().__init__(files("polarnight.instruments") / "data" / "dolores.toml")

    def band(self, reader: HeaderReader, imgtype: ImageType) -> str:
        """Return the band of FLT_ID; ``""`` for flats through no filter."""
        written = reader.required_text(["FLT_ID"], "filter")
        match = _JOHNSON.fullmatch(written)
        if match is not None:
            return match.group(1).upper()
        match = _SLOAN.fullmatch(written)
        if match is not None:
            return f"{match.group(1).lower()}_sdss"
        if written.upper() in _FREE and imgtype is ImageType.FLAT:
            return ""
        raise reader.fail(
            f"FLT_ID = {written!r} is no filter that {self.name} is calibrated for",
            "such as B_JOHN_10, V_JOHN_11, R_JOHN_12, I_JOHN_13 or g_sdss_30",
        )

    def mode_and_angle(
        self, reader: HeaderReader, imgtype: ImageType
    ) -> tuple[ObsMode, float | None]:
        """Return PHOTOMETRY, the only mode, where neither grism nor slit is in the beam."""
        for key in ("GRM_ID", "SLT_ID"):
            written = reader.text([key])
            if written.upper() not in _FREE:
                raise reader.fail(f"{key} = {written!r}: a spectrum", "only images are reduced")
        return ObsMode.PHOTOMETRY, None

    def pointing(self, reader: HeaderReader) -> tuple[float | None, float | None]:
        """Return RA-RAD and DEC-RAD in degrees, (None, None) where they cannot be."""
        ra, dec = (reader.number([key]) for key in ("RA-RAD", "DEC-RAD"))
        if ra is None or dec is None or not (0 <= ra <= 2 * math.pi and abs(dec) <= math.pi / 2):
            return None, None
        return math.degrees(ra) % 360.0, math.degrees(dec)
