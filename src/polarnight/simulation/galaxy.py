"""A spiral galaxy of known light, to be observed among stars."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from polarnight.simulation.psf import Psf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polarnight.simulation.optics import Optics
    from polarnight.simulation.targets import Target

__all__ = ["Galaxy"]

# Of the whole galaxy relative to its nucleus, and the share of the bulge: red in the middle,
# blue along the arms.
_BRIGHTER: Final = 8.0
_BULGE: Final = MappingProxyType({"U": 0.10, "B": 0.13, "V": 0.18, "R": 0.22, "I": 0.27})
_ARMS: Final = MappingProxyType({"U": 0.85, "B": 0.75, "V": 0.55, "R": 0.45, "I": 0.35})


@dataclass(frozen=True)
class Galaxy:
    """A disc with logarithmic spiral arms and a bulge; smooth, and known exactly.

    With r and phi in the plane of the disc its surface brightness is
    ``(1 - B) exp(-r/h) (1 + A s(r) cos(m (phi - ln(r/h) / tan(pitch)))) / (2 pi h^2 cos i)
    + B / (pi b^2) (1 + R^2/b^2)^-2`` of all its light in a square arcsecond, where R is the
    distance on the sky and ``s(r) = r^2/(r^2 + (h/2)^2)`` winds the arms out of the middle. The
    arms add as much as they take away, so that the total is that of `mags`.

    Attributes
    ----------
    ra, dec : float
        ICRS degrees.
    mags : mapping of str to float
        Of all its light, by band.
    scale_length : float
        h, arcsec.
    bulge_radius : float
        b, arcsec.
    inclination, position_angle : float
        i and the direction of the major axis (north through east), degrees.
    arms : int
        m.
    pitch : float
        Degrees.
    """

    ra: float
    dec: float
    mags: Mapping[str, float]
    scale_length: float
    bulge_radius: float
    inclination: float = 32.0
    position_angle: float = 163.0
    arms: int = 2
    pitch: float = 20.0

    kind = "galaxy"

    @classmethod
    def about(cls, target: Target, shape: tuple[int, int], scale: float) -> Self:
        """Return a galaxy about a target that fills a frame well.

        Parameters
        ----------
        target : Target
            The nucleus, which stays a point of light of its own.
        shape : tuple of int
            (rows, columns) of the frame.
        scale : float
            Arcsec per pixel.
        """
        size = min(shape) * scale
        return cls(
            ra=target.ra,
            dec=target.dec,
            mags={b: m - _BRIGHTER for b, m in zip("UBVRI", target.mags, strict=True)},
            scale_length=size / 9.0,
            bulge_radius=size / 60.0,
        )

    def image(
        self, band: str, optics: Optics, shape: tuple[int, int], psf: Psf | None
    ) -> npt.NDArray[np.float32]:
        """Return the light of each pixel, in units of a source of magnitude 0.

        Parameters
        ----------
        band : str
        optics : Optics
            Its distortion is left out: the galaxy is smooth.
        shape : tuple of int
            (rows, columns) of the frame.
        psf : Psf or None
            Seeing; None for none.
        """
        ny, nx = shape
        x0, y0 = (float(v[0]) for v in optics.pixel(np.array([self.ra]), np.array([self.dec])))
        (a, b), (c, d) = (np.array(row) * 3600.0 for row in optics.cd_matrix)
        dx = (np.arange(nx) - x0)[None, :]
        dy = (np.arange(ny) - y0)[:, None]
        east, north = a * dx + b * dy, c * dx + d * dy
        light = self.brightness(band, east, north) * optics.scale**2
        light *= 10.0 ** (-0.4 * self.mags[band])
        image = light.astype(np.float32)
        return image if psf is None else _blurred(image, psf)

    def brightness(
        self, band: str, east: npt.NDArray[np.float64], north: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return the fraction of all light in a square arcsecond.

        Parameters
        ----------
        band : str
        east, north : ndarray
            Offsets from the middle, arcsec.
        """
        h, bulge = self.scale_length, self.bulge_radius
        turn, tilt = np.deg2rad(self.position_angle), np.cos(np.deg2rad(self.inclination))
        major = north * np.cos(turn) + east * np.sin(turn)
        minor = (east * np.cos(turn) - north * np.sin(turn)) / tilt
        r = np.hypot(major, minor)
        wound = np.log(np.maximum(r, 1e-3 * h) / h) / np.tan(np.deg2rad(self.pitch))
        wave = np.cos(self.arms * (np.arctan2(minor, major) - wound))
        grown = r**2 / (r**2 + (0.5 * h) ** 2)
        disc = np.exp(-r / h) * (1.0 + _ARMS[band] * grown * wave) / (2.0 * np.pi * h**2 * tilt)
        middle = (1.0 + (east**2 + north**2) / bulge**2) ** -2 / (np.pi * bulge**2)
        share = _BULGE[band]
        return np.asarray((1.0 - share) * disc + share * middle)


def _blurred(image: npt.NDArray[np.float32], psf: Psf) -> npt.NDArray[np.float32]:
    from scipy.signal import oaconvolve

    half = int(np.ceil(6.0 * psf.fwhm))
    stamp = psf.stamps(np.zeros(1), np.zeros(1), half)[0]
    # Past its edge the galaxy goes on: mirrored light stands for what is not on the frame.
    wide = np.pad(image, half, mode="symmetric")
    return np.asarray(oaconvolve(wide, stamp / stamp.sum(), mode="valid"), dtype=np.float32)
