"""The order in which the sky around a pointing is searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from polarnight.astrometry.geometry import gnomonic_inverse, separation

__all__ = ["STAGES", "Stage", "Tile", "tiles"]


@dataclass(frozen=True, slots=True)
class Stage:
    """How deep a round of the search goes.

    Attributes
    ----------
    n_frame, n_sky : int
        Brightest detections, and brightest stars of a tile, that form triangles.
    longest : float
        Longest side of a triangle, in diagonals of the frame.
    code_radius : float
        How far the ratios of the sides may differ; closer where there are more triangles.
    reach : float
        Part of the radius that is searched; deeper rounds cost more and stay nearer.
    """

    n_frame: int
    n_sky: int
    longest: float
    code_radius: float
    reach: float


# A tile is half again as large as the frame, so it is given more stars.
STAGES = (
    Stage(16, 30, 0.8, 0.010, 1.0),
    Stage(28, 55, 0.6, 0.007, 0.7),
    Stage(45, 85, 0.45, 0.005, 0.35),
)


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
