"""From the sky to the detector: gnomonic projection with orientation and distortion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polarnight.simulation.sky import FloatArray

__all__ = ["Optics"]


@dataclass(frozen=True)
class Optics:
    """A tangent-plane projection onto a detector.

    Attributes
    ----------
    ra, dec : float
        Where the optical axis points, ICRS degrees.
    scale : float
        Arcsec per pixel.
    rotation : float
        Degrees by which north is turned from up (+y) towards the left (-x).
    mirrored : bool
        False: east is left of north, as on the sky; True: right.
    shape : tuple of int
        (rows, columns); the axis falls on the middle.
    shift : tuple of float
        (x, y) offset of the axis from the middle, pixels.
    distortion : float
        Radial displacement (pixels, outwards) at half the diagonal, growing as r^3.
    origin : tuple of int
        (x, y) of the first pixel of a window, in pixels of the whole frame, whose size is
        `shape` all the same.
    """

    ra: float
    dec: float
    scale: float
    rotation: float
    mirrored: bool
    shape: tuple[int, int]
    shift: tuple[float, float] = (0.0, 0.0)
    distortion: float = 0.0
    origin: tuple[int, int] = (0, 0)

    @property
    def centre(self) -> tuple[float, float]:
        """Position (x, y) of the optical axis, pixels of the whole frame."""
        ny, nx = self.shape
        return (nx - 1) / 2.0 + self.shift[0], (ny - 1) / 2.0 + self.shift[1]

    @property
    def cd_matrix(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The FITS matrix CDi_j (degrees per pixel) of the undistorted projection."""
        a = np.deg2rad(self.rotation)
        s = self.scale / 3600.0
        parity = 1.0 if self.mirrored else -1.0
        # Turning the sky by `rotation` on the detector; parity flips the east axis.
        return (
            (float(parity * s * np.cos(a)), float(parity * s * np.sin(a))),
            (float(-s * np.sin(a)), float(s * np.cos(a))),
        )

    def pixel(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return positions (x, y) of directions (degrees); NaN behind the tangent plane."""
        xi, eta = _to_plane(np.asarray(ra), np.asarray(dec), self.ra, self.dec)
        (a, b), (c, d) = self.cd_matrix
        det = a * d - b * c
        x = (d * xi - b * eta) / det
        y = (a * eta - c * xi) / det
        half = np.hypot(*self.shape) / 2.0
        factor = 1.0 + self.distortion / half * (x**2 + y**2) / half**2
        x0, y0 = self.centre
        return x * factor + x0 - self.origin[0], y * factor + y0 - self.origin[1]

    def sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return directions (degrees) of positions; the inverse of `pixel`."""
        x0, y0 = self.centre
        dx = np.asarray(x) + self.origin[0] - x0
        dy = np.asarray(y) + self.origin[1] - y0
        half = np.hypot(*self.shape) / 2.0
        factor = np.ones_like(dx)
        for _ in range(8):  # the distortion is small: each step gains three digits or more
            factor = 1.0 + self.distortion / half * ((dx / factor) ** 2 + (dy / factor) ** 2) / (
                half**2
            )
        dx, dy = dx / factor, dy / factor
        (a, b), (c, d) = self.cd_matrix
        return _from_plane(a * dx + b * dy, c * dx + d * dy, self.ra, self.dec)


def _to_plane(
    ra: FloatArray, dec: FloatArray, ra0: float, dec0: float
) -> tuple[FloatArray, FloatArray]:
    """Gnomonic projection; standard coordinates in degrees."""
    a, d = np.deg2rad(ra - ra0), np.deg2rad(dec)
    d0 = np.deg2rad(dec0)
    cosine = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a)
    cosine = np.where(cosine > 0.0, cosine, np.nan)
    xi = np.cos(d) * np.sin(a) / cosine
    eta = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a)) / cosine
    return np.rad2deg(xi), np.rad2deg(eta)


def _from_plane(
    xi: FloatArray, eta: FloatArray, ra0: float, dec0: float
) -> tuple[FloatArray, FloatArray]:
    x, y, d0 = np.deg2rad(xi), np.deg2rad(eta), np.deg2rad(dec0)
    base = np.cos(d0) - y * np.sin(d0)
    ra = ra0 + np.rad2deg(np.arctan2(x, base))
    dec = np.rad2deg(np.arctan2(np.sin(d0) + y * np.cos(d0), np.hypot(x, base)))
    return ra % 360.0, dec
