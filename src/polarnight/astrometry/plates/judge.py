"""What a plate solution must meet to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.plates.evidence import chance_log10, match_nearest
from polarnight.astrometry.plates.refine import Refined, stars_on_frame

if TYPE_CHECKING:
    from polarnight.astrometry.plates.regions import FrameStars
    from polarnight.astrometry.stars.catalogue import Stars

__all__ = ["Limits", "judge"]

_BRIGHT = 25
_BLUR = 0.3  # of the seeing
_RMS_ARCSEC = 0.5
_OLD_ARCSEC = 1.0  # of a catalogue without motions, decades old
_WIDENINGS = (1.0, 1.7, 3.0)
_MANY = 40


@dataclass(frozen=True, slots=True)
class Limits:
    """What a solution must meet; see `polarnight.astrometry.plates.solve`."""

    log10_chance: float
    rms_px: float
    completeness: float
    scale_tolerance: float
    pixel_scale: float


def judge(
    refined: Refined, stars: Stars, frame: FrameStars, limits: Limits, trials: int
) -> tuple[dict[str, Any], list[str]]:
    """Weigh a refined plate.

    Parameters
    ----------
    refined : Refined
    stars : Stars
        To which its indices belong.
    frame : FrameStars
    limits : Limits
        Where pixels are small, residuals of 0.3 FWHM and of half an arcsecond (what errors
        and motions of catalogues come to) are allowed too.
    trials : int
        Hypotheses tried so far.

    Returns
    -------
    evidence : dict
        Figures, fit for JSON.
    faults : list of str
        What speaks against it; empty where it holds.
    """
    plate, detections = refined.plate, frame.detections
    inside, places = stars_on_frame(plate, stars, frame.shape)
    position = {int(s): k for k, s in enumerate(inside)}
    known = np.array([int(s) in position for s in refined.i_star], dtype=bool)
    i = refined.i_detection[known]
    j = np.array([position[int(s)] for s in refined.i_star[known]], dtype=np.int64)
    chance = _chance(refined, frame, places, trials)
    of_detections = np.count_nonzero(i < _BRIGHT) / min(_BRIGHT, len(detections))
    of_stars = np.count_nonzero(j < _BRIGHT) / max(1, min(_BRIGHT, len(inside)))
    evidence = {
        "n_matched": len(refined.i_detection),
        "n_detections": len(detections),
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
    # Where chance is out of the question, catalogue and frame may have less in common: the
    # brightest stars of one may be missing in the other, and stars have moved since.
    certain = chance <= 2.0 * limits.log10_chance
    rms_px = max(limits.rms_px, (_OLD_ARCSEC if certain else _RMS_ARCSEC) / plate.scale)
    fwhm = detections.fwhm_median
    rms_px = max(rms_px, _BLUR * fwhm) if np.isfinite(fwhm) else rms_px
    faults = []
    if chance > limits.log10_chance:
        faults.append(f"log10_chance above {limits.log10_chance}")
    if refined.rms > rms_px:
        faults.append(f"rms_px above {rms_px:.3g}")
    everywhere = len(refined.i_detection) / max(1, min(len(detections), len(inside)))
    common = max(of_detections, of_stars, everywhere if certain else 0.0)
    if common < (0.5 if certain else 1.0) * limits.completeness:
        faults.append(f"completeness below {limits.completeness}")
    if abs(np.log(plate.scale / limits.pixel_scale)) > 1.1 * np.log1p(limits.scale_tolerance):
        faults.append("pixel_scale out of tolerance")
    if plate.skew > 0.03:
        faults.append("skew above 0.03")
    return evidence, faults


def _chance(
    refined: Refined, frame: FrameStars, places: npt.NDArray[np.float64], trials: int
) -> float:
    """Return the chance of the matches at the radius where they say most.

    The width of the residuals is badly known from few stars, so several radii are tried, and
    paid for.
    """
    xy, best = frame.detections.xy, 0.0
    for widening in _WIDENINGS:
        radius = widening * refined.radius
        matches = match_nearest(xy, places, radius)
        cost = trials * len(_WIDENINGS)
        best = min(best, chance_log10(xy, places, matches, radius, frame.shape, cost))
        if len(matches[0]) > _MANY:
            break
    return best
