"""Clouds of a magnitude between polaroids, on images with their stars."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.wcs import WCS

from polarnight.errors import AlgorithmFailed
from polarnight.frames import Frame
from polarnight.pipeline.groups.cycle_sky import CycleSky
from polarnight.pipeline.groups.exposures import exposures_of
from polarnight.pipeline.groups.measure import LoadedFrame, measure_frame
from polarnight.pipeline.groups.outcome import GroupParameters, constants_at
from polarnight.pipeline.groups.records import SourceRecord
from polarnight.pipeline.groups.stokes import stokes_of_source
from polarnight.polarimetry import InstrumentalPolarization, correct
from polarnight.simulation import Psf, add_stars
from polarnight.telescopes import get_telescope

GAIN, SKY, READ_NOISE, SIZE, FWHM = 2.0, 100.0, 5.0, 420, 5.0
ANGLES = (-45.0, 0.0, 45.0, 90.0)
OSN = InstrumentalPolarization(0.0579, 0.0583, 0.003, 0.0023, 0.0, 0.1)
POLARIMETER = SimpleNamespace(
    name="Some",
    polarimeter="polaroids",
    beams="one",
    min_angles=4,
    angle_sense=1,
    angle_period=180.0,
)


def tan(shift=(0.0, 0.0)):
    wcs = WCS(naxis=2)
    wcs.wcs.crpix = (SIZE / 2 + shift[0], SIZE / 2 + shift[1])
    wcs.wcs.crval = (330.0, 42.0)
    wcs.wcs.cdelt = (-0.4 / 3600, 0.4 / 3600)
    wcs.wcs.ctype = ("RA---TAN", "DEC--TAN")
    wcs.wcs.set()
    return wcs


def grid():
    """A target in the middle of stars, pixels of the first frame."""
    places = np.linspace(50.0, SIZE - 50.0, 5) + 0.3
    x, y = (a.ravel() for a in np.meshgrid(places, places))
    return x, y, 12


def observe(key, angle, cloud, rng, target=(0.10, -0.04), n=25):
    x, y, middle = grid()
    keep = np.arange(25) < n if n < 25 else np.ones(25, bool)
    keep[middle] = True
    q = np.full(25, OSN.q0) + 0.004 * np.random.default_rng(1).standard_normal(25)
    u = np.full(25, OSN.u0) + 0.004 * np.random.default_rng(2).standard_normal(25)
    q[middle], u[middle] = OSN.q0 + target[0], OSN.u0 + target[1]
    phi = np.radians(2 * angle)
    flux = np.random.default_rng(3).uniform(1e5, 4e5, 25) * (1 + q * np.cos(phi) + u * np.sin(phi))
    dx, dy = rng.uniform(-3, 3, 2)
    electrons = np.full((SIZE, SIZE), SKY * GAIN, dtype=np.float32)
    add_stars(electrons, x[keep] + dx, y[keep] + dy, flux[keep] * cloud, Psf(FWHM))
    counts = rng.poisson(electrons) + READ_NOISE * rng.standard_normal(electrons.shape)
    frame = Frame(
        (counts / GAIN).astype(np.float32),
        (np.maximum(counts, 0) / GAIN**2 + (READ_NOISE / GAIN) ** 2).astype(np.float32),
        np.zeros(electrons.shape, np.uint16),
        wcs=tan((dx, dy)),
    )
    detections = {
        "x": x[keep] + dx,
        "y": y[keep] + dy,
        "flux": flux[keep] * cloud / GAIN,
        "flux_err": np.sqrt(flux[keep] + 5000.0) / GAIN,
        "flags": np.zeros(keep.sum(), int),
    }
    info = SimpleNamespace(
        instrument="Some",
        band="R",
        exptime=60.0,
        rotangle=angle,
        jd_mid=2451545.0 + key / 500,
        beam="",
        pixel_scale=0.4,
        instrument_angle=None,
        telescope="OSN-T090",
    )
    return LoadedFrame(SimpleNamespace(id=key, info=info), frame, detections)


def polarization(clouds, rng, n=25, zero=OSN):
    frames = [
        observe(key, angle, cloud, rng, n=n)
        for key, (angle, cloud) in enumerate(zip(ANGLES, clouds, strict=True))
    ]
    x, y, middle = grid()
    wcs = frames[0].frame.wcs
    first = frames[0].detections
    nearest = int(np.argmin(np.hypot(first["x"] - x[middle], first["y"] - y[middle])))
    ra, dec = wcs.all_pix2world(first["x"][nearest], first["y"][nearest], 0)
    target = SourceRecord(1, "BL Lac", float(ra), float(dec))
    calibrator = SourceRecord(2, "C", float(ra) + 0.01, float(dec), calibrates=(1,))
    rows = [row for loaded in frames for row in measure_frame(loaded, [target], FWHM)]
    exposures = exposures_of(POLARIMETER, frames)
    parameters = GroupParameters()
    sky = CycleSky(frames, exposures, [target, calibrator], FWHM, zero, parameters, {})
    found = stokes_of_source(
        POLARIMETER, exposures, rows, target, losses={}, sky=sky, parameters=parameters
    )
    here = constants_at(zero, frames, target)[0]
    return found, correct(found.stokes, here), sky, target


def test_a_magnitude_of_clouds_is_divided_out():
    rng = np.random.default_rng(4)
    clouds = np.array([1.0, 0.4, 0.7, 0.9])
    found, sky_stokes, sky, target = polarization(clouds, rng)
    told = sky.of(target)
    assert told.n_stars == 24  # all but the target
    assert told.factor == pytest.approx(clouds / clouds.mean(), abs=0.004)
    assert found.sky is not None
    assert abs(sky_stokes.q - 0.10) < 3 * sky_stokes.q_err
    assert abs(sky_stokes.u + 0.04) < 3 * sky_stokes.u_err
    assert sky_stokes.q_err < 0.006
    # 0.3 % of that is the polarization of the field, and no number of cycles averages it.
    assert np.sqrt(sky_stokes.common_cov[0, 0]) == pytest.approx(0.003, rel=0.02)


def test_what_turns_with_the_telescope_is_among_what_the_stars_show():
    """All of the zero in the telescope: the stars show it as before, and it is taken off once."""
    x, y, middle = grid()
    ra, dec = tan().all_pix2world(x[middle], y[middle], 0)
    jd = np.mean([2451545.0 + key / 500 for key in range(4)])
    angle = get_telescope("OSN-T090").parallactic_angle(float(ra), float(dec), jd)
    w = (OSN.q0 + 1j * OSN.u0) * np.exp(-2j * np.radians(angle))
    cov = np.diag([OSN.q0_err, OSN.u0_err, 0.1, 0.0, 0.0, 0.0]) ** 2
    turning = InstrumentalPolarization(telescope_q=w.real, telescope_u=w.imag, covariance=cov)
    clouds = np.array([1.0, 0.4, 0.7, 0.9])
    found, sky_stokes, _, _ = polarization(clouds, np.random.default_rng(4), zero=turning)
    assert found.sky is not None
    assert abs(sky_stokes.q - 0.10) < 3 * sky_stokes.q_err
    assert abs(sky_stokes.u + 0.04) < 3 * sky_stokes.u_err
    assert sky_stokes.q_err < 0.006


def test_a_clear_sky_is_left_alone():
    found, sky_stokes, _, _ = polarization(np.ones(4), np.random.default_rng(5))
    assert found.sky is None
    assert found.remarks == ()
    assert abs(sky_stokes.q - 0.10) < 3 * sky_stokes.q_err


def test_clouds_over_an_empty_field_are_refused():
    words = r"clouds: the other stars changed by 0\.9\d mag"
    with pytest.raises(AlgorithmFailed, match=words) as caught:
        polarization(np.array([1.0, 0.4, 0.7, 0.9]), np.random.default_rng(6), n=3)
    assert caught.value.numbers == {"stars": 3, "needed": 5}
    with pytest.raises(AlgorithmFailed, match="clouds or a spoilt frame") as caught:
        polarization(np.array([1.0, 0.4, 0.7, 0.9]), np.random.default_rng(6), n=0)
    assert "too few constant stars" in str(caught.value)


def test_few_stars_show_clouds_even_where_the_angles_agree():
    # 0 and 90 lose together what 45 and -45 lose together: the sums agree.
    with pytest.raises(AlgorithmFailed, match=r"clouds: the other stars changed by 0\.6"):
        polarization(np.array([0.85, 1.0, 0.7, 0.55]), np.random.default_rng(6), n=2)
    _, stokes, sky, target = polarization(np.ones(4), np.random.default_rng(6), n=2)
    assert abs(stokes.q - 0.10) < 3 * stokes.q_err
    assert sky.clouds_told_by_few(target) == (0.0, 2)
    *_, sky, target = polarization(np.ones(4), np.random.default_rng(6), n=0)
    assert sky.clouds_told_by_few(target) == (0.0, 0)


def two_beams(key, angle, rng, polarization=0.1, shift=(40.0, 0.0)):
    """A frame with both images of nine stars, all of them polarized alike, and both detected."""
    x, y = (a.ravel() for a in np.meshgrid([60.0, 190.0, 320.0], [60.0, 190.0, 320.0]))
    m = polarization * np.cos(4.0 * np.radians(angle))
    electrons = np.full((SIZE, SIZE), SKY * GAIN, dtype=np.float32)
    x, y = np.append(x, x + shift[0]), np.append(y, y + shift[1])
    flux = np.repeat([1e5 * (1 - m), 1e5 * (1 + m)], 9)
    add_stars(electrons, x, y, flux, Psf(FWHM))
    counts = rng.poisson(electrons).astype(np.float32)
    frame = Frame(
        counts / GAIN,
        counts / GAIN**2,
        np.zeros(electrons.shape, np.uint16),
        wcs=tan(),
        wcs_pair=tan(shift),
    )
    detections = {"x": x, "y": y, "flux": flux / GAIN, "flux_err": np.sqrt(flux), "flags": 0 * x}
    info = SimpleNamespace(
        instrument="Some", band="R", exptime=60.0, rotangle=angle, beam="", pixel_scale=0.4,
        jd_mid=2460000.5 + 2 * key / 1440, telescope="OSN-T090", instrument_angle=None,
    )  # fmt: skip
    return LoadedFrame(SimpleNamespace(id=key, info=info), frame, detections)


def test_the_other_image_of_a_star_is_no_star():
    """Of a polarized field the extraordinary images alone would say that the sky changes."""
    rng = np.random.default_rng(4)
    plugin = SimpleNamespace(
        polarimeter="half-wave plate", beams="image", angle_sense=1, angle_period=360.0
    )
    frames = [two_beams(key, angle, rng) for key, angle in enumerate((0.0, 22.5, 45.0, 67.5))]
    exposures = exposures_of(plugin, frames)
    nothing = InstrumentalPolarization()
    sky = CycleSky(frames, exposures, [], FWHM, nothing, GroupParameters(), {})
    told = sky.of(SourceRecord(1, "elsewhere", 331.0, 42.0))
    assert told.n_stars == 9
    assert not told.changes
    np.testing.assert_allclose(told.factor, 1.0, atol=4e-3)
