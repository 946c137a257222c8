"""AndorT90: CCD camera with filters and polaroids at the 0.9 m telescope of OSN."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from polarnight.errors import BadFrame
from polarnight.frames import FrameInfo, ImageType, ObsMode
from polarnight.instruments.declared import BANDS, DeclaredInstrument
from polarnight.instruments.keywords import HeaderReader

__all__ = ["AndorT90"]

_PREDECESSOR: Final = "RoperT90"
_FIRST_NIGHT: Final = "2021-10-23"
_DIRECT_R: Final = ("R", "R Johnson")


class AndorT90(DeclaredInstrument):
    """The Andor camera of OSN-T090.

    Special about it:

    * From its first night (2021-10-23) some headers still name the predecessor, RoperT90.
    * MaxIm DL writes flats and biases taken as science frames as LIGHT; where both OBJECT and
      the file name say ``flat`` (``bias``), that is what they are.
    * The polaroids share the filter wheel: FILTER is the band, or ``R`` with an angle.
    * HIP 2838 in U, shorter than 2.5 s, shows too few stars for a plate solution.
    """

    def __init__(self) -> None:
        super().__init__(files("polarnight.instruments") / "data" / "andor_t90.toml")

    def recognises(self, header: Mapping[str, Any]) -> bool:
        """Return whether the camera is named, or its predecessor after its last night."""
        if super().recognises(header):
            return True
        telescope = self._telescope(header)
        if telescope is None or str(header.get("INSTRUME", "")).strip() != _PREDECESSOR:
            return False
        try:
            jd = self._jd_start(HeaderReader(header, ""))
        except BadFrame:
            return False
        return telescope.night_of(jd).isoformat() >= _FIRST_NIGHT

    def image_type(self, reader: HeaderReader) -> ImageType:
        """Return the type of exposure, mending calibrations written as LIGHT."""
        imgtype = super().image_type(reader)
        if imgtype is not ImageType.LIGHT:
            return imgtype
        name = reader.text(self.declaration.keywords.object).lower()
        for word, meant in (("flat", ImageType.FLAT), ("bias", ImageType.BIAS)):
            if word in name and word in reader.filename.lower():
                return meant
        return imgtype

    def band(self, reader: HeaderReader, imgtype: ImageType) -> str:
        """Return the first letter of FILTER; ``""`` for flats through no filter."""
        written = reader.text(["FILTER"])
        if imgtype is ImageType.FLAT and "FILTER" in reader.header and written in ("", "Clear"):
            return ""
        if not written:
            raise reader.fail("the header has no FILTER", "add the filter to the header")
        if written[0] not in BANDS:
            raise reader.fail(
                f"FILTER = {written!r} is no filter of {self.name}", f"one of: {', '.join(BANDS)}"
            )
        return written[0]

    def mode_and_angle(
        self, reader: HeaderReader, imgtype: ImageType
    ) -> tuple[ObsMode, float | None]:
        """Return POLARIMETRY with the angle for the polaroids (all in R), else PHOTOMETRY."""
        written = reader.text(["FILTER"])
        if not written.startswith("R") or written in _DIRECT_R:
            return ObsMode.PHOTOMETRY, None
        angle = self.declaration.polaroids.get(written)
        if angle is None:
            known = ", ".join((*_DIRECT_R, *self.declaration.polaroids))
            raise reader.fail(
                f"FILTER = {written!r} is neither R nor one of its polaroids", f"one of: {known}"
            )
        return ObsMode.POLARIMETRY, angle

    def extra_values(self, reader: HeaderReader, info: FrameInfo) -> dict[str, Any]:
        """Return ``{"unsolvable": reason}`` for frames known to show too few stars."""
        name = info.object_name.replace(" ", "").upper()
        if info.band == "U" and info.exptime < 2.5 and name.startswith("HIP2838"):
            return {"unsolvable": "HIP 2838 in U under 2.5 s shows too few stars"}
        return {}
