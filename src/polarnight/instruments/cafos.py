"""CAFOS: focal reducer of the 2.2 m telescope of Calar Alto, imaging and polarimetry."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from polarnight.frames import ImageType, ObsMode
from polarnight.instruments.declared import BANDS, DeclaredInstrument
from polarnight.instruments.keywords import HeaderReader
from polarnight.instruments.values import binning, johnson_cousins

__all__ = ["CAFOS"]

_CORNERS: Final = re.compile(r"\[\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*\]")


class CAFOS(DeclaredInstrument):
    """CAFOS 2.2, imaging modes.

    Special about it:

    * The beam passes the Wollaston prism or not (INSPOFPI); INSTRMOD says ``Polarizer`` even
      for plain imaging. INSPOROT is the angle of the half-wave plate.
    * The exposure began at DATE-OBS (and UT_START); DATE, which says the same in real frames,
      serves where that lacks.
    * CCDSEC gives the corners of the window (x, y : x, y), not ranges as FITS has it, and
      BIASSEC describes no pixels of the file.
    """

    def __init__(self) -> None:
        super().__init__(files("polarnight.instruments") / "data" / "cafos.toml")

    def band(self, reader: HeaderReader, imgtype: ImageType) -> str:
        """Return the band of INSFLNAM (``JohnsonB``, ``Cous R``, ``BessellI`` ...)."""
        written = reader.required_text(["INSFLNAM"], "filter")
        found = johnson_cousins(written)
        if found is None:
            raise reader.fail(
                f"INSFLNAM = {written!r} is no filter that {self.name} is calibrated for",
                f"Johnson, Cousins or Bessell {' '.join(BANDS)}",
            )
        return found

    def mode_and_angle(
        self, reader: HeaderReader, imgtype: ImageType
    ) -> tuple[ObsMode, float | None]:
        """Return the mode from INSTRMOD, INSPOFPI and the grism, with the plate's angle."""
        grism = reader.text(["INSGRNAM"])
        if grism and grism.upper() != "FREE":
            raise reader.fail(f"INSGRNAM = {grism!r}: a spectrum", "only images are reduced")
        setting = reader.required_text(["INSPOFPI"], "polarimeter setting")
        mode = reader.text(["INSTRMOD"])
        if setting.upper() == "FREE":
            return ObsMode.PHOTOMETRY, None
        if setting.upper() == "WOLLASTON" and mode.upper() == "POLARIZER":
            return ObsMode.POLARIMETRY, reader.required_number(
                ["INSPOROT"], "angle of the half-wave plate"
            )
        raise reader.fail(
            f"INSTRMOD = {mode!r} with INSPOFPI = {setting!r} is neither imaging nor polarimetry",
            "Polarizer with FREE or Wollaston",
        )

    def origin(self, reader: HeaderReader) -> tuple[int, int]:
        """Return the first pixel of the window that CCDSEC gives by its corners."""
        match = _CORNERS.fullmatch(reader.text(["CCDSEC"]))
        if match is None:
            return 0, 0
        bx, by = binning(reader, self.declaration.keywords)
        return max(int(match.group(1)) - 1, 0) // bx, max(int(match.group(2)) - 1, 0) // by
