"""Star images, integrated over pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from polarnight.simulation.sky import FloatArray

__all__ = ["Psf", "add_stars"]

_HALF_SIZES: Final = (5, 8, 12, 18, 27, 40, 60, 90, 140)
_LOST_ELECTRONS: Final = 0.05
_CHUNK: Final = 60_000  # pixels of star images at once, to stay in the cache


@dataclass(frozen=True)
class Psf:
    """A circular point-spread function.

    Attributes
    ----------
    fwhm : float
        Pixels.
    kind : {"moffat", "gaussian"}
    beta : float
        Exponent of the Moffat profile; 4.765 is that of turbulent seeing (Trujillo et al.
        2001, MNRAS 328, 977).
    """

    fwhm: float
    kind: Literal["moffat", "gaussian"] = "moffat"
    beta: float = 4.765

    def __post_init__(self) -> None:
        if not self.fwhm > 0 or not self.beta > 1 or self.kind not in ("moffat", "gaussian"):
            msg = f"no point-spread function: {self}"
            raise ValueError(msg)

    @cached_property
    def alpha(self) -> float:
        """Core radius of the Moffat profile, pixels."""
        return float(self.fwhm / 2.0 / np.sqrt(2.0 ** (1.0 / self.beta) - 1.0))

    @cached_property
    def sigma(self) -> float:
        """Standard deviation of the Gaussian profile, pixels."""
        return float(self.fwhm / np.sqrt(8.0 * np.log(2.0)))

    def outside(self, radius: float | FloatArray) -> FloatArray:
        """Fraction of the light farther than `radius` pixels from the centre."""
        r2 = np.square(np.asarray(radius, dtype=float))
        if self.kind == "gaussian":
            return np.asarray(np.exp(-0.5 * r2 / self.sigma**2))
        return np.asarray((1.0 + r2 / self.alpha**2) ** (1.0 - self.beta))

    def stamps(self, dx: FloatArray, dy: FloatArray, half: int) -> npt.NDArray[np.float32]:
        """Return images of unit flux with centres at (dx, dy) from the middle pixel's centre.

        Returns
        -------
        ndarray of float32, shape (n, 2 half + 1, 2 half + 1)
            Fraction of the light in each pixel.

        Notes
        -----
        A Gaussian is integrated exactly (error function). A Moffat profile is integrated by
        Gauss-Legendre quadrature of 3 x 3 points a pixel, 4 x 4 where it is sharper than
        2.5 pixels: no pixel is wrong by more than 2e-6 of the flux down to a FWHM of 1.5
        pixels.
        """
        pixels = np.arange(-half, half + 1)
        if self.kind == "gaussian":
            fx = _gaussian_fractions(pixels, dx, self.sigma)
            fy = _gaussian_fractions(pixels, dy, self.sigma)
            return np.asarray(fy[:, :, None] * fx[:, None, :], dtype=np.float32)
        order = 3 if self.fwhm >= 2.5 else 4
        nodes, weights = np.polynomial.legendre.leggauss(order)
        norm = (self.beta - 1.0) / (np.pi * self.alpha**2)
        image = np.zeros((len(dx), len(pixels), len(pixels)), dtype=np.float32)
        exponent = np.float32(-self.beta)
        # Node by node, so that every array is small and contiguous.
        for ny, wy in zip(nodes / 2.0, weights / 2.0, strict=True):
            y2 = ((pixels + ny - dy[:, None]) / self.alpha) ** 2 + 1.0
            for nx, wx in zip(nodes / 2.0, weights / 2.0, strict=True):
                x2 = ((pixels + nx - dx[:, None]) / self.alpha) ** 2
                value = y2.astype(np.float32)[:, :, None] + x2.astype(np.float32)[:, None, :]
                np.power(value, exponent, out=value)
                value *= np.float32(wx * wy * norm)
                image += value
        return image


def _gaussian_fractions(
    pixels: npt.NDArray[np.int_], offset: FloatArray, sigma: float
) -> FloatArray:
    from scipy.special import ndtr

    edges = (np.append(pixels, pixels[-1] + 1) - 0.5)[None, :] - offset[:, None]
    return np.asarray(np.diff(ndtr(edges / sigma), axis=1))


def add_stars(
    image: npt.NDArray[np.float32], x: FloatArray, y: FloatArray, flux: FloatArray, psf: Psf
) -> None:
    """Add star images to an image in place.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Expected electrons.
    x, y : ndarray, shape (n,)
        Centres; stars outside the image whose light reaches in are counted.
    flux : ndarray, shape (n,)
        Expected electrons of each star. Each is drawn out to where less than 0.05 electrons
        are missing (140 pixels at most).
    psf : Psf
    """
    ny, nx = image.shape
    good = np.isfinite(x) & np.isfinite(y) & (flux > 0)
    x, y, flux = x[good], y[good], flux[good]
    sizes = np.array(_HALF_SIZES)
    lost = flux[:, None] * psf.outside(sizes.astype(float))[None, :]
    pick = np.argmax(lost < _LOST_ELECTRONS, axis=1)
    pick[lost[:, -1] >= _LOST_ELECTRONS] = len(sizes) - 1
    for index in np.unique(pick):
        half = int(sizes[index])
        near = (
            (pick == index)
            & (x > -half - 1) & (x < nx + half) & (y > -half - 1) & (y < ny + half)
        )  # fmt: skip
        chosen = np.flatnonzero(near)
        step = max(1, _CHUNK // (2 * half + 1) ** 2)
        for start in range(0, len(chosen), step):
            part = chosen[start : start + step]
            ix, iy = np.rint(x[part]).astype(int), np.rint(y[part]).astype(int)
            stamps = psf.stamps(x[part] - ix, y[part] - iy, half)
            stamps *= flux[part].astype(np.float32)[:, None, None]
            for stamp, cx, cy in zip(stamps, ix, iy, strict=True):
                _add(image, stamp, cx - half, cy - half)


def _add(image: npt.NDArray[np.float32], stamp: npt.NDArray[np.float32], x0: int, y0: int) -> None:
    ny, nx = image.shape
    size = stamp.shape[0]
    left, right = max(x0, 0), min(x0 + size, nx)
    low, high = max(y0, 0), min(y0 + size, ny)
    if left < right and low < high:
        image[low:high, left:right] += stamp[low - y0 : high - y0, left - x0 : right - x0]
