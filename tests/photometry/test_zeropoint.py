import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.photometry import (
    ensemble_light_curves,
    fit_zero_point_colour,
    instrumental_magnitude,
    upper_limit,
    zero_point,
    zeropoint,
)

OUTLIER = [22.00, 22.02, 21.98, 22.01, 22.60]


def test_weighted_mean_with_one_outlier():
    mean = zero_point(OUTLIER, [0.01] * 5, method="weighted mean")
    assert mean.value == pytest.approx(22.122, abs=5e-4)
    assert mean.err == pytest.approx(0.120, abs=5e-4)
    assert mean.inflation == pytest.approx(26.8, abs=0.05)


def test_student_is_robust_against_one_outlier():
    robust = zero_point(OUTLIER, [0.01] * 5)
    assert robust.method == "student-t"
    assert robust.value == pytest.approx(22.004, abs=5e-4)
    assert robust.err == pytest.approx(0.019, abs=5e-4)
    assert robust.inflation == pytest.approx(3.8, abs=0.05)
    assert robust.residuals[-1] == pytest.approx(0.596, abs=1e-3)


def test_estimate_is_the_maximum_of_the_likelihood():
    """Against a fine grid over zero point and inflation."""
    rng = np.random.default_rng(1)
    zps = np.append(20.0 + 0.03 * rng.standard_normal(6), 20.4)
    errs = rng.uniform(0.01, 0.04, 7)
    found = zero_point(zps, errs)
    scale = errs / 1.1968897
    grid = np.linspace(found.value - 0.02, found.value + 0.02, 401)
    logs = np.linspace(0.0, 3.0, 1501)
    t = (zps - grid[:, None, None]) / (scale * np.exp(logs)[None, :, None])
    cost = 2.0 * np.log1p(t**2 / 3.0).sum(axis=-1) + 7 * logs
    best = np.unravel_index(np.argmin(cost), cost.shape)
    assert grid[best[0]] == pytest.approx(found.value, abs=2e-4)
    assert np.exp(logs[best[1]]) == pytest.approx(found.inflation, rel=5e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 12])
def test_errors_cover_for_any_number_of_calibrators(n):
    rng = np.random.default_rng(n)
    inside = []
    for _ in range(1000):
        errs = 0.01 * rng.uniform(0.5, 2.0, n)
        found = zero_point(15.0 + errs * rng.standard_normal(n), errs)
        inside.append(abs(found.value - 15.0) < found.err)
    # 1000 cases: 1.5 % each way; 3 of it around the nominal 0.683.
    assert np.mean(inside) == pytest.approx(0.683, abs=0.045)


def test_calibrators_that_are_not_usable_are_left_out():
    found = zero_point([20.0, np.nan, 20.1, 20.05], [0.01, 0.01, 0.0, 0.01])
    assert found.n == 2
    assert found.used.tolist() == [True, False, False, True]
    assert found.method == "weighted mean"


def test_equal_calibrators_and_huge_scatter():
    same = zero_point([20.0] * 6, [0.01] * 6)
    assert same.value == pytest.approx(20.0, abs=1e-6)
    assert 0.003 < same.err < 0.006
    wild = zero_point([10.0, 20.0, 30.0, 40.0], [1e-4] * 4)
    assert np.isfinite(wild.value)
    assert wild.err > 1e-2


def test_no_calibrators():
    with pytest.raises(AlgorithmFailed, match="no calibrator"):
        zero_point([np.nan], [0.1])
    with pytest.raises(ValueError, match="equal"):
        zero_point([1.0], [0.1, 0.2])
    with pytest.raises(ValueError, match="method"):
        zero_point([1.0], [0.1], method="median")


def test_colour_term_with_a_variable_star_among_the_calibrators():
    rng = np.random.default_rng(3)
    colour = rng.uniform(0.2, 1.6, 25)
    errs = rng.uniform(0.005, 0.02, 25)
    zps = 23.5 - 0.12 * colour + errs * rng.standard_normal(25)
    zps[4] += 0.8
    line = fit_zero_point_colour(zps, colour, errs)
    assert abs(line.slope + 0.12) < 3 * line.slope_err
    value, err = line.at(1.0)
    assert abs(value - 23.38) < 3 * err
    assert line.slope_err < 0.02
    assert line.residuals[4] == pytest.approx(0.8, abs=0.05)


def test_colour_term_errors_cover():
    rng = np.random.default_rng(4)
    pulls = []
    for _ in range(400):
        colour, errs = rng.uniform(0.2, 1.5, 10), rng.uniform(0.005, 0.02, 10)
        line = fit_zero_point_colour(
            22.0 + 0.1 * colour + errs * rng.standard_normal(10), colour, errs
        )
        pulls.append(
            ((line.slope - 0.1) / line.slope_err, (line.at(2.0)[0] - 22.2) / line.at(2.0)[1])
        )
    assert np.std(pulls, axis=0) == pytest.approx([1.0, 1.0], abs=0.12)


def test_colour_term_needs_colours():
    with pytest.raises(AlgorithmFailed, match="four calibrators"):
        fit_zero_point_colour([1.0] * 5, [0.5] * 5, [0.1] * 5)


def test_instrumental_magnitude_is_per_second():
    m, e = instrumental_magnitude([1e4, -5.0], [100.0, 3.0], 100.0)
    assert m[0] == pytest.approx(-5.0)
    assert e[0] == pytest.approx(0.010857, rel=1e-4)
    assert np.isnan(m[1])
    with pytest.raises(ValueError, match="exposure"):
        instrumental_magnitude(1.0, 1.0, 0.0)


def test_upper_limit_counts_the_measured_flux():
    assert upper_limit(-4.0, 2.0, 1.0) == pytest.approx(-2.5 * np.log10(6.0))
    assert upper_limit(5.0, 2.0, 1.0) == pytest.approx(-2.5 * np.log10(11.0))


def test_ensemble_removes_clouds_and_keeps_a_variable():
    rng = np.random.default_rng(5)
    n_frames, n_stars = 30, 8
    clouds = rng.uniform(0.0, 0.6, n_frames)
    true = rng.uniform(-12, -9, n_stars)
    errors = np.full((n_frames, n_stars), 0.01)
    wave = 0.2 * np.sin(np.linspace(0, 6, n_frames))
    mags = true + clouds[:, None] + 0.01 * rng.standard_normal((n_frames, n_stars))
    mags[:, 0] += wave
    mags[:, 3] += 0.5 * (np.arange(n_frames) % 2)  # a bad comparison star
    mags[7, 5] = np.nan
    chosen = np.arange(n_stars) > 0
    curves = ensemble_light_curves(mags, errors, chosen)
    target = curves.magnitude[:, 0] - np.median(curves.magnitude[:, 0] - wave)
    assert np.std(target - wave) < 0.015
    assert np.isnan(curves.magnitude[7, 5])
    assert np.corrcoef(curves.offset, clouds)[0, 1] > 0.999
    assert np.flatnonzero(curves.variable).tolist() == [3]
    assert not curves.comparison[[0, 3]].any()


@pytest.mark.parametrize("n_comparison", [2, 3, 4])
def test_one_comparison_star_of_few_varies(n_comparison):
    rng = np.random.default_rng(8)
    n = 20
    errors = np.full((n, n_comparison + 1), 0.01)
    mags = rng.uniform(0.0, 0.6, n)[:, None] + errors * rng.standard_normal(errors.shape)
    mags[:, 2] += 0.2 * np.sin(np.arange(n) / 3.0)
    curves = ensemble_light_curves(mags, errors, np.arange(n_comparison + 1) > 0)
    # Two that disagree do not tell which one varies.
    assert np.flatnonzero(curves.variable).tolist() == ([] if n_comparison == 2 else [2])
    pull = curves.magnitude[:, 0] / curves.error[:, 0]
    if n_comparison > 2:
        assert 0.7 < np.std(pull) < 1.3
    else:
        assert np.median(curves.error[:, 0]) > 0.02


def test_steady_comparison_stars_are_kept():
    rng = np.random.default_rng(9)
    dropped = 0
    for _ in range(4):
        errors = np.full((12, 6), 0.01)
        mags = rng.uniform(0.0, 0.6, 12)[:, None] + 0.013 * rng.standard_normal(errors.shape)
        dropped += int(ensemble_light_curves(mags, errors, np.arange(6) > 0).variable.sum())
    assert dropped == 0


def test_ensemble_of_nothing():
    with pytest.raises(AlgorithmFailed, match="comparison"):
        ensemble_light_curves([[1.0]], [[0.1]], [False])


@pytest.mark.parametrize("wrong", [0.0, 0.3, 5.0, 1e5])
def test_starts_have_the_costs_of_the_likelihood(wrong):
    """All at once or one at a time, at both bounds of the inflation too."""
    rng = np.random.default_rng(3)
    errors = rng.uniform(0.003, 0.05, 12)
    values = 22.0 + errors * rng.standard_normal(12)
    values[:4] += wrong
    student = zeropoint._Student(values, errors)
    starts = np.concatenate([np.sort(values), values.mean() + np.array([0.0, 1e-3, 1e7])])
    one_by_one = [student.profile(float(z)) for z in starts]
    inflations = [log_k for _, log_k in one_by_one]
    assert max(inflations) == pytest.approx(np.log(zeropoint.MAX_INFLATION))
    assert (min(inflations) == 0) == (wrong < 0.3)
    costs = student._profiles(starts)
    np.testing.assert_allclose(costs, [cost for cost, _ in one_by_one], rtol=1e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zeropoint, "_BLOCK", 25)  # two starts at once
        np.testing.assert_allclose(student._profiles(starts), costs, rtol=1e-9)
