"""Detection finds what was drawn, where and as bright as it was drawn."""

import numpy as np
import pytest
from astropy.table import Table
from scipy.signal import fftconvolve
from scipy.spatial import cKDTree

from polarnight.astrometry import DetectionFlag, Detections, detect
from polarnight.errors import AlgorithmFailed
from polarnight.frames import Bit

SHAPE = (512, 640)
FWHM = 3.6


@pytest.fixture(scope="module")
def scene(field):
    rng = np.random.default_rng(5)
    grid_y, grid_x = np.mgrid[30:500:45, 30:620:45]
    x = (grid_x + rng.uniform(-8, 8, grid_x.shape)).ravel()
    y = (grid_y + rng.uniform(-8, 8, grid_y.shape)).ravel()
    flux = 10 ** rng.uniform(3.3, 5.0, x.size)
    image = field.draw(rng, SHAPE, x, y, flux, FWHM)
    return image, x, y, flux


def _match(found, x, y):
    distance, index = cKDTree(found.xy).query(np.column_stack([x, y]))
    return distance, index


def test_finds_all_and_nothing_else(scene):
    image, x, y, flux = scene
    found = detect(image, np.full(SHAPE, 100.0, np.float32), pixel_scale=0.5)
    distance, index = _match(found, x, y)
    assert (distance < 1.0).all()
    assert len(found) < len(x) + 10
    assert found.fwhm_median == pytest.approx(FWHM, rel=0.05)
    assert found.background_level == pytest.approx(200, abs=1)
    assert found.background_rms == pytest.approx(10, rel=0.03)
    assert (np.diff(found.flux) <= 0).all()
    bright = flux > 3e4
    assert np.sqrt(np.mean(distance[bright] ** 2)) < 0.04
    # 1.5 FWHM hold 99.8 % of a Gaussian.
    ratio = found.flux[index[bright]] / flux[bright]
    assert ratio.mean() == pytest.approx(0.998, abs=0.01)
    assert found.clean[index].mean() > 0.9


def test_flux_errors_are_those_of_the_aperture(scene):
    image, *_ = scene
    found = detect(image, np.full(SHAPE, 100.0, np.float32), pixel_scale=0.5)
    # sky noise only, as the variance plane says: sqrt(area) * 10
    area = np.pi * (1.5 * FWHM) ** 2
    assert np.median(found.flux_err) == pytest.approx(np.sqrt(area) * 10, rel=0.06)


def test_same_frame_same_answer(scene):
    image, *_ = scene
    one, two = (detect(image.copy(), pixel_scale=0.5) for _ in range(2))
    np.testing.assert_array_equal(one.xy, two.xy)
    np.testing.assert_array_equal(one.flux, two.flux)


def test_flags(field):
    rng = np.random.default_rng(1)
    x, y = np.array([100.0, 200.0, 300.0, 1.0]), np.array([100.0, 200.0, 300.0, 250.0])
    image = field.draw(rng, SHAPE, x, y, np.full(4, 5e4), FWHM)
    bits = np.zeros(SHAPE, np.uint16)
    bits[99:102, 99:102] = Bit.SATURATED
    bits[201, 201] = Bit.COSMIC_RAY
    image[201, 201] = 6e4
    before = image.copy()
    found = detect(image, None, bits, pixel_scale=0.5)
    np.testing.assert_array_equal(image, before)
    distance, index = _match(found, x, y)
    assert (distance < 2.0).all()
    flags = found.flags[index]
    assert flags[0] == DetectionFlag.SATURATED
    assert flags[1] & DetectionFlag.MASKED
    assert distance[1] < 0.5  # the cosmic ray does not draw the centroid
    assert flags[2] == 0
    assert flags[3] & DetectionFlag.NEAR_EDGE


def test_nan_and_blank_are_left_out(field):
    rng = np.random.default_rng(2)
    image = field.draw(rng, SHAPE, [300.0], [300.0], [5e4], FWHM)
    image[:, :200] = np.nan
    bits = np.zeros(SHAPE, np.uint16)
    bits[:50] = Bit.NO_DATA
    image[10, 400] = 1e9
    found = detect(image, None, bits, pixel_scale=0.5)
    assert np.hypot(found.x[0] - 300, found.y[0] - 300) < 0.1
    assert (found.y > 45).all()
    assert np.isfinite(found.xy).all()


def test_blank_sky_gives_nothing_much():
    rng = np.random.default_rng(3)
    found = detect(rng.normal(100, 5, SHAPE).astype(np.float32), pixel_scale=0.5)
    assert len(found) < 5
    constant = detect(np.full(SHAPE, 7.0), pixel_scale=0.5)
    assert len(constant) == 0
    assert np.isnan(constant.fwhm_median)


def test_all_nan_is_refused():
    with pytest.raises(AlgorithmFailed, match="hardly any usable pixel"):
        detect(np.full(SHAPE, np.nan), pixel_scale=0.5)


def test_table_round_trip_through_fits(scene, tmp_path):
    image, *_ = scene
    found = detect(image, pixel_scale=0.5)
    found.to_table().write(tmp_path / "sources.fits")
    again = Detections.from_table(Table.read(tmp_path / "sources.fits"))
    np.testing.assert_array_equal(again.xy, found.xy)
    np.testing.assert_array_equal(again.flags, found.flags)
    assert again.flags.dtype == np.uint16
    assert again.fwhm_median == found.fwhm_median


def _crisp(rng, field, fwhm=3.0, n=30):
    x, y = rng.uniform(20, 380, n), rng.uniform(20, 380, n)
    flux = 10 ** rng.uniform(4.0, 5, n)
    return x, y, field.draw(rng, (400, 400), x, y, flux, fwhm, noise=0.0) - 200.0


def _placed(found, x, y, within):
    return sum(np.hypot(found.x - a, found.y - b).min() < within for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("shape", ["ring", "trail"])
def test_images_out_of_shape_are_one_source_each(field, shape):
    """Defocused rings and trails fall into pieces under a filter for stars in focus."""
    rng = np.random.default_rng(4)
    x, y = (g.ravel() + rng.uniform(-9, 9, 36) for g in np.meshgrid(*2 * [np.arange(40, 400, 62)]))
    flux = 10 ** rng.uniform(4.6, 5.2, 36)
    stars = field.draw(rng, (400, 400), x, y, flux, 3.0, noise=0.0) - 200.0
    v, u = np.mgrid[-12:13, -12:13]
    ring = (np.hypot(u, v) < 12) & (np.hypot(u, v) > 8)
    trail = (np.abs(u - v) < 1) & (np.abs(u) < 9)
    kernel = (ring if shape == "ring" else trail).astype(float)
    image = fftconvolve(stars, kernel / kernel.sum(), mode="same")
    found = detect(image + rng.normal(200, 10, image.shape), pixel_scale=0.6)
    clean = found.select(found.clean)
    assert _placed(clean, x, y, 2.0) >= 34
    assert len(clean) <= 38
    assert found.fwhm_median > 8


def test_stars_in_a_nebula(field):
    """Filaments, brighter than the stars, are not taken for stars in focus."""
    rng = np.random.default_rng(5)
    x, y, stars = _crisp(rng, field)
    k = np.hypot(np.fft.fftfreq(400)[:, None], np.fft.rfftfreq(400)[None, :])
    noise = np.fft.rfft2(rng.standard_normal((400, 400)))
    power = np.maximum(k, 1 / 400) ** -1.8 * np.exp(-((k / 0.08) ** 2))
    glow = np.fft.irfft2(noise * power, s=(400, 400))
    image = stars + 4000.0 * np.exp(-3 * np.abs(glow / glow.std()))
    found = detect(image + rng.normal(200, 10, image.shape), pixel_scale=0.6)
    assert 2.5 < found.fwhm_median < 4.5
    clean = found.select(found.clean)
    # Four with the usual mesh alone.
    assert _placed(clean, x, y, 2.0) >= 12
    assert len(clean) < 20


def test_columns_do_not_make_long_sources_usual(field):
    rng = np.random.default_rng(6)
    _, _, image = _crisp(rng, field)
    image = image + rng.normal(200, 10, image.shape)
    columns = rng.integers(0, 400, 12)
    image[:, columns] += 300.0
    found = detect(image, pixel_scale=0.6)
    long = found.elongation > 4
    assert long.any()
    assert (found.flags[long] & DetectionFlag.NOT_STELLAR != 0).all()
