"""What is exposed: one line of a night's plan."""

from __future__ import annotations

from dataclasses import dataclass

from polarnight.frames import ImageType, ObsMode

__all__ = ["Exposure"]

_SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True)
class Exposure:
    """What is exposed: one line of the night's plan.

    Attributes
    ----------
    filename : str
    imgtype : ImageType
    obsmode : ObsMode
    band : str
    rotangle : float or None
        Degrees, as the header has it.
    exptime : float
        Seconds.
    jd_start : float
        UTC.
    object_name : str
    cycle : int or None
        Number of the polarimetric cycle.
    level : float
        Mean of a flat field, ADU.
    beam : str
        ``"O"`` or ``"E"`` where each beam has its camera.
    pointing : int
        Number of the field that the telescope points at.
    window : tuple of int or None
        (x0, y0, columns, rows) of a window, binned pixels of the chip; None for whole frames.
    """

    filename: str
    imgtype: ImageType
    obsmode: ObsMode
    band: str
    rotangle: float | None
    exptime: float
    jd_start: float
    object_name: str
    cycle: int | None = None
    level: float = 0.0
    beam: str = ""
    pointing: int = 0
    window: tuple[int, int, int, int] | None = None

    @property
    def jd_mid(self) -> float:
        """UTC Julian date of the middle of the exposure."""
        return self.jd_start + self.exptime / 2.0 / _SECONDS_PER_DAY

    @property
    def light_path(self) -> str:
        """Names what is in the beam; frames that share it share a flat field."""
        return self.band if self.rotangle is None else f"{self.band}{self.rotangle:+g}"
