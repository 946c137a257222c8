"""Small windows of the chip, laid on a solved frame of a larger part of it.

A window of a hundred arcseconds may show one star. Where a wide frame of the same target has
been solved, the place of the window on the chip says where its stars must be; the detections of
the wide frame, which go as deep as those of the window, then say which star is which, and how
far the telescope has moved and turned in between. A tie is believed where chance would not
make as good a one as near to the expected place, where no other is nearly as good, and where
neither frame lacks a star that the other makes it show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from polarnight.astrometry.detection.pairs import PairLike
from polarnight.astrometry.windows.placement import Placement, WideFrame, placements
from polarnight.astrometry.windows.scene import Scene, Tie, TieLimits
from polarnight.errors import AlgorithmFailed

if TYPE_CHECKING:
    from polarnight.astrometry.detection.detections import Detections
    from polarnight.frames import FrameInfo

__all__ = ["Tie", "TieLimits", "tie_window", "verify"]


def tie_window(
    detections: Detections,
    info: FrameInfo,
    wide: WideFrame,
    *,
    pair: PairLike | None = None,
    limits: TieLimits | None = None,
) -> Tie:
    """Lay a window on a wide frame by the stars that both show.

    Parameters
    ----------
    detections : Detections
        Of the window.
    info : FrameInfo
        Of the window as reduced; its binning must be that of the wide frame.
    wide : WideFrame
    pair : PairLike, optional
        Known displacement of the two beams, pixels as binned.
    limits : TieLimits, optional

    Returns
    -------
    Tie
        The best one; it meets the limits.

    Raises
    ------
    AlgorithmFailed
        Where no tie meets the limits, or two are nearly as good; tells the numbers of the best.
    """
    limits = limits or TieLimits()
    if tuple(info.binning) != tuple(wide.info.binning):
        msg = "the wide frame has another binning"
        raise AlgorithmFailed(msg, window=info.binning, wide=wide.info.binning)
    ties: list[Tie] = []
    radius = 3.0
    for place in placements(info, wide):
        scene = Scene(detections, info, wide, pair, place, limits)
        radius = scene.radius
        tried: set[tuple[int, int, int]] = set()
        for turn_deg, shift in scene.hypotheses():
            x, y = (round(float(v) / radius) for v in shift)
            cell = (round(4 * turn_deg), x, y)
            if cell not in tried:
                tried.add(cell)
                ties.append(scene.judge(turn_deg, shift))
    return _best(ties, wide, limits, 2.0 * radius, len(detections))


def _best(
    ties: Sequence[Tie], wide: WideFrame, limits: TieLimits, apart: float, n_images: int
) -> Tie:
    """Return the best tie where it is good enough, and the only one."""
    ordered = sorted(
        ties, key=lambda t: (len(t.faults), t.figures["log10_chance"], t.figures["rms_px"] or 99.0)
    )
    if not ordered:
        msg = "no star of the window is like one of the wide frame"
        raise AlgorithmFailed(msg, wide=wide.name, sources=n_images)
    best = ordered[0]
    faults = list(best.faults)
    chance = best.figures["log10_chance"]
    if chance > limits.max_log10_chance:
        faults.append(f"log10_chance above {limits.max_log10_chance}")
    if faults:
        msg = "no tie to the wide frame that chance could not explain"
        raise AlgorithmFailed(msg, wide=wide.name, faults=faults, best=best.figures)
    for other in ordered[1:]:
        same = other.place.label == best.place.label
        if same and float(np.hypot(*(other.shift - best.shift))) <= apart:
            continue
        if not other.faults and other.figures["log10_chance"] < chance + limits.rival_log10:
            msg = "two ties to the wide frame are nearly as good"
            raise AlgorithmFailed(msg, wide=wide.name, best=best.figures, other=other.figures)
        best.figures.setdefault("rival_log10_chance", other.figures["log10_chance"])
    return best


def verify(
    detections: Detections,
    info: FrameInfo,
    wide: WideFrame,
    *,
    at: tuple[float, float],
    wide_at: tuple[float, float],
    place: Placement,
    pair: PairLike | None = None,
    limits: TieLimits | None = None,
) -> Tie:
    """Weigh one tie: that a place of the window is a place of the wide frame, nothing turned.

    Parameters
    ----------
    detections, info, wide, pair, limits
        As for `tie_window`.
    at, wide_at : tuple of float
        Pixel of the window and of the wide frame (ordinary beam) that are one direction.
    place : Placement
        Of `placements`.

    Returns
    -------
    Tie
        With its faults; the chance is not judged.
    """
    scene = Scene(detections, info, wide, pair, place, limits or TieLimits())
    expected = place.to_window(np.array(wide_at))
    return scene.judge(0.0, np.array(at) - expected)
