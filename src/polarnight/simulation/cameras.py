"""How the simulated cameras are built: throughput, orientation, detector and sky."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CAMERAS", "Camera", "get_camera"]


@dataclass(frozen=True)
class Camera:
    """A simulated camera.

    Attributes
    ----------
    instrument : str
        Name of the instrument plug-in that its headers are written for.
    telescope : str
    chip : tuple of int
        (rows, columns) of the whole detector.
    window : tuple of int
        Size of the frames usually taken.
    scale : float
        True arcsec per unbinned pixel (the declared one is not quite it).
    rotation, mirrored
        Orientation, see `polarnight.simulation.Optics`.
    distortion : float
        Pixels at half the diagonal of the chip.
    zero_points : mapping of str to float
        Magnitude above the atmosphere that gives one electron per second, by band.
    sky : mapping of str to float
        Magnitude of a square arcsecond of sky, by band.
    extinction : mapping of str to float
        Magnitudes per airmass, by band.
    polarimeter_throughput : float
        Unpolarized light that the polarimeter's optics pass, before the half lost (polaroid)
        or split (Wollaston).
    gain, read_noise, saturation : float
        Electrons per ADU, electrons, ADU.
    dark_current : float
        Electrons per second and unbinned pixel.
    bias : float
        ADU.
    bias_slope : float
        Rise of the bias along a column, ADU.
    junk : bool
        First rows and columns spoilt as in CAFOS.
    cosmic_rate : float
        Cosmic rays per second and unbinned pixel.
    seeing : float
        Usual FWHM, arcsec.
    """

    instrument: str
    telescope: str
    chip: tuple[int, int]
    window: tuple[int, int]
    scale: float
    rotation: float
    mirrored: bool
    distortion: float
    zero_points: Mapping[str, float]
    sky: Mapping[str, float]
    extinction: Mapping[str, float]
    polarimeter_throughput: float
    gain: float
    read_noise: float
    saturation: float
    dark_current: float
    bias: float
    bias_slope: float
    junk: bool
    cosmic_rate: float
    seeing: float


# Extinction of a good site at 2000 to 3000 m.
_EXTINCTION: Final = MappingProxyType({"U": 0.48, "B": 0.23, "V": 0.13, "R": 0.09, "I": 0.05})
_SKY: Final = MappingProxyType({"U": 22.0, "B": 22.3, "V": 21.4, "R": 20.7, "I": 19.2})

_ANDOR_T90: Final = Camera(
    instrument="AndorT90",
    telescope="OSN-T090",
    chip=(2048, 2048),
    window=(2048, 2048),
    scale=0.3885,
    rotation=1.3,
    mirrored=False,
    distortion=0.2,
    # R = 15 gives 1500 e-/s: a signal-to-noise ratio of about 300 in 60 s.
    zero_points=MappingProxyType({"U": 20.4, "B": 22.6, "V": 22.95, "R": 22.94, "I": 22.3}),
    sky=_SKY,
    extinction=_EXTINCTION,
    polarimeter_throughput=0.76,
    gain=4.5,
    read_noise=8.0,
    saturation=65535.0,
    dark_current=0.005,
    bias=305.0,
    bias_slope=3.0,
    junk=False,
    cosmic_rate=2.4e-8,
    seeing=2.0,
)

_CAFOS: Final = Camera(
    instrument="CAFOS2.2",
    telescope="CAHA-T220",
    chip=(2048, 2048),
    window=(800, 800),
    scale=0.5265,
    rotation=89.0,
    mirrored=True,
    distortion=0.4,
    # B agrees with the sky of a real night under a full moon; the others scaled as usual.
    zero_points=MappingProxyType({"U": 22.8, "B": 24.6, "V": 24.75, "R": 24.7, "I": 24.1}),
    sky=_SKY,
    extinction=_EXTINCTION,
    polarimeter_throughput=0.80,
    gain=1.43,
    read_noise=7.4,
    saturation=65535.0,
    dark_current=0.001,
    bias=672.0,
    bias_slope=1.0,
    junk=True,
    cosmic_rate=7.7e-8,
    seeing=1.6,
)

CAMERAS: Final = MappingProxyType({c.instrument: c for c in (_ANDOR_T90, _CAFOS)})
"""The simulated cameras by instrument name."""


def get_camera(instrument: str) -> Camera:
    """Return the simulated camera of an instrument.

    Raises
    ------
    ConfigError
        Where the instrument has none.
    """
    if instrument not in CAMERAS:
        msg = f"no simulation of instrument {instrument!r}; there is one of: {', '.join(CAMERAS)}"
        raise ConfigError(msg)
    return CAMERAS[instrument]
