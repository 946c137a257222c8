"""Rendering one raw frame: from the sky table to integers, with its truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from polarnight.frames import ImageType, ObsMode
from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.simulation.cosmics import add_cosmic_rays
from polarnight.simulation.detector import Chip, read_out
from polarnight.simulation.disturbances import add_satellite_trail
from polarnight.simulation.modulation import (
    HALF_WAVE,
    QUARTER_WAVE,
    beam_fractions,
    polaroid_fraction,
    radial_polarization,
    retarder_fractions,
    to_instrument,
)
from polarnight.simulation.psf import Psf, add_stars

if TYPE_CHECKING:
    from polarnight.simulation.cameras import Camera
    from polarnight.simulation.exposure import Exposure
    from polarnight.simulation.optics import Optics
    from polarnight.simulation.sky import FloatArray, Sky

__all__ = ["Conditions", "Rendered", "Scene", "render_calibration", "render_frame"]


class Scene(Protocol):
    """Extended light, such as a galaxy."""

    def image(
        self, band: str, optics: Optics, shape: tuple[int, int], psf: Psf | None
    ) -> npt.NDArray[np.float32]:
        """Return the light of each pixel, in units of a source of magnitude 0."""
        ...


@dataclass(frozen=True)
class Conditions:
    """Sky, telescope and polarimeter during one exposure.

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
    parallactic_angle : float
        Degrees; matters where the telescope polarizes.
    instrument_angle : float
        Position angle to which a rotator has turned the instrument, degrees.
    field_polarization : float
        See `polarnight.simulation.modulation.radial_polarization`.
    polarimeter : str or None
        What turns in the beam, as in `Instrument.polarimeter`; None for free passage.
    beams : {"one", "image", "cameras"}
        As in `Instrument.beams`, for this exposure.
    plate_angle : float or None
        Actual angle of plate or polaroid, degrees north through east; None for that of the
        header.
    retardance : float or None
        Degrees; None for that of an ideal plate.
    sky_polarization : tuple of float
        Stokes q, u of the sky, frame of the instrument.
    sky_gradient : tuple of float
        Relative change of the sky over the frame in x and y.
    sky_factor : float
        By which the sky is brighter than a moonless one.
    beam_gain : float
        See `polarnight.simulation.modulation.beam_fractions`.
    pair : tuple of float
        (x, y) of the extraordinary minus the ordinary image, pixels.
    bias_offset : float
        ADU.
    cosmic_rate : float
        Hits per second and pixel.
    trail : tuple of float
        (x, y) by which stars move during the exposure, pixels.
    longer : float
        Factor by which the exposure is longer than the header says.
    satellite : bool
        Whether one crosses the first source of the sky.
    """

    optics: Optics
    psf: Psf
    airmass: float = 1.0
    transparency: float = 1.0
    extinct: bool = True
    instrumental: InstrumentalPolarization = field(default_factory=InstrumentalPolarization)
    parallactic_angle: float = 0.0
    instrument_angle: float = 0.0
    field_polarization: float = 0.0
    polarimeter: str | None = None
    beams: str = "one"
    plate_angle: float | None = None
    retardance: float | None = None
    sky_polarization: tuple[float, float] = (0.0, 0.0)
    sky_gradient: tuple[float, float] = (0.0, 0.0)
    sky_factor: float = 1.0
    beam_gain: float = 0.0
    pair: tuple[float, float] = (0.0, 0.0)
    bias_offset: float = 0.0
    cosmic_rate: float = 0.0
    trail: tuple[float, float] = (0.0, 0.0)
    longer: float = 1.0
    satellite: bool = False


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
    scene: Scene | None = None,
) -> Rendered:
    """Render a science frame.

    The expected electrons are ``flat (stars + sky) + dark``; one Poisson draw of them, then
    readout. Star images are integrated over the pixels, so the sum of a star's pixels is
    Poisson distributed about its flux.

    Parameters
    ----------
    exposure : Exposure
    conditions : Conditions
    sky : Sky
    camera : Camera
    chip : Chip
        Of the size of the frame.
    flat : ndarray of float32, shape (ny, nx)
    rng : numpy.random.Generator
    scene : Scene, optional
        Extended light, unpolarized.

    Returns
    -------
    Rendered
        The truth holds, for every source whose image centre is on the frame, its number in
        the sky table, position and expected flux in ADU (flat field 1) for each beam, and the
        frame's zero point: ``mag = zero_point - 2.5 log10(flux/exptime)`` for an unpolarized
        source, the beams added where there are two on the frame.
    """
    c = conditions
    jd, exptime = exposure.jd_mid, exposure.exptime * c.longer
    dimming = c.transparency
    if c.extinct:
        dimming *= 10.0 ** (-0.4 * camera.extinction[exposure.band] * c.airmass)
    dimming *= _throughput(exposure, camera)
    zero_rate = 10.0 ** (0.4 * camera.zero_points[exposure.band]) * dimming
    total = zero_rate * 10.0 ** (-0.4 * sky.mag(exposure.band, jd)) * exptime
    x, y = c.optics.pixel(sky.ra, sky.dec)
    ny, nx = chip.bias.shape
    image = np.zeros((ny, nx), dtype=np.float32)
    truth: dict[str, Any] = {}
    images, sky_fraction, unpolarized = _images(exposure, c, sky, x, y)
    extended = (
        None
        if scene is None
        else scene.image(exposure.band, c.optics, (ny, nx), c.psf)
        * np.float32(zero_rate * exptime * unpolarized / len(images))
    )
    for suffix, fraction, (dx, dy) in images:
        _render_beam(image, x + dx, y + dy, total * fraction, c, camera, truth, suffix)
        if extended is not None:
            image += np.roll(extended, (round(dy), round(dx)), axis=(0, 1))
    sky_rate = (
        10.0 ** (0.4 * (camera.zero_points[exposure.band] - camera.sky[exposure.band]))
        * _throughput(exposure, camera)
        * c.optics.scale**2
        * sky_fraction
        * c.sky_factor
    )
    image += np.float32(sky_rate * exptime) * _gradient((ny, nx), c.sky_gradient)
    if c.satellite:
        offsets = [offset for _, _, offset in images]
        add_satellite_trail(image, float(x[0]), float(y[0]), c.psf, rng, offsets=offsets)
    image *= flat
    image += np.float32(exptime) * chip.dark
    rate = c.cosmic_rate * image.size
    n_cosmic = add_cosmic_rays(image, rate * exptime, rng) if rate else 0
    data = read_out(image, chip, camera, rng, offset=c.bias_offset)
    truth |= {
        "zero_point": float(2.5 * np.log10(zero_rate * unpolarized / camera.gain)),
        "fwhm_px": c.psf.fwhm,
        "fwhm_arcsec": c.psf.fwhm * c.optics.scale,
        "airmass": c.airmass,
        "transparency": c.transparency,
        "sky_adu": sky_rate * exptime / camera.gain,
        "bias_offset_adu": c.bias_offset,
        "cosmic_rays": n_cosmic,
        "wcs": _wcs_truth(c.optics),
    }
    if c.polarimeter is not None:
        truth["instrumental"] = _instrumental_truth(c)
        truth["plate_angle"] = c.plate_angle
    if len(images) > 1:
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


def _images(
    exposure: Exposure, c: Conditions, sky: Sky, x: FloatArray, y: FloatArray
) -> tuple[list[tuple[str, Any, tuple[float, float]]], float, float]:
    """Return the images of each source, and the fractions of the sky and of unpolarized light.

    An image is the ending of its columns in the truth, the fraction of the light in it, and
    its place relative to the ordinary image.
    """
    here = (0.0, 0.0)
    if c.polarimeter is None and c.beams == "one":
        return [("", 1.0, here)], 1.0, 1.0
    q, u = to_instrument(
        *sky.polarization(exposure.band),
        c.instrumental,
        instrument_angle=c.instrument_angle,
        parallactic_angle=c.parallactic_angle,
    )
    if c.field_polarization:
        field_q, field_u = radial_polarization(x, y, c.optics.shape, c.field_polarization)
        q, u = q + np.nan_to_num(field_q), u + np.nan_to_num(field_u)
    sky_q, sky_u = (np.array(v) for v in c.sky_polarization)
    angle = exposure.rotangle if c.plate_angle is None else c.plate_angle
    angle = 0.0 if angle is None else angle
    if c.polarimeter == "polaroids":
        part = polaroid_fraction(q, u, angle)
        return [("", part, here)], float(polaroid_fraction(sky_q, sky_u, angle)), 0.5
    o, e = _two_beams(c, q, u, sky.v, angle)
    if c.beams == "image":
        # The beams of neighbouring sky overlap and add up.
        return [("", o, here), ("_e", e, c.pair)], 1.0, 1.0
    sky_o, sky_e = _two_beams(c, sky_q, sky_u, np.array(0.0), angle)
    # One camera of two, or a single analyser along the direction of the extraordinary beam.
    seen, seen_sky = (o, sky_o) if exposure.beam == "O" else (e, sky_e)
    return [("", seen, here)], float(seen_sky), 0.5


def _two_beams(
    c: Conditions, q: FloatArray, u: FloatArray, v: FloatArray, angle: float
) -> tuple[FloatArray, FloatArray]:
    quarter = c.polarimeter == "quarter-wave plate"
    if not quarter and c.retardance is None:
        return beam_fractions(q, u, angle, c.beam_gain)
    ideal = QUARTER_WAVE if quarter else HALF_WAVE
    retardance = ideal if c.retardance is None else c.retardance
    return retarder_fractions(q, u, v, angle, retardance=retardance, gain_ratio=c.beam_gain)


def _render_beam(
    image: npt.NDArray[np.float32],
    x: FloatArray,
    y: FloatArray,
    electrons: FloatArray,
    c: Conditions,
    camera: Camera,
    truth: dict[str, Any],
    suffix: str,
) -> None:
    length = float(np.hypot(*c.trail))
    steps = 1 + int(np.ceil(3.0 * length / c.psf.fwhm))
    for along in np.linspace(-0.5, 0.5, steps) if steps > 1 else (0.0,):
        dx, dy = along * c.trail[0], along * c.trail[1]
        add_stars(image, x + dx, y + dy, electrons / steps, c.psf)
    ny, nx = image.shape
    inside = (x > -0.5) & (x < nx - 0.5) & (y > -0.5) & (y < ny - 0.5)
    truth["source" + suffix] = np.flatnonzero(inside).tolist()
    truth["x" + suffix] = np.round(x[inside], 4).tolist()
    truth["y" + suffix] = np.round(y[inside], 4).tolist()
    truth["flux_adu" + suffix] = [float(f"{v:.7g}") for v in electrons[inside] / camera.gain]


def _instrumental_truth(c: Conditions) -> dict[str, float]:
    ip = c.instrumental
    told = {
        "q0": ip.q0,
        "u0": ip.u0,
        "zero_angle": ip.zero_angle,
        "efficiency": ip.efficiency,
    }
    if ip.turns:
        told |= {"telescope_q": ip.telescope_q, "telescope_u": ip.telescope_u}
        told["parallactic_angle"] = c.parallactic_angle
    if c.instrument_angle:
        told["instrument_angle"] = c.instrument_angle
    if c.field_polarization:
        told["field_polarization"] = c.field_polarization
    return told


def _gradient(shape: tuple[int, int], slope: tuple[float, float]) -> npt.NDArray[np.float32]:
    ny, nx = shape
    x = np.linspace(-0.5, 0.5, nx, dtype=np.float32) * np.float32(slope[0])
    y = np.linspace(-0.5, 0.5, ny, dtype=np.float32) * np.float32(slope[1])
    return np.asarray(1.0 + x[None, :] + y[:, None], dtype=np.float32)


def _wcs_truth(optics: Optics) -> dict[str, Any]:
    x0, y0 = optics.centre
    return {
        "crval": [optics.ra, optics.dec],
        "crpix_zero_based": [x0 - optics.origin[0], y0 - optics.origin[1]],
        "cd": [list(row) for row in optics.cd_matrix],
        "distortion": optics.distortion,
    }
