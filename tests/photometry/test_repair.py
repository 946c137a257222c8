"""Filled pixels must leave the flux of a star unbiased within the error they add."""

import numpy as np
import pytest

from polarnight.frames import Bit
from polarnight.photometry.repair import repair_pixels


def star(fwhm, flux, shape=(41, 41), centre=(20.3, 19.8)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    sigma = fwhm / 2.3548
    r2 = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    return flux / (2 * np.pi * sigma**2) * np.exp(-0.5 * r2 / sigma**2)


@pytest.mark.parametrize("fwhm", [3.0, 4.0, 6.0])
def test_error_of_filled_pixels_is_honest(fwhm):
    rng = np.random.default_rng(5)
    truth = star(fwhm, 2e5) + 100.0
    pulls, shares = [], []
    for _ in range(300):
        data = rng.poisson(truth).astype(np.float32)
        y, x = rng.integers(16, 25, 2)
        bits = np.zeros(truth.shape, np.uint16)
        bits[y, x] = Bit.BAD_PIXEL
        data[y, x] = 6e4
        variance = truth.astype(np.float32)
        new, var, marked = repair_pixels(data, variance, bits, [(20.3, 19.8)], 8.0)
        pulls.append((new[y, x] - truth[y, x]) / np.sqrt(var[y, x]))
        shares.append(abs(new[y, x] - truth[y, x]) / 2e5)
        assert marked[y, x] == Bit.INTERPOLATED
        untouched = np.ones(truth.shape, bool)
        untouched[y, x] = False
        assert np.array_equal(new[untouched], data[untouched])
    pulls = np.array(pulls)
    assert np.mean(np.abs(pulls) < 1) > 0.6
    assert np.mean(np.abs(pulls) < 3) > 0.97
    assert np.max(shares) < 0.01


def test_saturated_and_far_pixels_stay():
    data = np.full((20, 20), 5.0, np.float32)
    bits = np.zeros((20, 20), np.uint16)
    bits[10, 10] = Bit.SATURATED
    bits[2, 2] = Bit.BAD_PIXEL
    new, _, marked = repair_pixels(data, data, bits, [(10.0, 10.0)], 4.0)
    assert np.array_equal(marked, bits)
    assert np.array_equal(new, data)


def test_a_large_hole_is_left_alone():
    data = np.full((20, 20), 5.0, np.float32)
    bits = np.zeros((20, 20), np.uint16)
    bits[6:14, 6:14] = Bit.NO_DATA
    _, _, marked = repair_pixels(data, data, bits, [(10.0, 10.0)], 2.0)
    assert marked[10, 10] == Bit.NO_DATA


def test_positions_outside_or_unknown_are_harmless():
    data = np.full((20, 20), 5.0, np.float32)
    bits = np.zeros((20, 20), np.uint16)
    bits[0, 0] = Bit.BAD_PIXEL
    places = [(np.nan, 3.0), (-50.0, 2.0), (500.0, 500.0), (0.0, 0.0)]
    new, _, marked = repair_pixels(data, data, bits, places, 3.0)
    assert np.isfinite(new).all()
    assert marked[0, 0] in (Bit.BAD_PIXEL, Bit.INTERPOLATED)


def test_holes_in_the_core_of_a_star_are_left_and_narrow_tracks_filled_honestly():
    rng = np.random.default_rng(2)
    excess, left = [], 0
    for _ in range(300):
        centre = 20.0 + rng.uniform(-0.5, 0.5, 2)
        truth = star(2.8, 10 ** rng.uniform(4.0, 5.5), centre=centre) + 60.0
        data = rng.poisson(truth).astype(np.float32)
        bits = np.zeros(truth.shape, np.uint16)
        steps = np.arange(0.0, 1.0 + rng.exponential(3.0), 0.7)
        angle, start = rng.uniform(0.0, 2.0 * np.pi), centre + rng.uniform(-2.0, 2.0, 2)
        y = np.clip(start[1] + steps * np.sin(angle), 1, 39).astype(int)
        x = np.clip(start[0] + steps * np.cos(angle), 1, 39).astype(int)
        bits[y, x] = Bit.COSMIC_RAY
        if rng.uniform() < 0.4:  # the finder of cosmic rays has taken half of the core too
            bits[19:22, 19:22] |= (rng.uniform(size=(3, 3)) < 0.7) * np.uint16(Bit.COSMIC_RAY)
        new, var, marked = repair_pixels(data, truth.astype(np.float32), bits, [centre], 6.0)
        inside = np.hypot(*(np.indices(truth.shape) - centre[::-1, None, None])) < 3.6
        if (marked[inside] & Bit.COSMIC_RAY).any():
            left += 1
            continue
        filled = inside & (bits > 0)
        error = np.sqrt(truth[inside].sum() + var[filled].sum())
        excess.append((new - truth)[filled].sum() / error)
    assert 60 < left < 240
    assert np.max(np.abs(excess)) < 3.0
    assert np.std(excess) < 0.8


def test_a_hole_in_mere_sky_is_filled():
    rng = np.random.default_rng(4)
    data = (100.0 + 10.0 * rng.standard_normal((20, 20))).astype(np.float32)
    bits = np.zeros((20, 20), np.uint16)
    bits[9:11, 9:12] = Bit.COSMIC_RAY
    data[9:11, 9:12] = 3e4
    new, var, marked = repair_pixels(data, np.full_like(data, 100.0), bits, [(10, 10)], 4.0)
    assert np.all(marked[9:11, 9:12] == Bit.INTERPOLATED)
    assert np.all(np.abs(new[9:11, 9:12] - 100.0) < 5.0 * np.sqrt(var[9:11, 9:12]))
