"""Fewer points with the same look: what a screen cannot show is left out, and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.web.plots.query import Curve

__all__ = ["PANELS", "Decimated", "decimate", "thin"]

Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

PANELS: tuple[str, ...] = ("mag", "mag_limit", "p", "p_limit", "chi", "q", "u")
"""Quantities that are thinned by themselves; a point stays where any of them needs it."""

_LEAST = 16  # points that even the smallest group may have
_ROUNDS = 6  # of finer bins, for a span that is mostly empty
_PER_BIN = 4  # first, last, lowest, highest


@dataclass(frozen=True, slots=True)
class Decimated:
    """Which points are shown.

    Attributes
    ----------
    kept : ndarray of bool (n,)
    total, hidden : int
        How many there are, and how many of them are not shown.
    """

    kept: Mask
    total: int
    hidden: int


def thin(time: Floats, value: Floats, most: int) -> Mask:
    """Choose points of one series of one quantity.

    The span of time is cut into equal bins; of each the first and last, lowest and highest
    point stay. So extremes and outliers, the ends of gaps and the envelope stay.

    Parameters
    ----------
    time : ndarray (n,)
        In rising order.
    value : ndarray (n,)
        Finite.
    most : int
        How many may stay, at least 4.

    Returns
    -------
    ndarray of bool (n,)
        All of them where there are not more than `most`.
    """
    n = len(time)
    if n <= most:
        return np.ones(n, dtype=bool)
    starts = _bins(time, max(1, most // _PER_BIN))
    ends = np.r_[starts[1:], n]
    place = np.repeat(np.arange(len(starts)), ends - starts)
    kept = np.zeros(n, dtype=bool)
    kept[starts] = kept[ends - 1] = True
    for extreme in (np.minimum, np.maximum):
        hit = np.flatnonzero(value == extreme.reduceat(value, starts)[place])
        kept[hit[np.diff(place[hit], prepend=-1) > 0]] = True  # the first where several are equal
    return kept


def _bins(time: Floats, most: int) -> Whole:
    """Cut a span of time into equal bins, as many as leave at most `most` that hold points.

    Observations come in nights and seasons: most of the span is empty.

    Returns
    -------
    ndarray of int
        The first point of each bin that has any.
    """
    span = time[-1] - time[0]
    if not span > 0:
        return np.zeros(1, dtype=np.int64)
    phase = (time - time[0]) / span
    bins = most
    found = _cut(phase, bins)
    for _ in range(_ROUNDS):
        # A little fewer than would fill up, for bins are cut by the ends of nights.
        bins = int(0.95 * bins * most / len(found))
        finer = _cut(phase, bins)
        if not len(found) < len(finer) <= most:
            break
        found = finer
    return found


def _cut(phase: Floats, bins: int) -> Whole:
    place = np.minimum((phase * bins).astype(np.int64), bins - 1)
    return np.flatnonzero(np.diff(place, prepend=-1))


def decimate(curve: Curve, most: int, flags: Sequence[int] = ()) -> Decimated:
    """Choose the points to show.

    Parameters
    ----------
    curve : Curve
    most : int
        Points of each quantity, of all series together. All points are shown where there
        are not more; else each series and each state of flags gets its share, so that rare
        instruments and flagged points do not drown.
    flags : sequence of int
        Bits that make a state of their own.
    """
    points = curve.points
    n = len(points)
    if n <= most:
        return Decimated(np.ones(n, dtype=bool), n, 0)
    kept = np.zeros(n, dtype=bool)
    members = list(_members(_groups(curve, flags)))
    for name in PANELS:
        known = np.isfinite(points[name])
        budget = most / max(1, int(known.sum()))
        for group in members:
            here = group[known[group]]
            share = max(_LEAST, int(budget * len(here)))
            kept[here[thin(points["mjd"][here], points[name][here], share)]] = True
    return Decimated(kept, n, int(n - kept.sum()))


def _groups(curve: Curve, flags: Sequence[int]) -> Whole:
    """Return a number for each point that is the same in each series and state of flags."""
    state = curve.code.astype(np.int64)
    for bit in flags:
        state = state * 2 + (curve.points["flags"] & bit != 0)
    return state


def _members(groups: Whole) -> Iterator[Whole]:
    order = np.argsort(groups, kind="stable")  # keeps the order of time
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    yield from np.split(order, edges)
