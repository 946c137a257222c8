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

__all__ = ["Proposal", "TriangleIndex", "make_triangles", "propose"]

Complexes = npt.NDArray[np.complex128]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MIN_SIDE_RATIO = 0.15
_MIN_AREA = 0.02  # twice the area over the square of the longest side


@dataclass(frozen=True, eq=False)
class TriangleIndex:
    """Triangles of one star list.

    Attributes
    ----------
    vertices : ndarray of int, shape (n, 3)
        Stars, opposite to the longest, middle and shortest side.
    sides : ndarray of float, shape (n, 3)
        Longest side, and the ratios of the middle and the shortest to it.
    handed : ndarray of bool, shape (n,)
        True where the vertices run counter-clockwise.
    """

    vertices: Ints
    sides: Floats
    handed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.vertices)


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


@lru_cache(maxsize=16)
def _triples(n: int) -> Ints:
    return np.array(list(combinations(range(n), 3)), dtype=np.int64).reshape(-1, 3)


def make_triangles(z: Complexes, shortest: float, longest: float) -> TriangleIndex:
    """Form the well-shaped triangles of a list of positions.

    Parameters
    ----------
    z : ndarray of complex, shape (n,)
        Positions x + iy.
    shortest, longest : float
        Limits of the longest side.
    """
    triples = _triples(len(z))
    opposite = np.abs(z[triples[:, [1, 0, 0]]] - z[triples[:, [2, 2, 1]]])
    size = opposite.max(axis=1)
    keep = (size >= shortest) & (size <= longest)
    keep &= opposite.min(axis=1) > _MIN_SIDE_RATIO * size
    triples, opposite = triples[keep], opposite[keep]
    order = np.argsort(-opposite, axis=1, kind="stable")
    vertices = np.take_along_axis(triples, order, axis=1)
    sides = np.take_along_axis(opposite, order, axis=1)
    a = z[vertices[:, 1]] - z[vertices[:, 0]]
    b = z[vertices[:, 2]] - z[vertices[:, 0]]
    area = (np.conj(a) * b).imag
    sides[:, 1:] /= sides[:, :1]
    broad = np.abs(area) > _MIN_AREA * sides[:, 0] ** 2
    return TriangleIndex(vertices[broad], sides[broad], (area > 0)[broad])


def propose(
    frame: Complexes,
    frame_triangles: TriangleIndex,
    sky: Complexes,
    sky_triangles: TriangleIndex,
    *,
    scale_tolerance: float,
    lever: float,
    radius: float,
    code_radius: float = 0.01,
    limit: int = 6,
) -> tuple[list[Proposal], int]:
    """Propose transforms from the frame to the sky, the most voted first.

    Parameters
    ----------
    frame, sky : ndarray of complex
        Positions in equal units (pixels), with the origin of `frame` at its centre.
    frame_triangles, sky_triangles : TriangleIndex
        Their triangles.
    scale_tolerance : float
        Relative uncertainty of the scale.
    lever : float
        Half of the size of the frame, which turns an error of angle into one of place.
    radius : float
        How near two proposals are to count as one, pixels.
    code_radius : float
        How far the ratios of sides of like triangles may differ; 0.01 is 2 px in 200.
    limit : int
        Most proposals returned.

    Returns
    -------
    proposals : list of Proposal
    n_tried : int
        Triangle pairs alike, the number of hypotheses that chance had.
    """
    from scipy.spatial import cKDTree

    if len(frame_triangles) == 0 or len(sky_triangles) == 0:
        return [], 0
    squeeze = code_radius / np.log1p(scale_tolerance)
    tree = cKDTree(_codes(frame_triangles, squeeze))
    alike = cKDTree(_codes(sky_triangles, squeeze)).sparse_distance_matrix(
        tree, code_radius, p=np.inf, output_type="ndarray"
    )
    i, j = alike["j"], alike["i"]
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    mirrored = frame_triangles.handed[i] != sky_triangles.handed[j]
    z = frame[frame_triangles.vertices[i]]
    z = np.where(mirrored[:, None], np.conj(z), z)
    Z = sky[sky_triangles.vertices[j]]
    middle, goal = z.mean(axis=1, keepdims=True), Z.mean(axis=1, keepdims=True)
    arm = z - middle
    turn = (np.conj(arm) * (Z - goal)).sum(axis=1) / (np.abs(arm) ** 2).sum(axis=1)
    shift = goal[:, 0] - turn * middle[:, 0]
    found: list[Proposal] = []
    for parity in (False, True):
        chosen = mirrored == parity
        found += _cluster(turn[chosen], shift[chosen], parity, lever, radius, limit)
    found.sort(key=lambda p: -p.votes)
    return found[:limit], len(i)


def _codes(triangles: TriangleIndex, squeeze: float) -> Floats:
    sides = triangles.sides
    return np.column_stack([sides[:, 1], sides[:, 2], np.log(sides[:, 0]) * squeeze])


def _cluster(
    turn: Complexes, shift: Complexes, mirrored: bool, lever: float, radius: float, limit: int
) -> list[Proposal]:
    """Find where transforms crowd; the mean of each crowd is a proposal."""
    from scipy.spatial import cKDTree

    if len(turn) < 2:
        return []
    places = np.column_stack([turn.real * lever, turn.imag * lever, shift.real, shift.imag])
    tree = cKDTree(places)
    votes = np.asarray(tree.query_ball_point(places, radius, p=np.inf, return_length=True))
    found: list[Proposal] = []
    free = np.ones(len(turn), dtype=bool)
    for k in np.argsort(-votes, kind="stable"):
        if votes[k] < 2 or len(found) == limit:
            break
        if not free[k]:
            continue
        free[tree.query_ball_point(places[k], 2 * radius, p=np.inf)] = False
        members = tree.query_ball_point(places[k], radius, p=np.inf, return_sorted=True)
        found.append(
            Proposal(
                turn=complex(np.median(turn[members].real), np.median(turn[members].imag)),
                shift=complex(np.median(shift[members].real), np.median(shift[members].imag)),
                mirrored=mirrored,
                votes=int(votes[k]),
            )
        )
    return found
