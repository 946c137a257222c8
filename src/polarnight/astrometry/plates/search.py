"""The order in which the sky around a pointing is searched, and what stars are used there.

A search goes through rounds. The first ones believe the pointing and look at the sky that
the frame may show if it is wrong by a part of a field; they are cheap, and mostly enough. The
later ones look at the whole circle in which the frame may lie, all of it at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.geometry import gnomonic_inverse, separation

__all__ = ["PLAN", "Round", "Tile", "brightest_everywhere", "tiles"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the search.

    Attributes
    ----------
    frame : tuple of int
        Detections that form triangles: from rank to rank in brightness.
    sky : tuple of int
        Stars that form triangles: from rank to rank within any part of the sky half again
        as large as the frame.
    longest : float
        Longest side of a triangle, in diagonals of the frame. The more stars, the smaller:
        so all rounds cost about the same.
    """

    frame: tuple[int, int]
    sky: tuple[int, int]
    longest: float


PLAN = (
    ("near", Round((0, 16), (0, 26), 0.6)),
    ("near", Round((0, 28), (0, 48), 0.5)),
    ("wide", Round((0, 16), (0, 26), 0.5)),
    ("near", Round((0, 45), (0, 75), 0.35)),
    # Catalogues that lack the brightest stars of the frame, and frames that lack those of
    # the catalogue.
    ("near", Round((25, 75), (0, 45), 0.4)),
    ("near", Round((0, 28), (25, 90), 0.4)),
    ("near", Round((60, 140), (0, 60), 0.3)),
    ("wide", Round((0, 28), (0, 46), 0.35)),
    ("wide", Round((0, 45), (0, 70), 0.27)),
)
"""Where to look, and how deep, in order."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A place to try: centre (degrees), and the pointing that it belongs to."""

    ra: float
    dec: float
    pointing: int
    offset: float


def tiles(
    pointings: Sequence[tuple[float, float, str]], radius_deg: float, step_deg: float
) -> Iterator[Tile]:
    """Cover the circles around pointings, each from the centre outwards.

    Parameters
    ----------
    pointings : sequence of (ra, dec, label)
        Degrees, the likeliest first.
    radius_deg : float
        How wrong they may be.
    step_deg : float
        Distance of neighbouring tiles.

    Yields
    ------
    Tile
        First the centres of all pointings, then their surroundings. Places already covered
        by an earlier tile are left out.
    """
    reach = int(np.ceil(radius_deg / step_deg))
    steps = np.arange(-reach, reach + 1) * step_deg
    xi, eta = (g.ravel() for g in np.meshgrid(steps, steps))
    distance = np.hypot(xi, eta)
    order = np.lexsort((xi, eta, np.round(distance, 9)))
    order = order[distance[order] <= radius_deg + 0.5 * step_deg]
    seen_ra, seen_dec = np.zeros(0), np.zeros(0)
    for part in (order[:1], order[1:]):
        for index, (ra0, dec0, _) in enumerate(pointings):
            ra, dec = gnomonic_inverse(xi[part], eta[part], ra0, dec0)
            fresh = []
            for a, d, r in zip(ra, dec, distance[part], strict=True):
                near = separation(seen_ra, seen_dec, a, d) < 0.4 * step_deg
                if not near.any():
                    fresh.append((a, d))
                    yield Tile(float(a), float(d), index, float(r))
            seen_ra = np.append(seen_ra, [a for a, _ in fresh])
            seen_dec = np.append(seen_dec, [d for _, d in fresh])


def brightest_everywhere(xy: Floats, cell: float, ranks: tuple[int, int]) -> Ints:
    """Choose the stars that are among the brightest of most parts of the sky about them.

    Parameters
    ----------
    xy : ndarray of float, shape (n, 2)
        Positions, brightest first.
    cell : float
        A part is three by three cells; parts overlap, one about every cell.
    ranks : tuple of int
        From rank to rank within a part.

    Returns
    -------
    ndarray of int
        Indices, ascending.
    """
    first, last = ranks
    index = np.arange(len(xy), dtype=np.int64)
    if len(xy) <= last:
        return index[first:]
    place = np.floor((xy - xy.min(axis=0)) / cell).astype(np.int64) + 2
    nx, ny = place.max(axis=0) + 3
    flat = place[:, 0] * ny + place[:, 1]
    # The brightest of each cell alone: nothing else can be among the brightest of a part.
    order = np.argsort(flat, kind="stable")
    depth = np.arange(len(order)) - np.searchsorted(flat[order], flat[order], side="left")
    keep = depth < last
    members = np.full((nx * ny, last), len(xy), dtype=np.int64)
    members[flat[order[keep]], depth[keep]] = order[keep]
    around = [dx * ny + dy for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    inner = (np.arange(1, nx - 1)[:, None] * ny + np.arange(1, ny - 1)[None, :]).ravel()
    pool = np.concatenate([members[inner + step] for step in around], axis=1)
    pool = np.partition(pool, sorted({max(first - 1, 0), last - 1}), axis=1)
    brightest, deepest = (np.zeros(nx * ny, dtype=np.int64) for _ in range(2))
    deepest[inner] = pool[:, last - 1]
    brightest[inner] = pool[:, first - 1] + 1 if first else 0
    # A star belongs to the parts around the nine cells about its own: five must have it.
    cells = np.unique(flat)
    low, high = (np.zeros(nx * ny, dtype=np.int64) for _ in range(2))
    low[cells] = np.median([brightest[cells + step] for step in around], axis=0)
    high[cells] = np.median([deepest[cells + step] for step in around], axis=0)
    return np.asarray(index[(index >= low[flat]) & (index <= high[flat])])
