"""Regions of the sky that a frame may show, and the transforms that its stars propose there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.detections import Detections
from polarnight.astrometry.geometry import gnomonic
from polarnight.astrometry.plates.evidence import tail_log10
from polarnight.astrometry.plates.plate import fit_plate
from polarnight.astrometry.plates.refine import Refined, plate_of_proposal, refine
from polarnight.astrometry.plates.search import Round, brightest_everywhere, tiles
from polarnight.astrometry.plates.triangles import (
    Proposal,
    TriangleIndex,
    cluster,
    make_triangles,
    match_triangles,
)
from polarnight.astrometry.stars.catalogue import StarCatalogue, Stars
from polarnight.errors import AlgorithmFailed

__all__ = ["LEAST_STARS", "FrameStars", "Region", "Sky", "propose", "settle"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_STARS = 5
_SHORTEST = 0.1  # side of a triangle, of the diagonal
_FEW = 13  # sources, of which every triangle is wanted
_NEAR = 0.25  # of the side of the frame, that a good pointing may be wrong
_CELL = 0.4  # of the side of the frame
_PATCH_DEG = 4.0  # beyond which one tangent plane bends triangles too much
_BLUR_ARCSEC = 0.8  # motions and errors of catalogues
_DEEPER = 10
_CROWDS = 120
_PROMISING = -1.0
_REFINED = 6


class FrameStars:
    """The detections of a frame as the search needs them.

    Parameters
    ----------
    detections : Detections
        Brightest first.
    shape : tuple of int
        (ny, nx).
    pixel_scale : float
        Arcsec per pixel, as known.
    scale_tolerance : float
        Its relative uncertainty.
    """

    def __init__(
        self,
        detections: Detections,
        shape: tuple[int, int],
        pixel_scale: float,
        scale_tolerance: float,
    ) -> None:
        ny, nx = shape
        self.detections = detections
        self.shape = shape
        self.pixel_scale = pixel_scale
        self.scale_tolerance = scale_tolerance
        self.diagonal = float(np.hypot(nx, ny))
        self.side = float(np.sqrt(nx * ny))
        self.radius = max(6.0, 0.006 * self.diagonal)
        fwhm = detections.fwhm_median
        self.blur = max(2.5, _BLUR_ARCSEC / pixel_scale, 0.2 * fwhm if np.isfinite(fwhm) else 0.0)
        self.z = (detections.x - 0.5 * (nx - 1)) + 1j * (detections.y - 0.5 * (ny - 1))
        self._made: dict[tuple[int, int, float], TriangleIndex] = {}

    def degrees(self, pixels: float) -> float:
        """Return an angle in degrees of a length in pixels."""
        return pixels * self.pixel_scale / 3600.0

    def used(self, one: Round) -> int:
        """Return how many detections form triangles in a round."""
        return max(0, min(one.frame[1], len(self.z)) - one.frame[0])

    def longest(self, one: Round, region: Region) -> float:
        """Return the longest side of triangles in a round, pixels."""
        few = 1.05 if region.is_near else 0.75
        return self.diagonal * (few if self.used(one) < _FEW else one.longest)

    def triangles(self, one: Round, longest: float) -> TriangleIndex:
        """Return the triangles of a round, made once."""
        key = (*one.frame, longest)
        if key not in self._made:
            part = self.z[one.frame[0] : one.frame[1]]
            self._made[key] = make_triangles(part, _SHORTEST * self.diagonal, longest)
        return self._made[key]


class Region:
    """A circle of the sky in which the centre of a frame may lie.

    Parameters
    ----------
    stars : Stars
        Of the circle and half a frame around it.
    ra, dec : float
        Its centre, degrees.
    radius_deg : float
    pointing : int
        Which pointing it belongs to.
    frame : FrameStars
    """

    def __init__(
        self,
        stars: Stars,
        ra: float,
        dec: float,
        radius_deg: float,
        pointing: int,
        frame: FrameStars,
    ) -> None:
        from scipy.spatial import cKDTree

        faint = np.where(np.isfinite(stars.mag), stars.mag, np.inf)
        xi, eta = gnomonic(stars.ra, stars.dec, ra, dec)
        order = np.lexsort((stars.ra, stars.dec, faint))
        order = order[np.isfinite(xi[order])]
        self.stars = stars.select(order)
        self.ra, self.dec, self.pointing = ra, dec, pointing
        self.radius = radius_deg / frame.degrees(1.0)
        self.xy = np.column_stack([xi[order], eta[order]]) / frame.degrees(1.0)
        self.tree = cKDTree(self.xy, balanced_tree=False, compact_nodes=False)
        self._side, self._diagonal = frame.side, frame.diagonal
        self.is_near = self.radius <= 1.001 * _NEAR * frame.side
        self.done: set[tuple[int, ...]] = set()

    def brightest(self, first: int, last: int) -> Ints:
        """Return the stars from rank to rank of any frame in the region, brightest first."""
        if self.is_near:
            inside = np.flatnonzero(np.hypot(*self.xy.T) <= 0.5 * self._diagonal)
            return inside[first:last]
        return brightest_everywhere(self.xy, _CELL * self._side, (first, last))

    def near(self, place: complex, reach: float) -> Ints:
        """Return the stars around a place on the tangent plane, brightest first."""
        found = self.tree.query_ball_point([place.real, place.imag], reach, return_sorted=True)
        return np.asarray(found, dtype=np.int64)


class Sky:
    """The regions around the pointings, looked up in the catalogue when they are wanted."""

    def __init__(
        self,
        catalogue: StarCatalogue,
        frame: FrameStars,
        pointings: Sequence[tuple[float, float, str]],
        radius_deg: float,
        jyear: float,
    ) -> None:
        self.catalogue = catalogue
        self.frame = frame
        self.pointings = pointings
        self.radius_deg = radius_deg
        self.jyear = jyear
        self.most_stars = 0
        self._near: list[Region] | None = None
        self._wide: list[Region] | None = None

    def near(self) -> list[Region]:
        """Return the close surroundings of every pointing."""
        if self._near is None:
            radius = min(self.frame.degrees(_NEAR * self.frame.side), self.radius_deg)
            places = [(ra, dec, k) for k, (ra, dec, _) in enumerate(self.pointings)]
            self._near = self._regions(places, radius)
        return self._near

    def wide(self) -> list[Region]:
        """Return all of the sky that is searched.

        Raises
        ------
        AlgorithmFailed
            Where the catalogue has hardly any stars there.
        """
        if self._wide is None:
            step = max(_PATCH_DEG, 0.55 * self.frame.degrees(self.frame.side))
            if self.radius_deg <= step:
                places = [(ra, dec, k) for k, (ra, dec, _) in enumerate(self.pointings)]
                self._wide = self._regions(places, self.radius_deg)
            else:
                cover = tiles(self.pointings, self.radius_deg, step)
                self._wide = self._regions([(t.ra, t.dec, t.pointing) for t in cover], 0.71 * step)
            if not self._wide:
                msg = "the star catalogue has too few stars around the pointings"
                raise AlgorithmFailed(
                    msg,
                    stars=self.most_stars,
                    needed=LEAST_STARS,
                    pointings=[label for _, _, label in self.pointings],
                )
        return self._wide

    def _regions(self, places: list[tuple[float, float, int]], radius: float) -> list[Region]:
        reach = radius + 1.05 * self.frame.degrees(0.5 * self.frame.diagonal)
        found = []
        for ra, dec, pointing in places:
            stars = self.catalogue.cone(ra, dec, reach, self.jyear)
            self.most_stars = max(self.most_stars, len(stars))
            if len(stars) >= LEAST_STARS:
                found.append(Region(stars, ra, dec, radius, pointing, self.frame))
        return found


def propose(frame: FrameStars, region: Region, one: Round) -> tuple[list[Proposal], int]:
    """Propose transforms from the frame to the tangent plane of a region.

    Returns
    -------
    proposals : list of Proposal
        The most promising first: those that carry most detections onto stars.
    n_tried : int
        Hypotheses that chance had.
    """
    used = frame.used(one)
    if used < 3:
        return [], 0
    # A frame of few sources is no deeper in a wide search: it would take too long.
    deepest = one.sky[1] if region.is_near else min(one.sky[1], used + _DEEPER)
    chosen = region.brightest(one.sky[0], deepest)
    longest = frame.longest(one, region)
    what = (one.frame[0], min(one.frame[1], len(frame.z)), len(chosen), round(longest))
    if what in region.done:
        return [], 0
    region.done.add(what)
    sky = region.xy[chosen, 0] + 1j * region.xy[chosen, 1]
    shortest = 0.9 * _SHORTEST * frame.diagonal
    alike = match_triangles(
        frame.triangles(one, longest),
        make_triangles(sky, shortest, 1.1 * longest),
        scale_tolerance=frame.scale_tolerance,
        blur=frame.blur,
    ).within(region.radius + 0.1 * frame.side)
    if len(alike) == 0:
        return [], 0
    crowds = cluster(alike, lever=0.5 * frame.diagonal, radius=frame.radius, limit=_CROWDS)
    return _promising(crowds, frame, region, one), len(alike)


def _promising(
    proposals: list[Proposal], frame: FrameStars, region: Region, one: Round
) -> list[Proposal]:
    """Choose the proposals that carry detections onto more stars than chance would."""
    from scipy.spatial import cKDTree

    first, last = one.frame
    z = frame.z[first : first + max(30, 2 * (last - first))]
    stars = region.xy[region.brightest(one.sky[0], 2 * one.sky[1])]
    tree = cKDTree(stars)
    carried = np.array([proposal.apply(z) for proposal in proposals])
    places = np.column_stack([carried.real.ravel(), carried.imag.ravel()])
    radius = 1.2 * frame.radius
    met = np.isfinite(tree.query(places, distance_upper_bound=radius)[0]).reshape(carried.shape)
    centres = np.array([[p.shift.real, p.shift.imag] for p in proposals])
    reach = 0.5 * frame.diagonal
    around = np.asarray(tree.query_ball_point(centres, reach, return_length=True))
    chance = 1.0 - np.exp(-around * (radius / reach) ** 2)
    depths = np.array(sorted({min(d, len(z)) for d in (10, 20, 40, 80, 160)}))
    count = np.cumsum(met, axis=1)[:, depths - 1]
    score = tail_log10(count - 3, depths[None, :] - 3, chance[:, None]).min(axis=1)
    order = np.argsort(score, kind="stable")[:_REFINED]
    return [proposals[k] for k in order if score[k] < _PROMISING]


def settle(
    frame: FrameStars, region: Region, one: Round, proposal: Proposal
) -> tuple[Refined | None, Stars]:
    """Refine a proposal on all stars about it; return the stars as well."""
    reach = 0.6 * frame.diagonal + frame.radius
    stars = region.stars.select(region.near(proposal.shift, reach))
    start = plate_of_proposal(proposal, (region.ra, region.dec), frame.shape, frame.pixel_scale)
    # The middle of the region may be far off: move the tangent point onto the frame.
    ny, nx = frame.shape
    x, y = np.array([[0, nx, 0, nx, nx / 2], [0, 0, ny, ny, ny / 2]])
    start = fit_plate(
        x, y, *start.to_sky(x, y), start=start.recentred(), shape=frame.shape, order=0,
        mirrored=start.mirrored,
    )  # fmt: skip
    depth = max(40, 2 * one.frame[1], one.sky[1])
    return refine(frame.detections, stars, start, frame.shape, depth=depth), stars
