"""The ratio of two flats tells noise, large scales and dust apart."""

import numpy as np
import pytest

from polarnight.calibration.comparison import flat_ratio
from polarnight.errors import BadFrame
from polarnight.frames import Bit, Frame

SHAPE = (240, 300)
NOISE = 0.002


def a_flat(rng, factor=1.0):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    shape = 1.0 - 0.1 * np.hypot(x / 300 - 0.5, y / 240 - 0.5) ** 2
    data = shape * factor * (1.0 + rng.normal(0.0, NOISE, SHAPE))
    data /= np.median(data)
    variance = np.full(SHAPE, (NOISE * 0.99) ** 2, np.float32)
    return Frame(data.astype(np.float32), variance, np.zeros(SHAPE, np.uint16))


def ring(x0, y0, radius, depth):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return 1.0 - depth * (np.hypot(x - x0, y - y0) < radius)


def test_two_flats_of_one_night_differ_by_their_noise():
    rng = np.random.default_rng(1)
    ratio = flat_ratio(a_flat(rng), a_flat(rng))
    assert ratio.rms == pytest.approx(NOISE * 2**0.5, rel=0.03)
    assert ratio.noise == pytest.approx(NOISE * 2**0.5, rel=0.05)
    assert ratio.excess < 0.0007
    assert ratio.large_scale < 0.001
    assert (ratio.new_spots, ratio.gone_spots) == (0, 0)


def test_dust_comes_and_goes():
    rng = np.random.default_rng(2)
    old, new = ring(60, 50, 8, 0.03), ring(200, 150, 8, 0.03) * ring(100, 200, 6, 0.02)
    ratio = flat_ratio(a_flat(rng, new), a_flat(rng, old))
    assert (ratio.new_spots, ratio.gone_spots) == (2, 1)
    assert ratio.large_scale < 0.01
    # A shadow of half a per cent is none of one per cent, and is one of a third.
    faint = a_flat(rng, ring(200, 150, 10, 0.005))
    assert flat_ratio(faint, a_flat(rng)).new_spots == 0
    assert flat_ratio(faint, a_flat(rng), 0.003).new_spots == 1


def test_large_scales():
    rng = np.random.default_rng(3)
    x = np.mgrid[: SHAPE[0], : SHAPE[1]][1]
    ratio = flat_ratio(a_flat(rng, 1.0 + 0.05 * (x / 300 - 0.5)), a_flat(rng))
    # The centre of the outermost of twelve blocks is 11/24 from the middle.
    assert ratio.large_scale == pytest.approx(0.05 * 11 / 24, rel=0.05)
    assert ratio.excess < 0.001
    assert ratio.new_spots == 0


def test_more_scatter_than_noise_is_excess():
    rng = np.random.default_rng(4)
    ratio = flat_ratio(a_flat(rng, 1.0 + rng.normal(0.0, 0.01, SHAPE)), a_flat(rng))
    assert ratio.excess == pytest.approx(0.01, rel=0.05)


def test_bad_pixels_do_not_count_and_other_sizes_are_refused():
    rng = np.random.default_rng(5)
    flat, previous = a_flat(rng), a_flat(rng)
    flat.bits[100:140, 100:140] = Bit.BAD_PIXEL
    flat.data[100:140, 100:140] = 0.1
    assert flat_ratio(flat, previous).new_spots == 0
    flat.bits[:] = Bit.LOW_FLAT
    with pytest.raises(ValueError, match="hardly any pixel"):
        flat_ratio(flat, previous)
    small = Frame(previous.data[:100], previous.variance[:100], previous.bits[:100])
    with pytest.raises(ValueError, match="its size is"):
        flat_ratio(previous, small)


def test_a_file_that_is_no_flat(tmp_path):
    from polarnight.calibration.comparison import compare_flats

    with pytest.raises(BadFrame):
        compare_flats(tmp_path / "none.fits", tmp_path / "none.fits")
