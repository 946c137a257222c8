"""Rendering one raw frame: from the sky table to integers, with its truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.frames import ImageType, ObsMode
from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.simulation.cosmics import add_cosmic_rays
from polarnight.simulation.detector import Chip, read_out
from polarnight.simulation.modulation import beam_fractions, polaroid_fraction, to_instrument
from polarnight.simulation.psf import Psf, add_stars

if TYPE_CHECKING:
    from polarnight.simulation.cameras import Camera
    from polarnight.simulation.optics import Optics
    from polarnight.simulation.sky import FloatArray, Sky

__all__ = ["Conditions", "Exposure", "Rendered", "render_calibration", "render_frame"]

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
        Degrees.
    exptime : float
        Seconds.
    jd_start : float
        UTC.
    object_name : str
    cycle : int or None
        Number of the polarimetric cycle.
    level : float
        Mean of a flat field, ADU.
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

    @property
    def jd_mid(self) -> float:
        """UTC Julian date of the middle of the exposure."""
        return self.jd_start + self.exptime / 2.0 / _SECONDS_PER_DAY

    @property
    def light_path(self) -> str:
        """Names what is in the beam; frames that share it share a flat field."""
        return self.band if self.rotangle is None else f"{self.band}{self.rotangle:+g}"


@dataclass(frozen=True)
class Conditions:
    """Sky and telescope during one exposure.

    Attributes
    ----------
    optics : Optics
    psf : Psf
    airmass : float
    transparency : float
        Fraction of the light that clouds let pass.
    extinct : bool
        Whether the clear atmosphere dims the stars.
    instrumental : InstrumentalPolarization
        Actual, not quoted.
    sky_polarization : tuple of float
        Stokes q, u of the sky, frame of the instrument.
    sky_gradient : tuple of float
        Relative change of the sky over the frame in x and y.
    beam_gain : float
        See `polarnight.simulation.modulation.beam_fractions`.
    pair : tuple of float
        (x, y) of the extraordinary minus the ordinary image, pixels.
    bias_offset : float
        ADU.
    cosmic_rate : float
        Hits per second and pixel.
    """

    optics: Optics
    psf: Psf
    airmass: float = 1.0
    transparency: float = 1.0
    extinct: bool = True
    instrumental: InstrumentalPolarization = field(default_factory=InstrumentalPolarization)
    sky_polarization: tuple[float, float] = (0.0, 0.0)
    sky_gradient: tuple[float, float] = (0.0, 0.0)
    beam_gain: float = 0.0
    pair: tuple[float, float] = (0.0, 0.0)
    bias_offset: float = 0.0
    cosmic_rate: float = 0.0


@dataclass(frozen=True)
class Rendered:
    """A raw frame and the truth about it (plain types)."""

    data: npt.NDArray[np.uint16]
    truth: dict[str, Any]


def render_frame(
    exposure: Exposure,
    conditions: Conditions,
    sky: Sky,
    camera: Camera,
    chip: Chip,
    flat: npt.NDArray[np.float32],
    rng: np.random.Generator,
) -> Rendered:
    """Render a science frame.

    The expected electrons are ``flat (stars + sky) + dark``; one Poisson draw of them, then
    readout. Star images are integrated over the pixels, so the sum of a star's pixels is
    Poisson distributed about its flux.

    Returns
    -------
    Rendered
        The truth holds, for every source whose image centre is on the frame, its number in
        the sky table, position and expected flux in ADU (flat field 1) for each beam, and the
        frame's zero point: ``mag = zero_point - 2.5 log10(flux/exptime)`` for an unpolarized
        source, the beams added where there are two.
    """
    c = conditions
    jd = exposure.jd_mid
    dimming = c.transparency
    if c.extinct:
        dimming *= 10.0 ** (-0.4 * camera.extinction[exposure.band] * c.airmass)
    dimming *= _throughput(exposure, camera)
    zero_rate = 10.0 ** (0.4 * camera.zero_points[exposure.band]) * dimming
    total = zero_rate * 10.0 ** (-0.4 * sky.mag(exposure.band, jd)) * exposure.exptime
    x, y = c.optics.pixel(sky.ra, sky.dec)
    q, u = to_instrument(sky.q, sky.u, c.instrumental)
    image = np.zeros(chip.bias.shape, dtype=np.float32)
    truth: dict[str, Any] = {}
    polarimetry = exposure.obsmode is ObsMode.POLARIMETRY and exposure.rotangle is not None
    if polarimetry and c.pair != (0.0, 0.0):
        angle = exposure.rotangle or 0.0
        o, e = beam_fractions(q, u, angle, c.beam_gain)
        _render_beam(image, x, y, total * o, c.psf, camera, truth, "")
        _render_beam(image, x + c.pair[0], y + c.pair[1], total * e, c.psf, camera, truth, "_e")
        sky_fraction = 1.0  # the beams of neighbouring sky overlap and add up
        unpolarized = 1.0
    elif polarimetry:
        angle = exposure.rotangle or 0.0
        part = polaroid_fraction(q, u, angle)
        _render_beam(image, x, y, total * part, c.psf, camera, truth, "")
        sky_q, sky_u = (np.array(v) for v in c.sky_polarization)
        sky_fraction = float(polaroid_fraction(sky_q, sky_u, angle))
        unpolarized = 0.5
    else:
        _render_beam(image, x, y, total, c.psf, camera, truth, "")
        sky_fraction = unpolarized = 1.0
    sky_rate = (
        10.0 ** (0.4 * (camera.zero_points[exposure.band] - camera.sky[exposure.band]))
        * _throughput(exposure, camera)
        * c.optics.scale**2
        * sky_fraction
    )
    image += np.float32(sky_rate * exposure.exptime) * _gradient(c.optics.shape, c.sky_gradient)
    image *= flat
    image += np.float32(exposure.exptime) * chip.dark
    rate = c.cosmic_rate * image.size
    n_cosmic = add_cosmic_rays(image, rate * exposure.exptime, rng) if rate else 0
    data = read_out(image, chip, camera, rng, offset=c.bias_offset)
    truth |= {
        "zero_point": float(2.5 * np.log10(zero_rate * unpolarized / camera.gain)),
        "fwhm_px": c.psf.fwhm,
        "fwhm_arcsec": c.psf.fwhm * c.optics.scale,
        "airmass": c.airmass,
        "transparency": c.transparency,
        "sky_adu": sky_rate * exposure.exptime / camera.gain,
        "bias_offset_adu": c.bias_offset,
        "cosmic_rays": n_cosmic,
        "wcs": _wcs_truth(c.optics),
    }
    if polarimetry:
        ip = c.instrumental
        truth["instrumental"] = {
            "q0": ip.q0,
            "u0": ip.u0,
            "zero_angle": ip.zero_angle,
            "efficiency": ip.efficiency,
        }
        if c.pair != (0.0, 0.0):
            truth["pair"] = list(c.pair)
    return Rendered(data, truth)


def render_calibration(
    exposure: Exposure,
    camera: Camera,
    chip: Chip,
    flat: npt.NDArray[np.float32] | None,
    rng: np.random.Generator,
    *,
    psf: Psf | None = None,
    n_stars: int = 0,
    bias_offset: float = 0.0,
) -> Rendered:
    """Render a bias, dark or flat.

    Parameters
    ----------
    exposure : Exposure
        A flat reaches ``exposure.level`` ADU where the flat field is 1.
    camera, chip, flat, rng
        See `render_frame`; bias and dark need no flat.
    psf, n_stars
        Stars in a twilight flat, at random places of each frame.
    bias_offset : float
        ADU.
    """
    image = np.float32(exposure.exptime) * chip.dark
    truth: dict[str, Any] = {}
    if exposure.imgtype is ImageType.FLAT and flat is not None:
        light = np.full(image.shape, exposure.level * camera.gain, dtype=np.float32)
        if psf is not None and n_stars:
            ny, nx = image.shape
            flux = 10.0 ** rng.uniform(4.0, 5.5, n_stars)
            add_stars(light, rng.uniform(0, nx, n_stars), rng.uniform(0, ny, n_stars), flux, psf)
        image += light * flat
        truth["level_adu"] = exposure.level
    data = read_out(image, chip, camera, rng, offset=bias_offset)
    truth["bias_offset_adu"] = bias_offset
    return Rendered(data, truth)


def _throughput(exposure: Exposure, camera: Camera) -> float:
    in_beam = exposure.obsmode is ObsMode.POLARIMETRY
    return camera.polarimeter_throughput if in_beam else 1.0


def _render_beam(
    image: npt.NDArray[np.float32],
    x: FloatArray,
    y: FloatArray,
    electrons: FloatArray,
    psf: Psf,
    camera: Camera,
    truth: dict[str, Any],
    suffix: str,
) -> None:
    add_stars(image, x, y, electrons, psf)
    ny, nx = image.shape
    inside = (x > -0.5) & (x < nx - 0.5) & (y > -0.5) & (y < ny - 0.5)
    truth["source" + suffix] = np.flatnonzero(inside).tolist()
    truth["x" + suffix] = np.round(x[inside], 4).tolist()
    truth["y" + suffix] = np.round(y[inside], 4).tolist()
    truth["flux_adu" + suffix] = [float(f"{v:.7g}") for v in electrons[inside] / camera.gain]


def _gradient(shape: tuple[int, int], slope: tuple[float, float]) -> npt.NDArray[np.float32]:
    ny, nx = shape
    x = np.linspace(-0.5, 0.5, nx, dtype=np.float32) * np.float32(slope[0])
    y = np.linspace(-0.5, 0.5, ny, dtype=np.float32) * np.float32(slope[1])
    return np.asarray(1.0 + x[None, :] + y[:, None], dtype=np.float32)


def _wcs_truth(optics: Optics) -> dict[str, Any]:
    x0, y0 = optics.centre
    return {
        "crval": [optics.ra, optics.dec],
        "crpix_zero_based": [x0, y0],
        "cd": [list(row) for row in optics.cd_matrix],
        "distortion": optics.distortion,
    }
