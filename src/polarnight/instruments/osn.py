"""The cameras with polaroids of Sierra Nevada: AndorT90, RoperT90 and AndorT150."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, ClassVar, Final

from polarnight.frames import FrameInfo, ImageType, ObsMode
from polarnight.instruments.declared import BANDS
from polarnight.instruments.keywords import HeaderReader
from polarnight.instruments.maxim import MaximCamera

__all__ = ["AndorT90", "AndorT150", "PolaroidCamera", "RoperT90"]

_DIRECT_R: Final = ("R", "R Johnson")


class PolaroidCamera(MaximCamera):
    """A camera of Sierra Nevada whose filter wheel holds the polaroids as well.

    * Where both OBJECT and the file name say ``flat`` (``bias``), a LIGHT frame is one.
    * FILTER is the band by its first letter, or ``R`` with an angle.
    * HIP 2838 in U, shorter than 2.5 s, shows too few stars for a plate solution.
    """

    data_file: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(files("polarnight.instruments") / "data" / self.data_file)

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
        angle = self.declaration.polaroids.get(written.upper())
        if angle is None:
            known = ", ".join((*_DIRECT_R, *self.declaration.polaroids))
            raise reader.fail(
                f"FILTER = {written!r} is neither R nor one of its polaroids", f"one of: {known}"
            )
        return ObsMode.POLARIMETRY, angle

    def extra_values(self, reader: HeaderReader, info: FrameInfo) -> dict[str, Any]:
        """Return also ``{"unsolvable": reason}`` for frames known to show too few stars."""
        extra = super().extra_values(reader, info)
        name = info.object_name.replace(" ", "").upper()
        if info.band == "U" and info.exptime < 2.5 and name.startswith("HIP2838"):
            extra["unsolvable"] = "HIP 2838 in U under 2.5 s shows too few stars"
        return extra


class AndorT90(PolaroidCamera):
    """The Andor camera of OSN-T090, from 2021-10-23 on."""

    data_file = "andor_t90.toml"


class RoperT90(PolaroidCamera):
    """The Roper camera of OSN-T090, before 2021-10-23."""

    data_file = "roper_t90.toml"


class AndorT150(PolaroidCamera):
    """The Andor camera of OSN-T150."""

    data_file = "andor_t150.toml"
