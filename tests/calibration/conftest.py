"""A small chip with known faults, from which raw calibration and science frames are drawn."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from astropy.io import fits

from polarnight.frames import FrameInfo, ImageType, ObsMode, Section


@dataclass
class Chip:
    """The truth: bias and dark pattern, flat field, gain, read noise."""

    directory: object
    ny: int = 120
    nx: int = 150
    gain: float = 1.4
    read_noise: float = 7.0
    seed: int = 20240408
    overscan: int = 0
    saturation: float = 65535.0
    drift: float = 0.0
    n_written: int = 0
    rng: np.random.Generator = field(init=False)

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        y, x = np.mgrid[: self.ny, : self.nx]
        self.bias = 700.0 + 5.0 * np.sin(x / 9.0) + 0.02 * y
        self.dark = np.full((self.ny, self.nx), 0.05)
        r2 = ((y / self.ny - 0.5) ** 2 + (x / self.nx - 0.5) ** 2) * 2
        self.flat = (1.0 - 0.25 * r2) * self.rng.normal(1.0, 0.01, (self.ny, self.nx))
        self.flat /= np.median(self.flat)

    def expose(self, light=0.0, exptime=0.0, *, level=0.0):
        """Return raw ADU (uint16) of a mean light (ADU per pixel before the flat)."""
        mean = (np.asarray(light) * self.flat + self.dark * exptime) * self.gain
        electrons = self.rng.poisson(np.broadcast_to(mean, (self.ny, self.nx)))
        noise = self.rng.normal(0.0, self.read_noise, (self.ny, self.nx))
        adu = self.bias + level + (electrons + noise) / self.gain
        if self.overscan:
            adu = np.hstack([self.rng.normal(level + 690.0, self.read_noise / self.gain,
                                             (self.ny, self.overscan)), adu])  # fmt: skip
        return np.clip(np.round(adu), 0, 65535).astype(np.uint16)

    def info(self, imgtype=ImageType.BIAS, **changes):
        """Return a normalised header for a frame of this chip."""
        width = self.nx + self.overscan
        values = {
            "telescope": "OSN-T090", "instrument": "AndorT90", "filename": "a.fits",
            "night": "2024-04-08", "imgtype": imgtype, "obsmode": ObsMode.NONE, "band": "",
            "rotangle": None, "exptime": 0.0, "jd_start": 2460409.4, "jd_mid": 2460409.4,
            "width": width, "height": self.ny, "binning": (1, 1), "gain": self.gain,
            "read_noise": self.read_noise, "saturation": self.saturation,
            "nonlinear": 60000.0, "pixel_scale": 0.387,
        }  # fmt: skip
        if imgtype in (ImageType.FLAT, ImageType.LIGHT):
            values |= {"obsmode": ObsMode.PHOTOMETRY, "band": "R", "exptime": 1.0}
        if self.overscan:
            values["overscan"] = Section(0, self.overscan, 0, self.ny)
            values["trim"] = Section(self.overscan, width, 0, self.ny)
        return FrameInfo(**(values | changes))

    def write(self, data, info, name=None, header=None):
        """Write a raw frame; return its path and its header with the file's name."""
        self.n_written += 1
        name = name or f"{info.imgtype.lower()}{self.n_written:03d}.fits"
        path = self.directory / name
        fits.PrimaryHDU(data, header).writeto(path)
        return path, info.replace(filename=name)

    def take(self, n, imgtype, light=0.0, exptime=0.0, **changes):
        """Write n frames; return their headers and paths, as the masters want them."""
        lights = np.broadcast_to(light, (n,))
        info = self.info(imgtype, exptime=exptime, **changes)
        pairs = [self.write(self.expose(light, exptime), info) for light in lights]
        return [info for _, info in pairs], [path for path, _ in pairs]


@pytest.fixture
def make_chip(tmp_path):
    """Make chips whose frames go to the temporary directory."""

    def make(**changes):
        return Chip(directory=tmp_path, **changes)

    return make


@pytest.fixture
def chip(make_chip):
    """A chip without special faults."""
    return make_chip()
