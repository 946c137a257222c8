"""Coverage of the intervals of p and chi, integrated over the observed signal."""

import numpy as np
import pytest
from scipy import special

from polarnight.polarimetry import intervals

TRUTHS = np.concatenate([np.arange(0.0, 4.0, 0.1), np.arange(4.0, 12.0, 0.5)])
X = (np.arange(6000) + 0.5) * 0.003


def rice_weights(a):
    weights = X * np.exp(-0.5 * (X - a) ** 2) * special.i0e(X * a)
    return weights / weights.sum()


def angle_probability(half_width_deg, concentration):
    """P(|2 dchi| < 2 half width) of a von Mises distribution, by Gauss-Legendre."""
    node, weight = np.polynomial.legendre.leggauss(48)
    limit = np.radians(2.0 * half_width_deg)[:, None]
    theta = 0.5 * limit * (node + 1.0)
    density = np.exp(concentration[:, None] * (np.cos(theta) - 1.0))
    density /= np.pi * special.i0e(concentration)[:, None]
    return 0.5 * limit[:, 0] * (density @ weight)


def test_feldman_cousins_interval_covers_exactly():
    low, high = intervals.rice_interval(X)
    for a in TRUTHS:
        coverage = rice_weights(a)[(low <= a) & (a <= high)].sum()
        assert coverage == pytest.approx(intervals.ONE_SIGMA, abs=0.004), a


def test_feldman_cousins_limits_are_ordered_and_reach_zero():
    low, high = intervals.rice_interval(X)
    assert np.all(np.diff(low) >= 0)
    assert np.all(np.diff(high) >= 0)
    assert np.all(low[X < 1.51] == 0)
    assert np.all(low[X > 1.53] > 0)


def test_symmetric_error_of_debiased_p_covers():
    estimate, width = intervals.mas(X), intervals.p_half_width(X)
    coverage = [rice_weights(a)[np.abs(estimate - a) <= width].sum() for a in TRUTHS]
    assert min(coverage) > 0.66
    assert max(coverage) < 0.70


def test_angle_error_covers_from_zero_signal():
    width = intervals.angle_half_width(X)
    coverage = []
    for a in TRUTHS:
        weights = rice_weights(a)
        used = weights > 1e-9
        inside = angle_probability(width[used], a * X[used])
        coverage.append(float(weights[used] @ inside))
    assert min(coverage) > 0.66
    assert max(coverage) < 0.70


def test_textbook_angle_error_would_not_cover():
    """The reason for the solved table: 28.65 deg / x at zero signal."""
    width = np.minimum(28.65 / X, 90.0)
    weights = rice_weights(0.0)
    assert weights @ (width / 90.0) < 0.40


def test_high_signal_limits():
    assert intervals.angle_half_width(100.0) == pytest.approx(28.6479 / 100, rel=1e-4)
    assert intervals.p_half_width(100.0) == pytest.approx(1.0)
    low, high = intervals.rice_interval(50.0)
    assert (low, high) == (pytest.approx(49.0, abs=0.02), pytest.approx(51.0, abs=0.02))


def test_mas_follows_its_formula_and_vanishes_with_the_signal():
    assert intervals.mas(3.0) == pytest.approx(3.0 - (1.0 - np.exp(-9.0)) / 6.0)
    assert intervals.mas(0.0) == pytest.approx(0.0, abs=1e-5)
    assert intervals.mas(1e-3) == pytest.approx(0.5e-3, rel=1e-3)


def test_mas_is_nearly_unbiased_above_two_sigma():
    for a in (2.0, 3.0, 5.0):
        assert abs(rice_weights(a) @ intervals.mas(X) - a) < 0.06


def test_wardle_kronberg():
    assert intervals.wardle_kronberg(2.0) == pytest.approx(np.sqrt(3.0))
    assert intervals.wardle_kronberg(0.7) == 0.0


@pytest.mark.parametrize("a", [1.01, 1.5, 2.0, 3.0, 6.0, 11.0])
def test_upper_limit_covers_exactly_above_one_sigma(a):
    coverage = rice_weights(a)[intervals.rice_upper_limit(X) >= a].sum()
    assert coverage == pytest.approx(0.95, abs=0.002) if a > 1.3 else coverage >= 0.949


def test_upper_limit_never_excludes_less_than_one_sigma():
    assert np.all(intervals.rice_upper_limit(X) >= 1.0)
    assert intervals.rice_upper_limit(80.0) == pytest.approx(81.645, abs=0.01)
    assert intervals.rice_upper_limit(3.0, 0.99) > intervals.rice_upper_limit(3.0) > 4.4


def test_nk_width_is_the_width_of_simulated_angles():
    rng = np.random.default_rng(11)
    for a in (0.0, 0.7, 1.5, 3.0, 8.0):
        noise = rng.standard_normal((2, 200_000))
        chi = 0.5 * np.degrees(np.arctan2(noise[1], a + noise[0]))
        inside = np.mean(np.abs(chi) < intervals.nk_half_width(a))
        assert inside == pytest.approx(intervals.ONE_SIGMA, abs=0.004), a
