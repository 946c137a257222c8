"""The plate solver: where a frame points, or a reasoned no.

Rounds of a search (see `polarnight.astrometry.plates.search`) compare the triangles of the
brightest detections with those of the brightest stars of a region, first close to the pointings,
then in the whole circle about them. The transforms that triangles propose are ranked by how many
detections they carry onto stars, and refined on all stars; the first that chance cannot
explain is the answer. Nothing is random: the same frame always gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.detections import DetectionFlag, Detections
from polarnight.astrometry.detection.pairs import PairLike, Pairs, find_pairs
from polarnight.astrometry.geometry import julian_year, separation
from polarnight.astrometry.plates.beams import Beams
from polarnight.astrometry.plates.judge import Limits, judge
from polarnight.astrometry.plates.refine import Refined, stars_on_frame
from polarnight.astrometry.plates.regions import LEAST_STARS, FrameStars, Sky, propose, settle
from polarnight.astrometry.plates.search import PLAN
from polarnight.astrometry.plates.solution import Solution
from polarnight.astrometry.stars.catalogue import StarCatalogue, Stars
from polarnight.errors import AlgorithmFailed

__all__ = ["solve"]

_FEW = 20


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
        How wrong they may be.
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
    given, shifted = _usable(detections, pairs)
    listed = detections.select(given)
    if pairs is not None:
        listed = replace(
            listed,
            x=np.where(shifted, listed.x - pairs.dx, listed.x),
            y=np.where(shifted, listed.y - pairs.dy, listed.y),
        )
    if len(listed) < LEAST_STARS:
        msg = "too few sources to solve the frame"
        raise AlgorithmFailed(msg, sources=len(listed), needed=LEAST_STARS)
    if not pointings:
        msg = "the frame has no pointing: neither coordinates in its header nor a known object"
        raise AlgorithmFailed(msg, sources=len(listed))
    limits = Limits(max_log10_chance, max_rms_px, min_completeness, scale_tolerance, pixel_scale)
    beams = None
    if pairs is not None and pair is not None:
        beams = Beams.of(detections.xy, pairs, pair)
    refined, stars, evidence = _find(
        listed, catalogue, shape, limits, pointings, radius_deg, julian_year(jd), beams
    )
    return _report(refined, stars, evidence, given, shifted, pairs, shape, detections)


def _usable(
    detections: Detections, pairs: Pairs | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the detections to go by, and which are extraordinary images.

    The brightest come first; where there are few, what looks unlike a star follows at the end,
    since the width of the stars is badly known then. Where two beams show few pairs, stars
    without a partner (it lies off the frame, or was too faint) serve too, first as ordinary and
    then as extraordinary images.
    """
    masked, unlike, saturated = (
        (detections.flags & np.uint16(flag)) != 0
        for flag in (DetectionFlag.MASKED, DetectionFlag.NOT_STELLAR, DetectionFlag.SATURATED)
    )
    # Saturated stars stay: they are the brightest of the catalogue too.
    good = (~masked & ~unlike) | saturated
    if pairs is not None:
        given = pairs.ordinary
        shifted = np.zeros(len(given), dtype=bool)
        if len(given) < _FEW:
            paired = np.concatenate([pairs.ordinary, pairs.extraordinary])
            alone = np.setdiff1d(np.flatnonzero(good), paired)[: 2 * _FEW]
            given = np.concatenate([given, np.repeat(alone, 2)])
            shifted = np.concatenate([shifted, np.tile([False, True], len(alone))])
        return given, shifted
    chosen = np.flatnonzero(good)
    if len(chosen) < _FEW:
        doubtful = np.flatnonzero(~good)
        doubtful = doubtful[np.argsort(masked[doubtful], kind="stable")]
        chosen = np.concatenate([chosen, doubtful])[: 2 * _FEW]
    return chosen, np.zeros(len(chosen), dtype=bool)


def _find(
    detections: Detections,
    catalogue: StarCatalogue,
    shape: tuple[int, int],
    limits: Limits,
    pointings: Sequence[tuple[float, float, str]],
    radius_deg: float,
    jyear: float,
    beams: Beams | None,
) -> tuple[Refined, Stars, dict[str, Any]]:
    """Search round by round; return the first solution that holds."""
    frame = FrameStars(detections, shape, limits.pixel_scale, limits.scale_tolerance)
    sky = Sky(catalogue, frame, pointings, radius_deg, jyear)
    trials, n_tiles = 0, 0
    best: dict[str, Any] = {}
    for number, (scope, one) in enumerate(PLAN):
        regions = sky.near() if scope == "near" else sky.wide()
        for region in regions:
            proposals, tried = propose(frame, region, one)
            trials += tried
            n_tiles += 1
            for proposal in proposals:
                refined, stars = settle(frame, region, one, proposal)
                if refined is None:
                    continue
                evidence, faults = judge(refined, stars, frame, limits, trials)
                if beams is not None and not faults:
                    told, faults = beams.weigh(refined, stars, shape)
                    evidence |= told
                if not faults:
                    ra0, dec0, label = pointings[region.pointing]
                    offset = float(separation(ra0, dec0, refined.plate.ra0, refined.plate.dec0))
                    return (
                        refined,
                        stars,
                        evidence
                        | {
                            "votes": proposal.votes,
                            "pointing": label,
                            "offset_deg": round(offset, 5),
                            "stage": number,
                            "tiles": n_tiles,
                            "trials": trials,
                        },
                    )
                if evidence["log10_chance"] < best.get("log10_chance", 0.0):
                    best = evidence | {"faults": faults}
    msg = "no solution that chance could not explain"
    raise AlgorithmFailed(
        msg,
        sources=len(detections),
        stars=sky.most_stars,
        pointings=[label for _, _, label in pointings],
        tiles=n_tiles,
        trials=trials,
        best=best,
    )


def _report(
    refined: Refined,
    stars: Stars,
    evidence: dict[str, Any],
    given: npt.NDArray[np.int64],
    shifted: npt.NDArray[np.bool_],
    pairs: Pairs | None,
    shape: tuple[int, int],
    detections: Detections,
) -> Solution:
    plate = refined.plate
    inside, places = stars_on_frame(plate, stars, shape, refined.radius)
    position = {int(s): k for k, s in enumerate(inside)}
    ordinary = ~shifted[refined.i_detection]
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
        i_detection=given[refined.i_detection][ordinary],
        i_star=np.array([position[int(s)] for s in refined.i_star], dtype=np.int64)[ordinary],
        pairs=pairs,
        evidence=evidence,
    )
