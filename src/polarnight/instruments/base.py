"""What Polarnight asks of an instrument plug-in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from polarnight.frames import FrameInfo, ImageType, ObsMode, PairVector

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from polarnight.errors import BadFrame
    from polarnight.polarimetry.instrumental import InstrumentalPolarization

__all__ = ["Beams", "Detector", "Instrument", "Polarimeter"]

Polarimeter = Literal["polaroids", "half-wave plate", "quarter-wave plate"]
"""Kinds of polarimeter: polaroids one after another, or a plate that turns before an analyser."""

Beams = Literal["one", "image", "cameras"]
"""Where the two beams of an analyser are: there is one only, both on one image, or one a camera."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector as it was at some date.

    Attributes
    ----------
    gain : float
        Electrons per ADU.
    read_noise : float
        Electrons.
    saturation : float
        Raw ADU at which a pixel is saturated.
    nonlinear : float
        Raw ADU above which the response is not linear.
    dark_current : float
        Electrons per second and (unbinned) pixel.
    """

    gain: float
    read_noise: float
    saturation: float
    nonlinear: float
    dark_current: float = 0.0


class Instrument(ABC):
    """A camera or polarimeter: what its headers mean and how it is built.

    A plug-in is a concrete subclass (or an instance of one) behind an entry point in the
    group ``polarnight.instruments``. Most instruments need not start here: a data file read
    by `polarnight.instruments.DeclaredInstrument` says everything, and a subclass of that
    adds only what is special.

    Attributes
    ----------
    name : str
        Plug-in name, such as ``"AndorT90"``.
    telescopes : tuple of str
        Names of the telescopes it is used at.
    pixel_scale : float
        Arcsec per unbinned pixel.
    field_arcmin : float
        Side of the full field of view.
    pair : PairVector or None
        Extraordinary minus ordinary image in unbinned pixels; None where there is one beam.
    polarimeter : {"polaroids", "half-wave plate", "quarter-wave plate", None}
    beams_on_cameras : bool
        Whether the two beams fall on two cameras; `FrameInfo.beam` then says which.
    retardance : float
        Of a quarter-wave plate, degrees.
    angle_sense : {1, -1}
        -1 where the angles of the header run against north-through-east.
    windows : bool
        Whether polarimetry reads small windows of the chip, for which masters are cut from those
        of the whole chip, and which may show too few stars for a plate solution of their own.
    flat_in_windows : bool
        Whether small windows are divided by the (cut) flat field.
    flat_angles : {"each", "any"}
        Whether a flat serves the angle of the polarizer and the mode it was taken with, or any:
        where the plate turns in front of what makes the flat field, or never leaves the beam.
    trusted_wcs : bool
        Whether the raw header's celestial coordinates are good to arcseconds. Read them with
        `polarnight.frames.wcs_from_header` from `Frame.header`, which follows trimming.
    pairs_always : bool
        Whether frames of photometry show pairs as well (the analyser never leaves the beam).
    angles : tuple of float
        Nominal angles (degrees) of a complete polarimetric cycle.
    min_angles : int
        Fewest different angles from which a group may be reduced.
    requires : frozenset of ImageType
        Calibrations without which a science frame is not reduced.
    validity_days : float
        Days from a calibration within which it is associated at level 2.
    low_flat : float
        Flat-field values below this fraction of the typical one are marked LOW_FLAT.
    edge : int
        Width in pixels of the border marked NEAR_EDGE.
    """

    name: str
    telescopes: tuple[str, ...]
    pixel_scale: float
    field_arcmin: float
    pair: PairVector | None = None
    polarimeter: Polarimeter | None = None
    beams_on_cameras: bool = False
    retardance: float = 90.0
    angle_sense: int = 1
    windows: bool = False
    flat_in_windows: bool = True
    flat_angles: Literal["each", "any"] = "each"
    trusted_wcs: bool = False
    pairs_always: bool = False
    angles: tuple[float, ...] = ()
    min_angles: int = 0
    requires: frozenset[ImageType] = frozenset({ImageType.BIAS, ImageType.FLAT})
    validity_days: float = 30.0
    low_flat: float = 0.3
    edge: int = 5

    @abstractmethod
    def recognises(self, header: Mapping[str, Any]) -> bool:
        """Return whether a raw header was written by this instrument; never raises."""

    def doubt(self, header: Mapping[str, Any]) -> BadFrame | None:
        """Return why a header cannot be told to be of this instrument, though it may; else None."""
        return None

    @abstractmethod
    def classify(self, header: Mapping[str, Any], filename: str) -> FrameInfo:
        """Translate a raw header.

        Parameters
        ----------
        header : mapping
            The raw header (`astropy.io.fits.Header` or a dict).
        filename : str
            Name of the file, for messages and for rules that look at the name.

        Raises
        ------
        BadFrame
            Where the header lacks something or has a value without meaning; names the key
            and the remedy.
        """

    @abstractmethod
    def detector(self, night: date | str | None = None) -> Detector:
        """Return the declared detector at a date, by default the latest one."""

    @abstractmethod
    def instrumental_polarization(
        self, band: str, night: date | str | None = None
    ) -> InstrumentalPolarization:
        """Return the seed values of the instrumental polarization at a band and date."""

    def polarization_measured(self, band: str, night: date | str | None = None) -> bool:
        """Return whether these values were measured with this instrument, not assumed."""
        return True

    @property
    def angle_period(self) -> float:
        """Degrees after which the polarimeter is what it was: 180 polaroids, 360 plates."""
        return 180.0 if self.polarimeter == "polaroids" else 360.0

    @property
    def beams(self) -> Beams:
        """``"cameras"``, ``"image"`` where there is a pair vector, else ``"one"``."""
        if self.beams_on_cameras:
            return "cameras"
        return "image" if self.pair is not None else "one"

    def is_window(self, info: FrameInfo) -> bool:
        """Return whether a frame of polarimetry is a small window of the chip.

        Small is what spans less than 0.8 of the field of view along its longer side.
        """
        span = max(info.width, info.height) * info.pixel_scale / 60.0
        small = span < 0.8 * self.field_arcmin
        return self.windows and info.obsmode is ObsMode.POLARIMETRY and small

    def required_masters(self, info: FrameInfo) -> frozenset[ImageType]:
        """Return the calibrations without which a light frame is not reduced."""
        if self.is_window(info) and not self.flat_in_windows:
            return self.requires - {ImageType.FLAT}
        return self.requires

    @property
    def translation_key(self) -> str:
        """What tells that headers are translated otherwise than before, such as after an edit.

        Frames are read anew where it differs from the one they were registered with. The code
        of a plug-in is not part of it: ``polarnight run --reclassify`` after a change there.
        """
        return f"{type(self).__module__}.{type(self).__qualname__}"

    @property
    def search_radius_deg(self) -> float:
        """Distance from a trusted pointing within which the field centre is sought."""
        return 1.5 * self.field_arcmin / 60.0

    def __repr__(self) -> str:
        return f"<instrument {self.name}>"
