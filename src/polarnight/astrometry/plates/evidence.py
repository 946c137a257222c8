"""Matching of detections with stars, and how likely a match is by chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["chance_log10", "match_nearest", "tail_log10"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# A similarity transform laid through a triangle takes three stars with it.
_STARS_SPENT = 3
_CUTS = (8, 12, 18, 27, 40, 60, 90, 135, 200, 400, 800, 1600, 3200)
_N_SHIFTS = 16
_SHIFTED_STARS = 200


def match_nearest(a: Floats, b: Floats, radius: float) -> tuple[Ints, Ints]:
    """Match two lists of positions that are each other's nearest within a radius.

    Parameters
    ----------
    a, b : ndarray of float, shape (n, 2) and (m, 2)
    radius : float

    Returns
    -------
    i, j : ndarray of int
        Indices into `a` (ascending) and `b`.
    """
    from scipy.spatial import cKDTree

    if len(a) == 0 or len(b) == 0:
        none = np.zeros(0, dtype=np.int64)
        return none, none
    to_b = np.asarray(cKDTree(b).query(a, distance_upper_bound=radius)[1])
    to_a = np.asarray(cKDTree(a).query(b, distance_upper_bound=radius)[1])
    i = np.flatnonzero(to_b < len(b))
    i = i[to_a[to_b[i]] == i]
    return i, to_b[i].astype(np.int64)


def tail_log10(k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> Floats:
    """Bound the chance of at least `k` successes in `n` trials of probability `p`.

    Returns
    -------
    ndarray of float
        Decimal logarithm of the Chernoff bound ``exp(-n KL(k/n || p))``, which the true
        probability never exceeds (Hoeffding 1963, JASA 58, 13, theorem 1) and which does not
        underflow; 0 where `k` is no more than expected.
    """
    n = np.maximum(np.asarray(n, dtype=np.float64), 1.0)
    f = np.clip(np.asarray(k, dtype=np.float64) / n, 0.0, 1.0)
    q = np.clip(np.asarray(p, dtype=np.float64), 1e-12, 1.0 - 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.where(f > 0, f * np.log(f / q), 0.0)
        two = np.where(f < 1, (1 - f) * np.log((1 - f) / (1 - q)), 0.0)
    return np.asarray(np.where(f > q, -n * (one + two) / np.log(10.0), 0.0))


def chance_log10(
    detections: Floats,
    stars: Floats,
    matches: tuple[Ints, Ints],
    radius: float,
    shape: tuple[int, int],
    trials: float,
) -> float:
    """Say how likely so many matches are by chance.

    Parameters
    ----------
    detections, stars : ndarray of float, shape (n, 2) and (m, 2)
        Pixel positions, both brightest first; stars inside the frame only.
    matches : tuple of ndarray of int
        Of `match_nearest`.
    radius : float
        Radius of the matches, pixels.
    shape : tuple of int
        (ny, nx) of the frame.
    trials : float
        Hypotheses tried before this one.

    Returns
    -------
    float
        Decimal logarithm of the probability that any of the trials matches as well, at most 0.

    Notes
    -----
    Under chance a detection meets a star with the probability of finding one within the
    radius, taken from the density of stars and raised to what small displacements of the
    detections really find, so that clusters do not deceive. The bright ends of both lists are
    compared at several depths, since a frame and a catalogue rarely end at the same magnitude;
    the best depth counts, at the price of the number of depths.
    """
    n, m = len(detections), len(stars)
    if n == 0 or m == 0:
        return 0.0
    area = float(shape[0] * shape[1])
    crowding = _crowding(detections, stars, radius, area)
    depth_n = np.array([c for c in _CUTS if c < n] + [n])
    depth_m = np.array([c for c in _CUTS if c < m] + [m])
    grid_n, grid_m = (g.ravel() for g in np.meshgrid(depth_n, depth_m))
    i, j = matches
    k = ((i[None, :] < grid_n[:, None]) & (j[None, :] < grid_m[:, None])).sum(axis=1)
    p = 1.0 - np.exp(-grid_m * np.pi * radius**2 / area * crowding)
    best = tail_log10(k - _STARS_SPENT, grid_n - _STARS_SPENT, p).min()
    return float(min(0.0, best + np.log10(max(trials, 1.0) * len(grid_n))))


def _crowding(detections: Floats, stars: Floats, radius: float, area: float) -> float:
    """Return how many times more often displaced detections meet stars than on even ground."""
    from scipy.spatial import cKDTree

    some = detections[:_SHIFTED_STARS]
    angle = np.pi * (3.0 - np.sqrt(5.0)) * np.arange(_N_SHIFTS)
    length = radius * (4.0 + np.arange(_N_SHIFTS))
    steps = np.column_stack([length * np.cos(angle), length * np.sin(angle)])
    moved = (some[None, :, :] + steps[:, None, :]).reshape(-1, 2)
    met = np.isfinite(cKDTree(stars).query(moved, distance_upper_bound=radius)[0])
    even = 1.0 - np.exp(-len(stars) * np.pi * radius**2 / area)
    # With few meetings the count is uncertain; one standard deviation is granted.
    count = met.sum()
    return float(max(1.0, (count + np.sqrt(count)) / len(moved) / even))
