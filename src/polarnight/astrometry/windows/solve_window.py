"""The place of a small window on the sky, from wide frames or from the target's own pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.images import images_of
from polarnight.astrometry.detection.pairs import PairLike
from polarnight.astrometry.geometry import gnomonic, gnomonic_inverse, julian_year, separation
from polarnight.astrometry.plates.evidence import match_nearest
from polarnight.astrometry.plates.plate import Plate, fit_plate
from polarnight.astrometry.plates.refine import stars_on_frame
from polarnight.astrometry.plates.solution import Solution
from polarnight.astrometry.windows.own_pair import (
    Orientation,
    OwnPair,
    mean_orientation,
    own_pair,
    own_pair_on_wide,
)
from polarnight.astrometry.windows.placement import WideFrame, pair_as_seen, wide_images
from polarnight.astrometry.windows.tie import Tie, TieLimits, tie_window
from polarnight.errors import AlgorithmFailed

if TYPE_CHECKING:
    from polarnight.astrometry.detection.detections import Detections
    from polarnight.astrometry.stars.catalogue import StarCatalogue
    from polarnight.frames import FrameInfo

__all__ = ["solve_window"]

Floats = npt.NDArray[np.float64]
Sky = Callable[[Floats], tuple[Floats, Floats]]

_GRID = 7
_NEGLIGIBLE_PX = 0.02


def solve_window(
    detections: Detections,
    info: FrameInfo,
    catalogue: StarCatalogue,
    *,
    wides: Sequence[WideFrame] = (),
    orientations: Sequence[Orientation] = (),
    target: tuple[float, float] | None = None,
    pointings: Sequence[tuple[float, float, str]] = (),
    pointing_tolerance_deg: float = 0.5,
    pair: PairLike | None = None,
    limits: TieLimits | None = None,
) -> Solution:
    """Solve a window that shows too few stars for a solution of its own.

    It is laid on the first of the wide frames with which it agrees, by the stars that both show
    or else by the target's pair. Without any wide frame the target's pair is sought in the middle
    of the window, and the orientation is that of other solved frames.

    Parameters
    ----------
    detections : Detections
    info : FrameInfo
        As reduced.
    catalogue : StarCatalogue
        To say which catalogue stars the window shows; the solution does not rest on it.
    wides : sequence of WideFrame
        Solved wide frames of the target, the most trusted first.
    orientations : sequence of Orientation
        Of other solved frames of the instrument with this binning; used where there are no wide
        frames.
    target : tuple of float, optional
        Place of the target in the source catalogue, degrees.
    pointings : sequence of (ra, dec, label)
        Where the header may say that the telescope pointed. Without a wide frame, a target
        farther than `pointing_tolerance_deg` from all of them is not believed.
    pair : PairLike, optional
        Known displacement of the two beams, pixels as binned.
    limits : TieLimits, optional

    Returns
    -------
    Solution
        Its evidence tells the `method`, what it was tied to, and what speaks for it.

    Raises
    ------
    AlgorithmFailed
        Where nothing holds; the numbers tell why each way was refused.
    """
    limits = limits or TieLimits()
    refused: list[str] = []
    for wide in wides:
        try:
            return _on_wide(detections, info, catalogue, wide, target, pair, limits, refused)
        except AlgorithmFailed as error:
            refused.append(str(error))
    if not wides:
        try:
            return _alone(
                detections, info, catalogue, orientations, target, pair,
                pointings, pointing_tolerance_deg,
            )  # fmt: skip
        except AlgorithmFailed as error:
            refused.append(str(error))
    msg = "the window cannot be tied to anything"
    raise AlgorithmFailed(msg, sources=len(detections), wide_frames=len(wides), refused=refused)


def _on_wide(
    detections: Detections,
    info: FrameInfo,
    catalogue: StarCatalogue,
    wide: WideFrame,
    target: tuple[float, float] | None,
    pair: PairLike | None,
    limits: TieLimits,
    refused: list[str],
) -> Solution:
    if target is not None and wide.pixel_of(*target) is None:
        msg = "the wide frame does not show the target"
        raise AlgorithmFailed(msg, wide=wide.name)
    try:
        tie = tie_window(detections, info, wide, pair=pair, limits=limits)
        method, more, vector = "stars of a wide frame", {}, None
    except AlgorithmFailed as error:
        if target is None or pair is None:
            raise
        refused.append(str(error))
        found, tie = own_pair_on_wide(detections, info, wide, target, pair, limits)
        method, more, vector = (
            "own pair, near its place on a wide frame",
            found.figures,
            found.vector,
        )
    if vector is None and pair is not None:
        vector = _vector(detections, info, wide, tie, pair)

    def sky(xy: Floats) -> tuple[Floats, Floats]:
        ra, dec = wide.wcs.all_pix2world(tie.to_wide(xy), 0).T
        return np.asarray(ra), np.asarray(dec)

    plate = _plate(sky, (info.height, info.width))
    rms = tie.figures["rms_px"]
    evidence = {
        **more,
        **tie.figures,
        "method": method,
        "wide_frame": wide.name,
        "placement": tie.place.label,
        "n_matched": tie.figures["stars_matched"],
        "images_matched": tie.figures["n_matched"],
        "rms_arcsec": None if rms is None else round(rms * plate.scale, 4),
        "pointing": f"tied to {wide.name}",
        "offset_deg": round(float(np.hypot(*tie.shift)) * plate.scale / 3600.0, 6),
    }
    return _solution(plate, detections, info, catalogue, vector, evidence)


def _vector(
    detections: Detections, info: FrameInfo, wide: WideFrame, tie: Tie, pair: PairLike
) -> tuple[float, float]:
    """Return the displacement of the beams: as the window shows it, else as the wide frame does."""
    seen = pair_as_seen(pair, wide_images(wide, pair), tie.place) or pair
    dx, dy = images_of(detections, info, seen).vector
    return float(dx), float(dy)


def _alone(
    detections: Detections,
    info: FrameInfo,
    catalogue: StarCatalogue,
    orientations: Sequence[Orientation],
    target: tuple[float, float] | None,
    pair: PairLike | None,
    pointings: Sequence[tuple[float, float, str]],
    tolerance_deg: float,
) -> Solution:
    """Centre the window on the target's pair, turned as other frames were."""
    if target is None:
        msg = "no wide frame, and the object is not in the source catalogue"
        raise AlgorithmFailed(msg, object=info.object_name)
    if pair is None:
        msg = "no wide frame, and the instrument shows no pairs"
        raise AlgorithmFailed(msg)
    away = [float(separation(ra, dec, *target)) for ra, dec, _ in pointings]
    if away and min(away) > tolerance_deg:
        msg = "the header points elsewhere than to the object"
        raise AlgorithmFailed(msg, offset_deg=round(min(away), 3), limit=tolerance_deg)
    stood, scatter = mean_orientation(orientations, bool(info.extra.get("flipped")))
    found = own_pair(detections, info, pair)
    plate = _plate(_sky_about(target, found, stood), (info.height, info.width))
    evidence = {
        **found.figures,
        "method": "own pair, turned as other frames",
        "n_matched": 1,
        "images_matched": 2,
        "rms_arcsec": None,
        "rms_px": None,
        "pointing": "the target's own pair",
        "offset_deg": 0.0,
        "frames_of_orientation": len(orientations),
        "rotation_scatter_deg": round(scatter, 3),
    }
    return _solution(plate, detections, info, catalogue, found.vector, evidence)


def _sky_about(target: tuple[float, float], found: OwnPair, stood: Orientation) -> Sky:
    """Return the function from pixels to the sky of a window turned as `stood`."""
    angle = np.radians(stood.rotation_deg)
    parity = 1.0 if stood.mirrored else -1.0
    up = np.array([np.sin(angle), np.cos(angle)])
    right = parity * np.array([np.cos(angle), -np.sin(angle)])
    degrees = stood.pixel_scale / 3600.0

    def sky(xy: Floats) -> tuple[Floats, Floats]:
        step = (xy - np.array(found.xy)) * degrees
        xi, eta = (step[:, :1] * right + step[:, 1:] * up).T
        return gnomonic_inverse(xi, eta, *target)

    return sky


def _plate(sky: Sky, shape: tuple[int, int]) -> Plate:
    """Return the plate through a grid of places: linear where that says all, else cubic."""
    ny, nx = shape
    x, y = (
        g.ravel() for g in np.meshgrid(np.linspace(0, nx - 1, _GRID), np.linspace(0, ny - 1, _GRID))
    )
    ra, dec = sky(np.column_stack([x, y]))
    start = (float(ra[len(ra) // 2]), float(dec[len(dec) // 2]))
    plate = fit_plate(x, y, ra, dec, start=start, shape=shape, order=1)
    found = np.column_stack(plate.from_plane(*gnomonic(ra, dec, plate.ra0, plate.dec0)))
    if np.hypot(*(found - np.column_stack([x, y])).T).max() > _NEGLIGIBLE_PX:
        plate = fit_plate(x, y, ra, dec, start=start, shape=shape, order=3)
    return plate


def _solution(
    plate: Plate,
    detections: Detections,
    info: FrameInfo,
    catalogue: StarCatalogue,
    vector: tuple[float, float] | None,
    evidence: dict[str, Any],
) -> Solution:
    """Return a solution, with the catalogue stars that the window shows."""
    shape = (info.height, info.width)
    radius_deg = 0.6 * float(np.hypot(*shape)) * plate.scale / 3600.0
    stars = catalogue.cone(*plate.recentred(), radius_deg, julian_year(info.jd_mid))
    faint = np.where(np.isfinite(stars.mag), stars.mag, np.inf)
    stars = stars.select(np.lexsort((stars.ra, stars.dec, faint)))
    inside, places = stars_on_frame(plate, stars, shape)
    i, j = match_nearest(detections.xy, places, 3.0)
    fwhm = float(detections.fwhm_median)
    evidence |= {
        "n_detections": len(detections),
        "n_stars": len(inside),
        "catalogue_matched": len(i),
        "pixel_scale": round(plate.scale, 5),
        "rotation_deg": round(plate.rotation, 4),
        "mirrored": plate.mirrored,
        "skew": round(plate.skew, 5),
        "order": plate.order,
        "fwhm_arcsec": round(fwhm * plate.scale, 3) if np.isfinite(fwhm) else None,
    }
    if vector is not None:
        evidence["pair"] = {"dx": round(vector[0], 3), "dy": round(vector[1], 3)}
    return Solution(
        plate=plate,
        shape=shape,
        wcs=plate.to_wcs(shape),
        wcs_pair=None if vector is None else plate.to_wcs(shape, vector),
        stars=stars.select(inside),
        star_xy=places,
        i_detection=i,
        i_star=j,
        pairs=None,
        evidence=evidence,
    )
