"""Dual beams: every source appears twice, displaced by one vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.detections import Detections
from polarnight.errors import AlgorithmFailed

__all__ = ["PairLike", "PairVector", "Pairs", "find_pairs"]

Ints = npt.NDArray[np.int64]


class PairLike(Protocol):
    """The known displacement of the extraordinary image from the ordinary one, pixels."""

    @property
    def dx(self) -> float: ...  # noqa: D102
    @property
    def dy(self) -> float: ...  # noqa: D102
    @property
    def sx(self) -> float: ...  # noqa: D102
    @property
    def sy(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class PairVector:
    """Displacement (dx, dy), extraordinary minus ordinary, and its scatter (sx, sy), pixels."""

    dx: float
    dy: float
    sx: float
    sy: float


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs found on a frame.

    Attributes
    ----------
    ordinary, extraordinary : ndarray of int, shape (n,)
        Indices of the detections; brightest pair first, each detection in one pair at most.
    dx, dy : float
        Vector found, extraordinary minus ordinary, pixels.
    scatter : float
        Of one pair about it, pixels per axis.
    expected : float
        Pairs that chance alone would put there.
    """

    ordinary: Ints
    extraordinary: Ints
    dx: float
    dy: float
    scatter: float
    expected: float

    def __len__(self) -> int:
        return len(self.ordinary)


def find_pairs(
    detections: Detections,
    known: PairLike,
    *,
    radius: float = 1.5,
    flux_ratio: float = 2.0,
) -> Pairs:
    """Find the pairs of a dual-beam frame by vote.

    All displacements between two sources near the known vector vote; where they crowd is
    the vector of this frame.

    Parameters
    ----------
    detections : Detections
    known : PairLike
        The vector as known, searched within 5 of its standard deviations.
    radius : float
        How far a pair may be from the vector of the frame, pixels.
    flux_ratio : float
        Largest ratio of the fluxes of a pair.

    Returns
    -------
    Pairs

    Raises
    ------
    AlgorithmFailed
        Where no two sources lie so, or no more of them than by chance.
    """
    from scipy.spatial import cKDTree

    xy = detections.xy
    half = np.array([5.0 * known.sx + 1.0, 5.0 * known.sy + 1.0])
    vector = np.array([known.dx, known.dy])
    i, j = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if len(xy) > 1:
        # A box of unequal sides is a square in stretched coordinates.
        tree = cKDTree(xy / half)
        near = cKDTree((xy + vector) / half).query_ball_tree(tree, 1.0, p=np.inf)
        i = np.repeat(np.arange(len(xy)), [len(n) for n in near])
        j = np.array([k for n in near for k in sorted(n)], dtype=np.int64)
        ratio = np.abs(np.log(detections.flux[j] / detections.flux[i]))
        alike = (i != j) & (ratio < np.log(flux_ratio))
        i, j = i[alike], j[alike]
    if len(i) == 0:
        msg = "no pair of sources near the known displacement of the two beams"
        raise AlgorithmFailed(msg, sources=len(xy), dx=known.dx, dy=known.dy)

    steps = xy[j] - xy[i]
    votes_tree = cKDTree(steps)
    votes = votes_tree.query_ball_point(steps, radius, return_length=True)
    centre = steps[votes_tree.query_ball_point(steps[np.argmax(votes)], radius)].mean(axis=0)
    for _ in range(3):
        near_centre = np.hypot(*(steps - centre).T) <= radius
        centre = np.median(steps[near_centre], axis=0)
    ordinary, extraordinary = _assign(detections, i, j, steps - centre, radius)
    found = xy[extraordinary] - xy[ordinary]
    centre = np.median(found, axis=0)
    scatter = float(1.4826 * np.median(np.abs(found - centre)))
    expected = len(i) * min(1.0, np.pi * radius**2 / float(4.0 * half[0] * half[1]))
    if len(ordinary) <= expected + 2.0 * np.sqrt(expected):
        msg = "no more pairs near the known displacement than by chance"
        raise AlgorithmFailed(msg, pairs=len(ordinary), expected=round(expected, 2))
    order = np.argsort(ordinary, kind="stable")
    return Pairs(
        ordinary[order],
        extraordinary[order],
        float(centre[0]),
        float(centre[1]),
        scatter,
        float(expected),
    )


def _assign(
    detections: Detections, i: Ints, j: Ints, offset: npt.NDArray[np.float64], radius: float
) -> tuple[Ints, Ints]:
    """Give each detection to one pair: the closest in displacement and flux first."""
    distance = np.hypot(*offset.T)
    ratio = np.abs(np.log(detections.flux[j] / detections.flux[i]))
    cost = (distance / 0.5) ** 2 + (ratio / 0.2) ** 2
    cost[distance > radius] = np.inf
    used: set[int] = set()
    pairs = []
    for k in np.lexsort((j, i, cost)):
        a, b = int(i[k]), int(j[k])
        if not np.isfinite(cost[k]):
            break
        if a not in used and b not in used:
            used |= {a, b}
            pairs.append((a, b))
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
