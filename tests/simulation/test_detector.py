"""The detector: its mean and variance are those that error bars are computed from."""

from dataclasses import replace

import numpy as np
import pytest

from polarnight.simulation import get_simulation, make_chip, make_flat, read_out
from polarnight.simulation.cosmics import add_cosmic_rays

SHAPE = (200, 300)


@pytest.fixture
def camera():
    return replace(get_simulation("AndorT90").camera, bias_slope=0.0)


@pytest.mark.parametrize("electrons", [0.0, 30.0, 3000.0, 120000.0])
def test_mean_and_variance_of_a_pixel(camera, electrons):
    chip = make_chip(camera, SHAPE, 1)
    rng = np.random.default_rng(4)
    image = np.full(SHAPE, electrons, dtype=np.float32)
    frames = np.array([read_out(image, chip, camera, rng) for _ in range(12)], dtype=float)
    residual = frames - chip.bias - electrons / camera.gain
    variance = (electrons + camera.read_noise**2) / camera.gain**2 + 1.0 / 12.0
    n = residual.size
    assert residual.mean() == pytest.approx(0.0, abs=4.0 * np.sqrt(variance / n))
    assert residual.var() == pytest.approx(variance, rel=4.0 * np.sqrt(2.0 / n))


def test_saturation_and_zero_are_the_ends(camera):
    chip = make_chip(camera, SHAPE, 1)
    image = np.full(SHAPE, 1e9, dtype=np.float32)
    raw = read_out(image, chip, camera, np.random.default_rng(5))
    assert raw.dtype == np.uint16
    assert (raw == 65535).all()
    low = replace(camera, bias=-1000.0)
    empty = np.zeros(SHAPE, dtype=np.float32)
    raw = read_out(empty, make_chip(low, SHAPE, 1), low, np.random.default_rng(5))
    assert (raw == 0).all()


def test_the_chip_is_the_same_every_night(camera):
    first, second = make_chip(camera, SHAPE, 1), make_chip(camera, SHAPE, 1)
    np.testing.assert_array_equal(first.bias, second.bias)
    np.testing.assert_array_equal(first.dark, second.dark)
    assert first.dark.max() > 100 * camera.dark_current  # hot pixels
    assert not make_chip(camera, SHAPE, 1, hot_pixels=False).dead.any()


def test_each_light_path_has_its_own_dust_on_one_chip(camera):
    chip = make_chip(camera, SHAPE, 1, hot_pixels=False)
    r, v = make_flat(camera, chip, "R"), make_flat(camera, chip, "V")
    assert not np.array_equal(r, v)
    np.testing.assert_array_equal(r, make_flat(camera, chip, "R"))
    # Flats of different light paths say nothing of their throughput.
    assert np.median(r) == pytest.approx(1.0) == np.median(v)
    # Pixel to pixel, the two share the response of the chip.
    ratio = (r / v)[:20, :20]
    assert ratio.std() < 0.3 * (r[:20, :20] / np.median(r[:20, :20])).std() + 1e-3
    vignetted = make_flat(camera, chip, "R", vignetting=0.3)
    middle = np.median(vignetted[SHAPE[0] // 2 - 20 :, SHAPE[1] // 2 - 20 :][:40, :40])
    assert np.median(vignetted[:10, :10]) < 0.76 * middle


def test_junk_of_cafos():
    cafos = get_simulation("CAFOS2.2").camera
    chip = make_chip(cafos, SHAPE, 1)
    raw = read_out(np.zeros(SHAPE, np.float32), chip, cafos, np.random.default_rng(6))
    assert np.median(raw[0]) > 5000
    assert np.median(raw[5:, 0]) < 40
    assert np.median(raw[5:, 5:]) == pytest.approx(672, abs=2)


def test_cosmic_rays_hit_as_often_as_told():
    rng = np.random.default_rng(7)
    counts = [add_cosmic_rays(np.zeros((100, 100), np.float32), 5.0, rng) for _ in range(200)]
    assert np.mean(counts) == pytest.approx(5.0, abs=4.0 * np.sqrt(5.0 / 200))
    image = np.zeros((100, 100), np.float32)
    n = add_cosmic_rays(image, 5.0, rng)
    assert n > 0
    assert 0 < np.count_nonzero(image) < 40 * n
    assert image[image > 0].min() >= 300
