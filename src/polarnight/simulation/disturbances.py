"""Mishaps of an exposure: what goes wrong at the telescope before the file is written.

Files are spoilt by `polarnight.simulation.faults`; here the light itself is.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from polarnight.simulation.psf import Psf, add_stars

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DISTURBANCES", "add_satellite_trail"]

DISTURBANCES: Final = MappingProxyType(
    {
        "stuck_plate": "the plate (or filter wheel) stays where the exposure before had it; "
        "the header has the angle that was asked for",
        "satellite": "the trail of a satellite crosses the target",
        "saturated": "the shutter stays open twenty times as long; the header does not know",
        "trailed": "the tracking is lost: stars are trails of eight times the seeing",
        "cloud": "a cloud of 1 mag",
        "thick_cloud": "a cloud of 5 mag",
        "dome": "the dome covers the mirror: sky and stars a thousand times fainter",
    }
)
"""What can befall an exposure, by name, in words."""


def add_satellite_trail(
    image: npt.NDArray[np.float32],
    x: float,
    y: float,
    psf: Psf,
    rng: np.random.Generator,
    *,
    offsets: Sequence[tuple[float, float]] = ((0.0, 0.0),),
    electrons_per_pixel: float = 3000.0,
) -> None:
    """Add the trail of a satellite through a point to an image in place.

    Two beams on one frame show it twice, as they do everything in the sky.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Expected electrons.
    x, y : float
        A point on the trail, pixels.
    psf : Psf
    rng : numpy.random.Generator
        For the direction.
    offsets : sequence of tuple of float
        (x, y) of its images relative to the first, pixels.
    electrons_per_pixel : float
        Light along each image of the trail for each pixel of its length; unpolarized.
    """
    ny, nx = image.shape
    angle = rng.uniform(0.0, np.pi)
    step = max(0.5, psf.fwhm / 3.0)
    along = np.arange(-np.hypot(nx, ny), np.hypot(nx, ny), step)
    for dx, dy in offsets:
        xs, ys = x + dx + along * np.cos(angle), y + dy + along * np.sin(angle)
        near = (xs > -20) & (xs < nx + 20) & (ys > -20) & (ys < ny + 20)
        flux = np.full(int(near.sum()), electrons_per_pixel * step)
        add_stars(image, xs[near], ys[near], flux, psf)
