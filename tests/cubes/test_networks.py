"""Sorting networks sort."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from polarnight.cubes.kernels.networks import median_network, sorting_network


def run(pairs, values):
    values = values.copy()
    for i, j in pairs:
        low, high = np.minimum(values[i], values[j]), np.maximum(values[i], values[j])
        values[i], values[j] = low, high
    return values


@pytest.mark.parametrize("n", range(1, 15))
def test_every_small_network_sorts_all_zeros_and_ones(n):
    # What sorts all sequences of 0 and 1 sorts everything (Knuth 5.3.4, theorem Z).
    cases = np.array(list(itertools.product([0, 1], repeat=n))).T
    expected = np.sort(cases, axis=0)
    np.testing.assert_array_equal(run(sorting_network(n), cases), expected)
    middle = run(median_network(n), cases)
    for place in {(n - 1) // 2, n // 2}:
        np.testing.assert_array_equal(middle[place], expected[place])


@pytest.mark.parametrize("n", [20, 31, 32, 33, 100, 501])
def test_large_networks_sort(n):
    cases = np.random.default_rng(n).integers(0, n, (n, 60))
    expected = np.sort(cases, axis=0)
    np.testing.assert_array_equal(run(sorting_network(n), cases), expected)
    middle = run(median_network(n), cases)
    np.testing.assert_array_equal(middle[n // 2], expected[n // 2])
    np.testing.assert_array_equal(middle[(n - 1) // 2], expected[(n - 1) // 2])


def test_the_median_needs_fewer_exchanges():
    assert len(median_network(20)) < len(sorting_network(20)) <= 100
