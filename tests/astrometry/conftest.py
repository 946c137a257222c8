"""A sky and an ideal camera with known truth, for the tests of this room."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.astrometry import Detections, Stars
from polarnight.astrometry.geometry import gnomonic, gnomonic_inverse


def make_sky(rng, ra, dec, radius, n, *, clustered=False):
    """Stars within a circle; counts rise tenfold in 3.3 magnitudes down to 20."""
    r = radius * np.sqrt(rng.uniform(size=n))
    a = rng.uniform(0, 2 * np.pi, n)
    x, y = r * np.cos(a), r * np.sin(a)
    if clustered:
        x[: n // 2], y[: n // 2] = rng.normal(0, 0.04, (2, n // 2))
    mag = 20 + np.log10(rng.uniform(size=n)) / 0.3
    return Stars(*gnomonic_inverse(x, y, ra, dec), mag, mags={"R": mag})


@dataclass(frozen=True)
class Camera:
    """An ideal camera: gnomonic, turned, mirrored or not, with radial distortion."""

    ra: float
    dec: float
    shape: tuple = (1024, 1024)
    scale: float = 0.53
    rotation: float = 0.0
    mirrored: bool = False
    distortion: float = 0.0

    def pixels(self, ra, dec):
        ny, nx = self.shape
        xi, eta = gnomonic(ra, dec, self.ra, self.dec)
        z = (xi + 1j * eta) * 3600.0 / self.scale
        z = z if self.mirrored else np.conj(z)
        z = z * np.exp(1j * np.radians(self.rotation))
        z = z * (1 + self.distortion * (2 * np.abs(z) / max(nx, ny)) ** 2)
        return z.real + (nx - 1) / 2, z.imag + (ny - 1) / 2

    def observe(self, rng, stars, *, most, missing=0.1, spurious=0.1, noise=0.15):
        """Detect the brightest stars: some are missed, some are not stars."""
        ny, nx = self.shape
        x, y = self.pixels(stars.ra, stars.dec)
        ok = (x > 3) & (x < nx - 4) & (y > 3) & (y < ny - 4)
        ok &= rng.uniform(size=len(x)) >= missing
        chosen = np.flatnonzero(ok)
        chosen = chosen[np.argsort(stars.mag[chosen])][:most]
        flux = 10 ** (-0.4 * (stars.mag[chosen] - 25 + rng.normal(0, 0.3, len(chosen))))
        false = int(spurious * len(chosen))
        return Detections.from_positions(
            np.r_[x[chosen] + rng.normal(0, noise, len(chosen)), rng.uniform(0, nx, false)],
            np.r_[y[chosen] + rng.normal(0, noise, len(chosen)), rng.uniform(0, ny, false)],
            np.r_[flux, rng.choice(flux, false)],
        )

    def corner_error(self, wcs):
        """Largest distance, pixels, of a solution from the truth at the four corners."""
        ny, nx = self.shape
        corners = np.array([(0, 0), (nx - 1, 0), (0, ny - 1), (nx - 1, ny - 1)], float)
        x, y = self.pixels(*wcs.all_pix2world(corners, 0).T)
        return np.hypot(x - corners[:, 0], y - corners[:, 1]).max()


def draw(rng, shape, x, y, flux, fwhm, *, level=200.0, noise=10.0):
    """A frame of Gaussian stars on an even sky."""
    image = rng.normal(level, noise, shape)
    sigma = fwhm / 2.3548
    grid = np.arange(-12, 13)
    for xs, ys, f in zip(x, y, flux, strict=True):
        i, j = round(xs), round(ys)
        px = np.exp(-0.5 * ((grid + i - xs) / sigma) ** 2)
        py = np.exp(-0.5 * ((grid + j - ys) / sigma) ** 2)
        rows, cols = grid + j, grid + i
        on = np.ix_((rows >= 0) & (rows < shape[0]), (cols >= 0) & (cols < shape[1]))
        stamp = f / (2 * np.pi * sigma**2) * np.outer(py, px)
        image[
            np.ix_(rows[(rows >= 0) & (rows < shape[0])], cols[(cols >= 0) & (cols < shape[1])])
        ] += stamp[on]
    return image.astype(np.float32)


@pytest.fixture(scope="session")
def field():
    """The helpers above, for tests."""
    return SimpleNamespace(make_sky=make_sky, Camera=Camera, draw=draw)
