"""What a frame is, in one vocabulary for all instruments.

Instruments translate their headers into a `FrameInfo`; nothing after that reads a raw
header keyword again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

__all__ = ["FrameInfo", "ImageType", "ObsMode", "Section"]


class ImageType(StrEnum):
    """Type of exposure."""

    BIAS = "BIAS"
    DARK = "DARK"
    FLAT = "FLAT"
    LIGHT = "LIGHT"


class ObsMode(StrEnum):
    """Mode of observation."""

    PHOTOMETRY = "PHOTOMETRY"
    POLARIMETRY = "POLARIMETRY"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Section:
    """A rectangle of pixels, zero-based and half open: ``data[y0:y1, x0:x1]``."""

    x0: int
    x1: int
    y0: int
    y1: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The section as array slices ``(rows, columns)``."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """The normalised header of one raw frame.

    Attributes
    ----------
    telescope, instrument : str
        Plug-in names, such as ``"OSN-T090"`` and ``"AndorT90"``.
    filename : str
        Base name of the raw file.
    night : str
        Date (ISO) at the start of the night at the site.
    imgtype : ImageType
    obsmode : ObsMode
        ``NONE`` where it has no meaning (bias, dark).
    band : str
        ``U B V R I``, or ``""`` where it has no meaning.
    rotangle : float or None
        Angle of polaroid or half-wave plate, degrees as the instrument declares it.
    exptime : float
        Seconds.
    jd_start, jd_mid : float
        UTC Julian dates of start and middle of the exposure.
    width, height : int
        Size in pixels of the raw image (NAXIS1, NAXIS2).
    binning : tuple of int
        (x, y).
    readmode : str
        Gain and readout setting, ``""`` where there is one only.
    gain : float
        Electrons per ADU.
    read_noise : float
        Electrons.
    saturation, nonlinear : float
        Raw ADU at which a pixel is saturated, and leaves the linear range.
    object_name : str
        The OBJECT keyword, cleaned of white space.
    ra, dec : float or None
        Pointing of the header as written, degrees; may lie.
    pointing_equinoxes : tuple of str
        Readings of (ra, dec) worth trying, in order: ``"J2000"``, ``"date"``; ``"object"`` among
        them is the place of the object's name in the local catalogue, which comes after the
        header's where it is not named.
    airmass : float or None
    pixel_scale : float
        Arcsec per (binned) pixel.
    trim : Section or None
        Pixels that hold light; None for all.
    overscan : Section or None
    origin : tuple of int
        (x, y) of the first pixel of a window, in pixels of the full (binned) chip.
    has_pairs : bool
        Whether each source appears as an ordinary and an extraordinary image.
    beam : str
        ``"O"`` or ``"E"`` where the camera sees one beam only, the other camera the other;
        ``""`` where the frame holds every beam there is.
    instrument_angle : float or None
        Position angle (degrees, north through east) of the instrument's frame on the sky where
        a rotator turns it; None where it is fixed and the declared angle zero says all.
    extra : dict
        Further values of an instrument, JSON-able.
    """

    telescope: str
    instrument: str
    filename: str
    night: str
    imgtype: ImageType
    obsmode: ObsMode
    band: str
    rotangle: float | None
    exptime: float
    jd_start: float
    jd_mid: float
    width: int
    height: int
    binning: tuple[int, int]
    gain: float
    read_noise: float
    saturation: float
    nonlinear: float
    pixel_scale: float
    readmode: str = ""
    object_name: str = ""
    ra: float | None = None
    dec: float | None = None
    pointing_equinoxes: tuple[str, ...] = ("J2000", "date")
    airmass: float | None = None
    trim: Section | None = None
    overscan: Section | None = None
    origin: tuple[int, int] = (0, 0)
    has_pairs: bool = False
    beam: str = ""
    instrument_angle: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some values changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON-able types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`, also after a round trip through JSON."""
        plain = dict(values)
        plain["imgtype"] = ImageType(plain["imgtype"])
        plain["obsmode"] = ObsMode(plain["obsmode"])
        for key in ("binning", "origin", "pointing_equinoxes"):
            plain[key] = tuple(plain[key])
        for key in ("trim", "overscan"):
            if plain[key] is not None:
                plain[key] = Section(**plain[key])
        return cls(**plain)
