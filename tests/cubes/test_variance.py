"""The variance of a combined value is the one it has."""

from __future__ import annotations

import math

import numpy as np
import pytest

from polarnight.cubes import combine
from polarnight.cubes.kernels.factors import median_inefficiency


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 10, 20, 27, 40])
@pytest.mark.parametrize("method", ["mean", "median", "clipped_mean", "clipped_median"])
@pytest.mark.parametrize("kind", ["scatter", "given", "scatter, least sigma"])
def test_variance_of_normal_noise(n, method, kind):
    columns = 40_000
    noise = np.random.default_rng(n).normal(50, 2, (n, 100, columns // 100)).astype(np.float32)
    given = np.full((100, columns // 100), 4, np.float32) if kind == "given" else None
    result = combine(noise, method, variance=given, min_sigma=2.0 if "least" in kind else 0.0)
    truth = np.var(result.value, dtype=float)
    # Four sigma of what this many columns can tell.
    error = 4 * math.sqrt(2 / columns) * (1 if kind == "given" else 1 + 2 / math.sqrt(n))
    assert np.mean(result.variance, dtype=float) == pytest.approx(truth, rel=error + 0.01)


def test_variance_where_an_outlier_was_clipped():
    noise = np.random.default_rng(1).normal(0, 2, (20, 100, 400)).astype(np.float32)
    noise[7] += 1000
    result = combine(noise, "clipped_mean", min_sigma=2.0)
    assert (result.count < 20).all()
    truth = np.var(result.value, dtype=float)
    assert np.mean(result.variance, dtype=float) == pytest.approx(truth, rel=0.04)


def test_one_value_has_no_scatter():
    assert np.isnan(combine(np.ones((1, 2, 3), "f4"), "mean").variance).all()
    given = combine(np.ones((1, 2, 3), "f4"), "median", variance=np.full((2, 3), 4, "f4"))
    np.testing.assert_array_equal(given.variance, 4)


def test_extremes_have_no_variance():
    frames = np.random.default_rng(2).normal(size=(5, 2, 3)).astype("f4")
    assert np.isnan(combine(frames, "max").variance).all()
    assert np.isnan(combine(frames, "min", variance=np.ones((2, 3), "f4")).variance).all()


def test_median_inefficiency_is_that_of_order_statistics():
    # Var(median of 3) of the standard normal is 1 - sqrt(3)/pi, see David and Nagaraja.
    assert median_inefficiency(3) == pytest.approx(3 * (1 - math.sqrt(3) / math.pi), abs=1e-6)
    assert median_inefficiency(1) == median_inefficiency(2) == 1
    assert median_inefficiency(10_001) == pytest.approx(math.pi / 2, rel=1e-4)
    # The exact table and the series beyond it meet.
    assert median_inefficiency(21) == pytest.approx(1.538455, abs=3e-4)
    assert median_inefficiency(22) == pytest.approx(1.477337, abs=3e-4)
    assert median_inefficiency(40) == pytest.approx(1.517643, abs=6e-4)
