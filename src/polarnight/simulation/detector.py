"""The simulated detector: bias structure, flat field, hot pixels, noise and saturation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from polarnight.simulation.seeds import generator

if TYPE_CHECKING:
    from polarnight.simulation.cameras import Camera

__all__ = ["Chip", "make_chip", "make_flat", "read_out"]

Image = npt.NDArray[np.float32]

_HOT_FRACTION: Final = 5.0e-5
_DEAD_FRACTION: Final = 3.0e-5
_PIXEL_RESPONSE_RMS: Final = 0.006
_TOP: Final = 65535


@dataclass(frozen=True)
class Chip:
    """The part of a detector that is the same in every frame.

    Attributes
    ----------
    bias : ndarray of float32, shape (ny, nx)
        ADU, with level, slope and pattern of columns.
    dark : ndarray of float32, shape (ny, nx)
        Electrons per second, hot pixels included.
    dead : ndarray of bool, shape (ny, nx)
        Pixels that respond to nothing.
    response : ndarray of float32, shape (ny, nx)
        Sensitivity of each pixel relative to its surroundings.
    noise : ndarray of float32, shape (ny, nx), or None
        Read noise of each pixel, electrons; None where all share the camera's.
    """

    bias: Image
    dark: Image
    dead: npt.NDArray[np.bool_]
    response: Image
    noise: Image | None = None

    def cut(self, rows: slice, columns: slice) -> Chip:
        """Return a window of the detector."""
        part = (rows, columns)
        noise = None if self.noise is None else self.noise[part]
        return Chip(self.bias[part], self.dark[part], self.dead[part], self.response[part], noise)


def make_chip(
    camera: Camera, shape: tuple[int, int], binning: int, *, hot_pixels: bool = True
) -> Chip:
    """Make the detector of a camera; the same one every night.

    Parameters
    ----------
    camera : Camera
    shape : tuple of int
        (rows, columns) of a frame.
    binning : int
        Each pixel gathers the dark current of ``binning**2``.
    hot_pixels : bool
        Without, there are neither hot nor dead pixels.
    """
    rng = generator("chip", camera.instrument + camera.label, *shape, binning)
    ny, nx = shape
    columns = 1.2 * rng.standard_normal(nx)
    rise = camera.bias_slope * np.linspace(0.0, 1.0, ny)
    bias = (camera.bias + rise[:, None] + columns[None, :]).astype(np.float32)
    dark = np.full(shape, camera.dark_current * binning**2, dtype=np.float32)
    dead = np.zeros(shape, dtype=bool)
    if hot_pixels:
        hot = rng.integers(0, ny * nx, max(1, round(_HOT_FRACTION * ny * nx)))
        dark.flat[hot] += rng.exponential(5.0, len(hot)).astype(np.float32)
        dead.flat[rng.integers(0, ny * nx, max(1, round(_DEAD_FRACTION * ny * nx)))] = True
    response = 1.0 + (_PIXEL_RESPONSE_RMS / binning) * rng.standard_normal(shape, dtype=np.float32)
    if camera.junk:
        # As seen in raw CAFOS frames: the first two columns lie far below the bias level.
        for column, level in enumerate((16.0, 389.0, 759.0)[: nx // 4]):
            bias[:, column] = level
    noise = None
    if camera.noise_tail:
        noise = rng.standard_normal(shape, dtype=np.float32)
        noise *= np.float32(camera.noise_tail)
        np.exp(noise, out=noise)
        # The logarithms scatter; the mean of the squares is that of the camera.
        noise *= np.float32(camera.read_noise * np.exp(-(camera.noise_tail**2)))
    return Chip(bias, dark, dead, response, noise)


def make_flat(camera: Camera, chip: Chip, optics_key: str, *, vignetting: float = 0.08) -> Image:
    """Return the flat field of a light path: vignetting, dust and pixel response.

    Parameters
    ----------
    camera : Camera
    chip : Chip
    optics_key : str
        Names the filter (and polaroid); each has its own dust.
    vignetting : float
        Loss of light in the corners.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Relative throughput, its median 1; 0 for dead pixels.

    Notes
    -----
    Flats tell nothing of the total throughput of one polaroid relative to another: that is
    part of the instrumental polarization, whose constants hold for flats normalised alike.
    """
    rng = generator("flat", camera.instrument + camera.label, optics_key, *chip.bias.shape)
    ny, nx = chip.bias.shape
    y, x = np.ogrid[0:ny, 0:nx]
    r2 = ((x - nx / 2.0) ** 2 + (y - ny / 2.0) ** 2) / ((nx / 2.0) ** 2 + (ny / 2.0) ** 2)
    flat = (1.0 - vignetting * r2).astype(np.float32)
    for _ in range(int(rng.integers(4, 9))):
        cx, cy = rng.uniform(0, nx), rng.uniform(0, ny)
        radius, depth = rng.uniform(0.008, 0.03) * nx, rng.uniform(0.01, 0.05)
        # Dust far from the focus is imaged as the ring of the pupil.
        rows = slice(max(0, int(cy - radius)), int(cy + radius) + 2)
        columns = slice(max(0, int(cx - radius)), int(cx + radius) + 2)
        r = np.hypot(x[:, columns] - cx, y[rows] - cy) / radius
        ring = (r < 1.0) & (r > 0.35)
        flat[rows, columns] *= 1.0 - depth * ring * (1.0 - 0.3 * r).astype(np.float32)
    flat *= chip.response
    flat /= np.median(flat)
    flat[chip.dead] = 0.0
    return np.asarray(flat, dtype=np.float32)


def read_out(
    electrons: Image, chip: Chip, camera: Camera, rng: np.random.Generator, *, offset: float = 0.0
) -> npt.NDArray[np.uint16]:
    """Turn expected electrons into a raw frame.

    Parameters
    ----------
    electrons : ndarray of float32, shape (ny, nx)
        Expectation of photo-electrons and dark electrons together.
    chip : Chip
    camera : Camera
    rng : numpy.random.Generator
        Poisson noise of the electrons, Gaussian noise of the readout.
    offset : float
        Of this frame's bias level from the usual, ADU.

    Returns
    -------
    ndarray of uint16, shape (ny, nx)
        Rounded to whole ADU and cut off at both ends of the converter.
    """
    # Beyond 1e7 electrons a pixel is saturated whatever it caught; the limit spares the
    # Poisson generator numbers that do not fit.
    counts = rng.poisson(np.minimum(electrons, 1.0e7)).astype(np.float32)
    noise = rng.standard_normal(counts.shape, dtype=np.float32)
    noise *= np.float32(camera.read_noise) if chip.noise is None else chip.noise
    counts += noise
    counts *= np.float32(1.0 / camera.gain)
    counts += chip.bias
    counts += np.float32(offset)
    if camera.junk:
        counts[0] = (
            camera.bias
            + rng.uniform(5000.0, 20000.0)
            + 400.0 * rng.standard_normal(counts.shape[1])
        )
        counts[1] -= 15.0
    np.rint(counts, out=counts)
    np.clip(counts, 0.0, min(camera.saturation, _TOP), out=counts)
    return counts.astype(np.uint16)
