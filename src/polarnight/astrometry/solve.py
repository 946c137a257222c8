"""The plate solver: where a frame points, or a reasoned no.

The sky around each pointing is covered with tiles of the size of the frame, nearest first.
In a tile the triangles of its brightest stars are compared with those of the frame; the
transforms that many triangles propose are refined on all stars; the first that chance cannot
explain is the answer. Nothing is random: the same frame always gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.catalogue import StarCatalogue, Stars
from polarnight.astrometry.detections import DetectionFlag, Detections
from polarnight.astrometry.evidence import chance_log10
from polarnight.astrometry.geometry import gnomonic, julian_year, separation, unit_vectors
from polarnight.astrometry.pairs import PairLike, Pairs, find_pairs
from polarnight.astrometry.refine import Refined, plate_of_proposal, refine, stars_on_frame
from polarnight.astrometry.search import STAGES, Stage, tiles
from polarnight.astrometry.solution import Solution
from polarnight.astrometry.triangles import TriangleIndex, make_triangles, propose
from polarnight.errors import AlgorithmFailed

__all__ = ["solve"]

_TILE_STEP = 0.55  # of the shorter side of the frame
_SHORTEST = 0.1  # side of a triangle, of the diagonal
_LEAST_STARS = 5
_BRIGHT = 25


@dataclass(frozen=True, slots=True)
class _Limits:
    """What a solution must meet."""

    log10_chance: float
    rms_px: float
    completeness: float
    scale_tolerance: float
    pixel_scale: float


def solve(
    detections: Detections,
    catalogue: StarCatalogue,
    *,
    shape: tuple[int, int],
    pixel_scale: float,
    pointings: Sequence[tuple[float, float, str]],
    radius_deg: float = 0.6,
    scale_tolerance: float = 0.05,
    jd: float = 2451545.0,
    pair: PairLike | None = None,
    max_log10_chance: float = -6.0,
    max_rms_px: float = 1.5,
    min_completeness: float = 0.35,
) -> Solution:
    """Solve a frame for its place on the sky.

    Parameters
    ----------
    detections : Detections
        Sources of the frame.
    catalogue : StarCatalogue
        Stars of the sky around the pointings.
    shape : tuple of int
        (ny, nx) of the frame.
    pixel_scale : float
        Arcsec per pixel, as known.
    pointings : sequence of (ra, dec, label)
        Places to try, degrees, the likeliest first; see `pointing_candidates`.
    radius_deg : float
        How wrong they may be. A frame whose brightest stars are not those of the catalogue
        needs a deeper search, which goes out to 0.7 and at last 0.35 of this radius.
    scale_tolerance : float
        Relative uncertainty of `pixel_scale`.
    jd : float
        Julian date of the frame, for proper motions.
    pair : PairLike, optional
        Known displacement of the two beams, for a dual-beam frame.
    max_log10_chance, max_rms_px, min_completeness : float
        What is demanded of a solution: the probability that chance alone did it (decimal
        logarithm, all trials counted), the residuals, and the matched fraction of the
        bright detections or of the bright stars, whichever is larger.

    Returns
    -------
    Solution

    Raises
    ------
    AlgorithmFailed
        Where there is too little to go by, or nothing found that meets the demands; the
        numbers tell how far the search went and how good the best was.
    """
    pairs = find_pairs(detections, pair) if pair is not None else None
    given = _usable(detections, pairs)
    listed = detections.select(given)
    if len(listed) < _LEAST_STARS:
        msg = "too few sources to solve the frame"
        raise AlgorithmFailed(msg, sources=len(listed), needed=_LEAST_STARS)
    if not pointings:
        msg = "the frame has no pointing: neither coordinates in its header nor a known object"
        raise AlgorithmFailed(msg, sources=len(listed))
    limits = _Limits(max_log10_chance, max_rms_px, min_completeness, scale_tolerance, pixel_scale)
    search = _Search(listed, catalogue, shape, limits, pointings, radius_deg, julian_year(jd))
    refined, stars, evidence = search.run()
    return _report(refined, stars, evidence, given, pairs, shape, detections)


def _usable(detections: Detections, pairs: Pairs | None) -> npt.NDArray[np.int64]:
    """Indices of the detections to go by, brightest first: one beam, no defects."""
    if pairs is not None:
        return pairs.ordinary
    doubtful = DetectionFlag.MASKED | DetectionFlag.NOT_STELLAR
    # Saturated stars stay: they are the brightest of the catalogue too.
    good = (detections.flags & np.uint16(doubtful)) == 0
    saturated = (detections.flags & np.uint16(DetectionFlag.SATURATED)) != 0
    chosen = np.flatnonzero(good | saturated)
    return chosen if len(chosen) >= _LEAST_STARS else np.arange(len(detections))


class _Search:
    """One search for one frame."""

    def __init__(
        self,
        detections: Detections,
        catalogue: StarCatalogue,
        shape: tuple[int, int],
        limits: _Limits,
        pointings: Sequence[tuple[float, float, str]],
        radius_deg: float,
        jyear: float,
    ) -> None:
        from scipy.spatial import cKDTree

        ny, nx = shape
        self.detections = detections
        self.shape = shape
        self.limits = limits
        self.pointings = pointings
        self.radius_deg = radius_deg
        self.diagonal = float(np.hypot(nx, ny))
        self.half_field = 0.5 * self.diagonal * limits.pixel_scale / 3600.0
        self.step = _TILE_STEP * min(shape) * limits.pixel_scale / 3600.0
        reach = radius_deg + 2.0 * self.half_field
        self.stars = [
            _bright_first(catalogue.cone(ra, dec, reach, jyear)) for ra, dec, _ in pointings
        ]
        self.trees = [
            cKDTree(unit_vectors(s.ra, s.dec), balanced_tree=False, compact_nodes=False)
            for s in self.stars
        ]
        xy = detections.xy - 0.5 * np.array([nx - 1, ny - 1])
        self.z = xy[:, 0] + 1j * xy[:, 1]
        self.trials = 0
        self.n_tiles = 0
        self.best: dict[str, Any] = {}

    def run(self) -> tuple[Refined, Stars, dict[str, Any]]:
        """Search deeper and deeper; return the first solution that holds."""
        if all(len(stars) < _LEAST_STARS for stars in self.stars):
            msg = "the star catalogue has too few stars around the pointings"
            raise AlgorithmFailed(
                msg,
                stars=max(len(stars) for stars in self.stars),
                needed=_LEAST_STARS,
                pointings=[label for _, _, label in self.pointings],
            )
        for number, stage in enumerate(STAGES):
            if number and not self._deeper(STAGES[number - 1]):
                break
            z = self.z[: stage.n_frame]
            triangles = make_triangles(z, _SHORTEST * self.diagonal, stage.longest * self.diagonal)
            for tile in tiles(self.pointings, stage.reach * self.radius_deg, self.step):
                found = self._try_tile(tile.ra, tile.dec, tile.pointing, stage, z, triangles)
                if found is not None:
                    refined, stars, evidence = found
                    ra0, dec0, label = self.pointings[tile.pointing]
                    offset = float(separation(ra0, dec0, refined.plate.ra0, refined.plate.dec0))
                    evidence |= {
                        "pointing": label,
                        "offset_deg": round(offset, 5),
                        "stage": number,
                        "tiles": self.n_tiles,
                        "trials": self.trials,
                    }
                    return refined, stars, evidence
        msg = "no solution that chance could not explain"
        raise AlgorithmFailed(
            msg,
            sources=len(self.detections),
            stars=max(len(stars) for stars in self.stars),
            pointings=[label for _, _, label in self.pointings],
            tiles=self.n_tiles,
            trials=self.trials,
            best=self.best,
        )

    def _deeper(self, last: Stage) -> bool:
        """Say whether there is anything beyond what the last stage used."""
        return len(self.z) > last.n_frame or any(len(s) > last.n_sky for s in self.stars)

    def _try_tile(
        self,
        ra: float,
        dec: float,
        pointing: int,
        stage: Stage,
        z: npt.NDArray[np.complex128],
        triangles: TriangleIndex,
    ) -> tuple[Refined, Stars, dict[str, Any]] | None:
        stars = self._near(ra, dec, pointing)
        xi, eta = gnomonic(stars.ra, stars.dec, ra, dec)
        inside = np.flatnonzero(np.hypot(xi, eta) <= self.half_field)[: stage.n_sky]
        self.n_tiles += 1
        if len(inside) < _LEAST_STARS:
            return None
        scale = self.limits.pixel_scale / 3600.0
        sky = np.asarray(xi[inside] + 1j * eta[inside], dtype=np.complex128) / scale
        proposals, tried = propose(
            z,
            triangles,
            sky,
            make_triangles(
                sky, 0.9 * _SHORTEST * self.diagonal, 1.1 * stage.longest * self.diagonal
            ),
            scale_tolerance=self.limits.scale_tolerance,
            lever=0.5 * self.diagonal,
            radius=max(6.0, 0.006 * self.diagonal),
            code_radius=stage.code_radius,
        )
        self.trials += tried
        for proposal in proposals:
            start = plate_of_proposal(proposal, (ra, dec), self.shape, self.limits.pixel_scale)
            refined = refine(self.detections, stars, start, self.shape)
            if refined is None:
                continue
            evidence, faults = self._judge(refined, stars)
            if not faults:
                return refined, stars, evidence | {"votes": proposal.votes}
            if evidence["log10_chance"] < self.best.get("log10_chance", 0.0):
                self.best = evidence | {"faults": faults}
        return None

    def _near(self, ra: float, dec: float, pointing: int) -> Stars:
        """Return the stars that a frame centred within a tile can hold, brightest first."""
        chord = 2.0 * np.sin(np.radians(2.0 * self.half_field) / 2.0)
        near = self.trees[pointing].query_ball_point(
            unit_vectors(ra, dec), chord, return_sorted=True
        )
        return self.stars[pointing].select(np.asarray(near, dtype=np.int64))

    def _judge(self, refined: Refined, stars: Stars) -> tuple[dict[str, Any], list[str]]:
        """Weigh a refined plate; return its figures and what speaks against it."""
        plate, limits = refined.plate, self.limits
        inside, places = stars_on_frame(plate, stars, self.shape)
        position = {int(s): k for k, s in enumerate(inside)}
        known = np.array([int(s) in position for s in refined.i_star], dtype=bool)
        i = refined.i_detection[known]
        j = np.array([position[int(s)] for s in refined.i_star[known]], dtype=np.int64)
        chance = chance_log10(
            self.detections.xy, places, (i, j), refined.radius, self.shape, self.trials
        )
        of_detections = np.count_nonzero(i < _BRIGHT) / min(_BRIGHT, len(self.detections))
        of_stars = np.count_nonzero(j < _BRIGHT) / max(1, min(_BRIGHT, len(inside)))
        evidence = {
            "n_matched": len(refined.i_detection),
            "n_detections": len(self.detections),
            "n_stars": len(inside),
            "rms_arcsec": round(refined.rms * plate.scale, 4),
            "rms_px": round(refined.rms, 4),
            "log10_chance": round(chance, 2),
            "completeness": round(float(of_stars), 3),
            "bright_matched": round(float(of_detections), 3),
            "pixel_scale": round(plate.scale, 5),
            "rotation_deg": round(plate.rotation, 4),
            "mirrored": plate.mirrored,
            "skew": round(plate.skew, 5),
            "order": plate.order,
        }
        faults = []
        if chance > limits.log10_chance:
            faults.append(f"log10_chance above {limits.log10_chance}")
        if refined.rms > limits.rms_px:
            faults.append(f"rms_px above {limits.rms_px}")
        if max(of_detections, of_stars) < limits.completeness:
            faults.append(f"completeness below {limits.completeness}")
        if abs(np.log(plate.scale / limits.pixel_scale)) > 1.1 * np.log1p(limits.scale_tolerance):
            faults.append("pixel_scale out of tolerance")
        if plate.skew > 0.03:
            faults.append("skew above 0.03")
        return evidence, faults


def _bright_first(stars: Stars) -> Stars:
    faint = np.where(np.isfinite(stars.mag), stars.mag, np.inf)
    return stars.select(np.lexsort((stars.ra, stars.dec, faint)))


def _report(
    refined: Refined,
    stars: Stars,
    evidence: dict[str, Any],
    given: npt.NDArray[np.int64],
    pairs: Pairs | None,
    shape: tuple[int, int],
    detections: Detections,
) -> Solution:
    plate = refined.plate
    inside, places = stars_on_frame(plate, stars, shape, refined.radius)
    position = {int(s): k for k, s in enumerate(inside)}
    fwhm = detections.fwhm_median
    evidence["fwhm_arcsec"] = round(fwhm * plate.scale, 3) if np.isfinite(fwhm) else None
    wcs_pair = None
    if pairs is not None:
        wcs_pair = plate.to_wcs(shape, (pairs.dx, pairs.dy))
        evidence["pair"] = {
            "dx": round(pairs.dx, 3),
            "dy": round(pairs.dy, 3),
            "scatter": round(pairs.scatter, 3),
            "n": len(pairs),
            "expected": round(pairs.expected, 2),
        }
    return Solution(
        plate=plate,
        shape=shape,
        wcs=plate.to_wcs(shape),
        wcs_pair=wcs_pair,
        stars=stars.select(inside),
        star_xy=places,
        i_detection=given[refined.i_detection],
        i_star=np.array([position[int(s)] for s in refined.i_star], dtype=np.int64),
        pairs=pairs,
        evidence=evidence,
    )
