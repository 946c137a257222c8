"""Large-scale structure, defects and the variance of few values."""

import numpy as np
import pytest

from polarnight.calibration.defects import hot_pixels, smooth_structure, unstable_pixels
from polarnight.calibration.noise import noise_ratio, regularised_variance
from polarnight.calibration.rules import MasterRules


@pytest.mark.parametrize("shape", [(64, 96), (70, 101), (10, 200), (5, 6)])
def test_a_plane_is_its_own_structure(shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    plane = (1.0 + 0.01 * x - 0.02 * y).astype("f4")
    smooth = smooth_structure(plane)
    assert smooth.shape == shape
    # Bilinear between the centres of blocks, and constant beyond the outermost of them.
    inner = (slice(8, shape[0] - 8), slice(8, shape[1] - 8))
    np.testing.assert_allclose(smooth[inner], plane[inner], atol=1e-5)
    assert abs(np.mean(smooth - plane)) < 5e-3


def test_holes_do_not_disturb_the_structure():
    plane = np.full((80, 80), 2.0, "f4")
    plane[::3, ::2] = np.nan
    plane[5, 5] = 1000.0
    plane[32:48, 32:48] = np.nan
    smooth = smooth_structure(plane)
    assert (np.isnan(smooth) | (smooth == 2.0)).all()
    assert np.isnan(smooth).sum() <= 32 * 32


def test_all_empty():
    assert np.isnan(smooth_structure(np.full((40, 40), np.nan, "f4"))).all()
    nothing = np.full((4, 4), np.nan, "f4")
    assert not hot_pixels(nothing, nothing, MasterRules()).any()


@pytest.mark.parametrize("n", [2, 3, 6, 20])
def test_noise_ratio_of_normal_values(n):
    rng = np.random.default_rng(n)
    values = rng.normal(0, 3.0, (n, 300, 300))
    scatter = values.var(axis=0, ddof=1) / n
    scatter[0, :90] = 1e6  # unstable pixels, 0.1 %, do not count
    expected = np.full((300, 300), 9.0 / n)
    count = np.full((300, 300), n, "u2")
    error = (2.0 / (90000 * (n - 1))) ** 0.5
    assert noise_ratio(scatter, count, expected) == pytest.approx(1.0, abs=5 * error + 0.02)
    false = unstable_pixels(scatter, count, expected, MasterRules())
    assert false[0, :90].all()
    assert false.sum() <= 91


def test_one_frame_has_no_scatter():
    nothing, one = np.full((3, 3), np.nan), np.ones((3, 3), "u2")
    assert noise_ratio(nothing, one, np.ones((3, 3))) == 1.0
    variance = regularised_variance(nothing, one, np.full((3, 3), 4.0), 1.0, 10.0)
    np.testing.assert_array_equal(variance, 4.0)
    assert not unstable_pixels(nothing, one, np.ones((3, 3)), MasterRules()).any()


def test_regularised_variance_is_the_weighted_mean():
    scatter = np.array([[8.0, np.nan, 8.0]])
    count = np.array([[5, 1, 0]], "u2")
    variance = regularised_variance(scatter, count, np.full((1, 3), 2.0), 1.5, 6.0)
    np.testing.assert_allclose(variance, [[(4 * 8.0 + 6 * 3.0) / 10, 3.0, np.nan]])
