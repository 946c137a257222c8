"""How a simulated camera is built: throughput, orientation, detector and sky."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DARK_SKY", "EXTINCTION", "Camera"]

EXTINCTION: Final = MappingProxyType({"U": 0.48, "B": 0.23, "V": 0.13, "R": 0.09, "I": 0.05})
"""Magnitudes per airmass by band, of a good site at 2000 to 3000 m."""

DARK_SKY: Final = MappingProxyType({"U": 22.0, "B": 22.3, "V": 21.4, "R": 20.7, "I": 19.2})
"""Magnitude of a square arcsecond of moonless sky by band."""


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
    label : str
        Tells the cameras of one instrument apart, such as ``"E"``; each has a detector and
        flat fields of its own.
    noise_tail : float
        Scatter of the logarithm of the pixels' read noise: each pixel of a CMOS detector has an
        amplifier of its own. 0 for a CCD, whose pixels share one.
    shift : tuple of float
        (x, y) offset of the optical axis from the middle of the chip, unbinned pixels.
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
    label: str = ""
    noise_tail: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    def varied(
        self, *, label: str, bias: float, turned: float, shift: tuple[float, float]
    ) -> Camera:
        """Return another camera of the same make.

        Parameters
        ----------
        label : str
        bias : float
            ADU.
        turned : float
            Degrees by which it is mounted otherwise.
        shift : tuple of float
            (x, y) of the axis, unbinned pixels.
        """
        return replace(self, label=label, bias=bias, rotation=self.rotation + turned, shift=shift)
