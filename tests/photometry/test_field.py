"""Zero points of a field: an illumination is found where there is one, and only there."""

import numpy as np
import pytest

from polarnight.photometry import fit_field_zero_point, foreign_light


def calibrators(rng, n=60, amplitude=0.0, outliers=0):
    x, y = rng.uniform(0, 1000, (2, n))
    colour = rng.uniform(0.2, 1.2, n)
    error = rng.uniform(0.01, 0.03, n)
    pattern = amplitude * ((x / 500 - 1) ** 2 - 0.5 * (y / 500 - 1))
    zps = 22.0 + 0.15 * colour + pattern + error * rng.standard_normal(n)
    zps[:outliers] += rng.uniform(0.5, 1.5, outliers)
    return zps, colour, error, np.column_stack([x, y]), pattern


def test_an_illumination_is_found_and_measured():
    rng = np.random.default_rng(3)
    zps, colour, error, xy, pattern = calibrators(rng, amplitude=0.1, outliers=5)
    fit = fit_field_zero_point(zps, colour, error, xy, (1000, 1000))
    assert fit.illumination is not None
    got = fit.corrections(xy[:, 0], xy[:, 1])
    good = slice(5, None)
    assert np.std((got - got.mean() - pattern + pattern.mean())[good]) < 0.01
    assert fit.line.slope == pytest.approx(0.15, abs=4 * fit.line.slope_err)
    # From -0.05 to 0.15 along x at the edges and back, minus and plus 0.05 along y.
    assert fit.illumination.peak_to_peak == pytest.approx(0.2, abs=0.03)
    assert fit.at(500.0, 500.0) == pytest.approx(
        float(fit.corrections([500.0], [500.0])[0]), abs=1e-12
    )


@pytest.mark.parametrize(("x", "y", "colour"), [(950.0, 60.0, 1.1), (500.0, 500.0, 0.7)])
def test_the_error_at_a_position_holds_the_error_of_the_illumination(x, y, colour):
    rng = np.random.default_rng(8)
    pulls = []
    for _ in range(250):
        zps, tints, error, xy, _ = calibrators(rng, n=50, amplitude=0.15)
        fit = fit_field_zero_point(zps, tints, error, xy, (1000, 1000))
        assert fit.illumination is not None
        value, err = fit.zero_point(x, y, colour)
        truth = 22.0 + 0.15 * colour + 0.15 * ((x / 500 - 1) ** 2 - 0.5 * (y / 500 - 1))
        pulls.append((value - truth) / err)
        assert value == pytest.approx(fit.line.at(colour)[0] + fit.at(x, y))
    assert abs(np.mean(pulls)) < 0.25
    # Without the covariance of the pattern the pulls scatter by 2.
    assert 0.85 < np.std(pulls) < 1.2


def test_without_illumination_the_zero_point_is_that_of_the_line():
    rng = np.random.default_rng(9)
    zps, tints, error, xy, _ = calibrators(rng, n=15)
    fit = fit_field_zero_point(zps, tints, error, xy, (1000, 1000))
    assert fit.zero_point(10.0, 900.0, 1.0) == pytest.approx(fit.line.at(1.0))
    assert fit.zero_point(10.0, 900.0) == pytest.approx((fit.line.value, fit.line.err))


def test_none_is_invented():
    rng = np.random.default_rng(11)
    found = 0
    for _ in range(200):
        zps, colour, error, xy, _ = calibrators(rng, n=40)
        found += fit_field_zero_point(zps, colour, error, xy, (1000, 1000)).illumination is not None
    assert found <= 6


def test_few_stars_get_a_colour_term_only():
    rng = np.random.default_rng(5)
    zps, colour, error, xy, _ = calibrators(rng, n=12, amplitude=0.3)
    fit = fit_field_zero_point(zps, colour, error, xy, (1000, 1000))
    assert fit.illumination is None
    assert fit.at(3.0, 4.0) == 0.0
    assert np.array_equal(fit.corrections([1.0, 2.0], [3.0, 4.0]), np.zeros(2))


def test_foreign_light_of_a_pair_across_zero_hours():
    ra, dec = [359.9999, 0.0001, 10.0], [0.0, 0.0, 0.0]
    share = foreign_light(ra, dec, [1.0, 2.0, 5.0], radius=3.0, sigma=1.0)
    assert share == pytest.approx([2.0, 0.5, 0.0])


def test_foreign_light_fades_outside_the_aperture():
    shares = [
        foreign_light([10.0, 10.0], [0.0, d / 3600], [1.0, 1.0], radius=3.0, sigma=1.0)[0]
        for d in (2.0, 3.0, 4.0, 5.0, 8.0)
    ]
    assert shares[:2] == [1.0, 1.0]
    assert shares == sorted(shares, reverse=True)
    assert shares[2] == pytest.approx(np.exp(-0.5), rel=1e-6)
    assert shares[-1] == 0.0
    assert foreign_light([], [], [], 3.0, 1.0).size == 0
    assert np.isinf(foreign_light([1.0], [1.0], [0.0], 3.0, 1.0)[0])
