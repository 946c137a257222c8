"""Asterisms: which triangle of stars on the frame is which on the sky.

A triangle is described by the ratios of its sides, which no shift, turn or mirror alters,
and by its size, since the scale of the frame is roughly known. Triangles alike in both
lists each propose a similarity transform; the true one is proposed many times over.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

__all__ = ["Alike", "Proposal", "TriangleIndex", "cluster", "make_triangles", "match_triangles"]

Complexes = npt.NDArray[np.complex128]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MIN_SIDE_RATIO = 0.15
_MIN_AREA = 0.02  # twice the area over the square of the longest side
_FEW = 24
_CELLS = 2  # of the table of codes, per tolerance


@dataclass(frozen=True, eq=False)
class TriangleIndex:
    """Triangles of one star list.

    Attributes
    ----------
    z : ndarray of complex
        Positions of the stars.
    vertices : ndarray of int, shape (n, 3)
        Stars of each triangle, in no order.
    codes : ndarray of float, shape (n, 3)
        The middle and the shortest side over the longest, and the logarithm of the longest.
    """

    z: Complexes
    vertices: Ints
    codes: Floats

    def __len__(self) -> int:
        return len(self.vertices)

    def ordered(self, which: Ints) -> tuple[Complexes, npt.NDArray[np.bool_]]:
        """Return corners opposite to the longest, middle and shortest side, and handedness.

        Returns
        -------
        corners : ndarray of complex, shape (m, 3)
        handed : ndarray of bool, shape (m,)
            True where the corners run counter-clockwise.
        """
        corners = self.z[self.vertices[which]]
        opposite = np.abs(corners[:, [1, 0, 0]] - corners[:, [2, 2, 1]])
        order = np.argsort(-opposite, axis=1, kind="stable")
        corners = np.take_along_axis(corners, order, axis=1)
        area = (np.conj(corners[:, 1] - corners[:, 0]) * (corners[:, 2] - corners[:, 0])).imag
        return corners, area > 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """A similarity transform ``Z = shift + turn * z`` (of the conjugate of z if mirrored).

    Attributes
    ----------
    turn, shift : complex
        `shift` is the image of the origin.
    mirrored : bool
    votes : int
        Triangles that propose it.
    """

    turn: complex
    shift: complex
    mirrored: bool
    votes: int

    def apply(self, z: Complexes) -> Complexes:
        """Carry positions of the frame to the sky."""
        return np.asarray(self.shift + self.turn * (np.conj(z) if self.mirrored else z))


@dataclass(frozen=True, eq=False)
class Alike:
    """Pairs of triangles alike, as transforms from the frame to the sky; see `Proposal`."""

    turn: Complexes
    shift: Complexes
    mirrored: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.turn)

    def within(self, radius: float) -> Alike:
        """Return those that put the centre of the frame within a distance of the origin."""
        near = np.abs(self.shift) <= radius
        return Alike(self.turn[near], self.shift[near], self.mirrored[near])


@lru_cache(maxsize=32)
def _triples(n: int) -> Ints:
    return np.array(list(combinations(range(n), 3)), dtype=np.int64).reshape(-1, 3)


def _near_triples(z: Complexes, longest: float) -> Ints:
    """Return the triples of which the first star is near the other two."""
    from scipy.spatial import cKDTree

    if len(z) <= _FEW:
        return _triples(len(z))
    pairs = cKDTree(np.column_stack([z.real, z.imag])).query_pairs(longest, output_type="ndarray")
    i, j = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].T
    # Each pair meets the later pairs of the same first star.
    later = np.searchsorted(i, i, side="right") - np.arange(len(i)) - 1
    first = np.repeat(np.arange(len(i)), later)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later)
    return np.column_stack([i[first], j[first], j[second]]).astype(np.int64)


def make_triangles(z: Complexes, shortest: float, longest: float) -> TriangleIndex:
    """Form the well-shaped triangles of a list of positions.

    Parameters
    ----------
    z : ndarray of complex, shape (n,)
        Positions x + iy.
    shortest, longest : float
        Limits of the longest side.
    """
    triples = _near_triples(z, longest)
    x, y = np.ascontiguousarray(z.real), np.ascontiguousarray(z.imag)
    xs, ys = x[triples.T], y[triples.T]
    a, b, c = (
        np.sqrt((xs[k] - xs[m]) ** 2 + (ys[k] - ys[m]) ** 2) for k, m in ((1, 2), (0, 2), (0, 1))
    )
    large, small = np.maximum(np.maximum(a, b), c), np.minimum(np.minimum(a, b), c)
    keep = (large >= shortest) & (large <= longest) & (small > _MIN_SIDE_RATIO * large)
    triples, large, small = triples[keep], large[keep], small[keep]
    middle = (a + b + c)[keep] - large - small
    m2, s2 = (middle / large) ** 2, (small / large) ** 2
    # Heron: 16 times the square of the area, in units of the longest side.
    heron = 2.0 * (m2 + s2 + m2 * s2) - 1.0 - m2**2 - s2**2
    broad = heron > 4.0 * _MIN_AREA**2
    codes = np.column_stack([middle / large, small / large, np.log(np.maximum(large, 1e-300))])
    return TriangleIndex(z, triples[broad], codes[broad])


def match_triangles(
    frame: TriangleIndex,
    sky: TriangleIndex,
    *,
    scale_tolerance: float,
    blur: float = 3.0,
    code_radius: float = 0.01,
) -> Alike:
    """Find triangles of the frame and of the sky that are alike.

    Parameters
    ----------
    frame, sky : TriangleIndex
        In equal units (pixels), that of the frame with its origin at its centre.
    scale_tolerance : float
        Relative uncertainty of the scale.
    blur : float
        How far sides may differ, pixels.
    code_radius : float
        How far the ratios of sides may differ at most.

    Returns
    -------
    Alike
        Each is a hypothesis that chance had.
    """
    nothing = np.zeros(0, dtype=np.complex128)
    if len(frame) == 0 or len(sky) == 0:
        return Alike(nothing, nothing, np.zeros(0, dtype=bool))
    # One unit of a code is the tolerance of the smallest triangle; larger ones keep closer.
    radius = np.minimum(blur * np.exp(-frame.codes[:, 2]) + 0.002, code_radius)
    widest = float(radius.max())
    unit = np.array([widest, widest, np.log1p(scale_tolerance)])
    ours, theirs = frame.codes / unit, sky.codes / unit
    some = np.flatnonzero(_may_match(ours, radius / widest, theirs))
    i, j = _near_codes(ours, theirs[some])
    j = some[j]
    close = np.abs(frame.codes[i, :2] - sky.codes[j, :2]).max(axis=1) <= radius[i]
    i, j = i[close], j[close]

    z, handed = frame.ordered(i)
    goal, goal_handed = sky.ordered(j)
    mirrored = handed != goal_handed
    z = np.where(mirrored[:, None], np.conj(z), z)
    centre, target = z.mean(axis=1), goal.mean(axis=1)
    arm = z - centre[:, None]
    turn = (np.conj(arm) * (goal - target[:, None])).sum(axis=1) / (np.abs(arm) ** 2).sum(axis=1)
    return Alike(turn, target - turn * centre, mirrored)


def _may_match(ours: Floats, radius: Floats, theirs: Floats) -> npt.NDArray[np.bool_]:
    """Say which of their codes lie in a cell of a table that one of ours reaches."""
    reach = np.column_stack([radius, radius, np.ones(len(radius))])
    origin = (ours - reach).min(axis=0)
    low = np.floor((ours - reach - origin) * _CELLS).astype(np.int64)
    high = np.floor((ours + reach - origin) * _CELLS).astype(np.int64)
    size = high.max(axis=0) + 1
    table = np.zeros(size, dtype=bool)
    widest = (high - low).max(axis=0)
    for a, b, c in np.ndindex(*(widest + 1)):
        cell = np.minimum(low + np.array([a, b, c]), high)
        table[cell[:, 0], cell[:, 1], cell[:, 2]] = True
    place = np.floor((theirs - origin) * _CELLS).astype(np.int64)
    inside = ((place >= 0) & (place < size)).all(axis=1)
    place[~inside] = 0
    return np.asarray(inside & table[place[:, 0], place[:, 1], place[:, 2]])


def _near_codes(ours: Floats, theirs: Floats) -> tuple[Ints, Ints]:
    from scipy.spatial import cKDTree

    if len(theirs) == 0:
        none = np.zeros(0, dtype=np.int64)
        return none, none
    trees = [cKDTree(c, balanced_tree=False, compact_nodes=False) for c in (ours, theirs)]
    alike = trees[0].sparse_distance_matrix(trees[1], 1.0, p=np.inf, output_type="ndarray")
    order = np.lexsort((alike["i"], alike["j"]))
    return alike["i"][order], alike["j"][order]


def cluster(alike: Alike, *, lever: float, radius: float, limit: int) -> list[Proposal]:
    """Find where transforms crowd; the middle of each crowd is a proposal.

    Parameters
    ----------
    alike : Alike
    lever : float
        Half of the size of the frame, which turns an error of angle into one of place.
    radius : float
        How near two transforms are to count as one, pixels.
    limit : int
        Most proposals returned, of each parity.

    Returns
    -------
    list of Proposal
        The most voted first.
    """
    found: list[Proposal] = []
    for parity in (False, True):
        chosen = alike.mirrored == parity
        turn, shift = alike.turn[chosen], alike.shift[chosen]
        found += _crowds(turn, shift, parity, lever, radius, limit)
    found.sort(key=lambda p: -p.votes)
    return found


def _crowds(
    turn: Complexes, shift: Complexes, mirrored: bool, lever: float, radius: float, limit: int
) -> list[Proposal]:
    from scipy.spatial import cKDTree

    if len(turn) == 0:
        return []
    places = np.column_stack([turn.real * lever, turn.imag * lever, shift.real, shift.imag])
    tree = cKDTree(places, balanced_tree=False, compact_nodes=False)
    pairs = tree.query_pairs(radius, p=np.inf, output_type="ndarray")
    votes = np.bincount(pairs.ravel(), minlength=len(turn)) + 1
    found: list[Proposal] = []
    free = np.ones(len(turn), dtype=bool)
    for k in np.argsort(-votes, kind="stable"):
        if len(found) == limit:
            break
        if not free[k]:
            continue
        middle_turn, middle_shift = turn[k], shift[k]
        if votes[k] > 1:
            free[tree.query_ball_point(places[k], 2 * radius, p=np.inf)] = False
            members = tree.query_ball_point(places[k], radius, p=np.inf, return_sorted=True)
            middle_turn = complex(np.median(turn[members].real), np.median(turn[members].imag))
            middle_shift = complex(np.median(shift[members].real), np.median(shift[members].imag))
        found.append(Proposal(complex(middle_turn), complex(middle_shift), mirrored, int(votes[k])))
    return found
