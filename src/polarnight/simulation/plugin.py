"""Simulations as plug-ins: what an instrument needs to be simulated.

A simulation is an object behind an entry point of the group ``polarnight.simulations`` that
bears the name of its instrument. Instruments that are declared by a data file and have no such
entry point are simulated from their declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.instruments import Instrument
    from polarnight.simulation.cameras import Camera
    from polarnight.simulation.exposure import Exposure
    from polarnight.simulation.optics import Optics
    from polarnight.simulation.targets import Target

__all__ = [
    "FileNamer",
    "FrameSetting",
    "HeaderWriter",
    "Pointing",
    "SimulatedInstrument",
]


@dataclass(frozen=True)
class Pointing:
    """What the telescope believes: ICRS degrees, and the airmass."""

    ra: float
    dec: float
    airmass: float


@dataclass(frozen=True)
class FrameSetting:
    """What a header tells beside the exposure itself.

    Attributes
    ----------
    instrument : Instrument
    camera : Camera
    shape : tuple of int
        (rows, columns) of the frame.
    binning : int
    pointing : Pointing
    origin : tuple of int
        (x, y) of the first pixel in binned pixels of the chip.
    instrument_angle : float or None
        Position angle of a rotator, degrees north through east.
    optics : Optics or None
        The true projection of a science frame, for headers with coordinates to be trusted.
    """

    instrument: Instrument
    camera: Camera
    shape: tuple[int, int]
    binning: int
    pointing: Pointing
    origin: tuple[int, int] = (0, 0)
    instrument_angle: float | None = None
    optics: Optics | None = None


HeaderWriter = Callable[["Exposure", FrameSetting], "Header"]
"""Writes the raw header of a frame as the instrument's control program does."""

FileNamer = Callable[["Exposure", int], str]
"""Names a frame; the number is raised from 1 until the name is new."""


@dataclass(frozen=True)
class SimulatedInstrument:
    """All that is needed to simulate an instrument.

    Attributes
    ----------
    camera : Camera
        Its ``instrument`` is the name of the instrument plug-in.
    header : callable
        ``header(exposure, setting)`` returns the raw header, see `HeaderWriter`.
    filename : callable
        ``filename(exposure, number)`` returns the name of the file, see `FileNamer`.
    target : Target
        What the scenario ``demo`` observes.
    scenarios : mapping of str to mapping
        Options of each scenario that differ from the defaults of `NightOptions`. The
        instrument is simulated in these scenarios and in those open to all.
    brightest_star : float
        R magnitude of the brightest calibrators of a demonstration.
    second : Camera or None
        The camera of the extraordinary beam where each beam has one.
    polarimetry_window : tuple of int or None
        (rows, columns), unbinned, of the windows that polarimetry reads; None for the frames of
        photometry.
    milliseconds : bool
        Whether science frames begin at the millisecond that ``start_hour`` says; its headers must
        be able to tell it. Otherwise all begin at whole seconds.
    """

    camera: Camera
    header: HeaderWriter
    filename: FileNamer
    target: Target
    scenarios: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    brightest_star: float = 12.0
    second: Camera | None = None
    polarimetry_window: tuple[int, int] | None = None
    milliseconds: bool = False

    @property
    def name(self) -> str:
        """Name of the instrument."""
        return self.camera.instrument

    def camera_of(self, beam: str) -> Camera:
        """Return the camera that sees a beam (``"O"``, ``"E"``; ``""`` where there is one)."""
        return self.second if beam == "E" and self.second is not None else self.camera
