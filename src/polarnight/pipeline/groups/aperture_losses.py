"""How much of the light of a star the aperture holds, frame by frame.

The frames of a cycle are measured with one aperture, but the seeing changes from one to the
next. A seeing 2 % wider puts 0.5 % less of a star's light into 3 sigma, and behind a polaroid
that looks like a polarization of 0.3 %. Two beams on one frame lose alike, and so do a source
and its calibrators; fluxes of different frames have to be brought to one scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.groups.growth import FrameGrowth, frame_growth
from polarnight.pipeline.groups.measure import LoadedFrame

__all__ = ["RelativeLoss", "relative_losses"]


@dataclass(frozen=True, slots=True)
class RelativeLoss:
    """Light in the aperture of one frame over that of the typical frame of its group.

    Attributes
    ----------
    factor, error : float
    n : int
        Stars that told it.
    """

    factor: float = 1.0
    error: float = 0.0
    n: int = 0


def relative_losses(
    frames: Sequence[LoadedFrame],
    fwhm: float,
    radii: tuple[float, float, float],
    growth: Mapping[int, FrameGrowth] | None = None,
) -> dict[int, RelativeLoss]:
    """Measure the light lost outside the aperture from the stars of each frame.

    Parameters
    ----------
    frames : sequence of LoadedFrame
        The frames of a cycle, with one beam each.
    fwhm : float
        Seeing of the group, pixels.
    radii : tuple of float
        Aperture, inner and outer radius of the sky, pixels.
    growth : mapping, optional
        Curves of growth by id of the frame, where they were measured already.

    Returns
    -------
    dict
        By id of the frame. Where a frame has no star bright enough, all factors are 1: what
        the seeing changes is then smaller than the noise of everything on the frame.
    """
    found = {}
    for loaded in frames:
        try:
            curve = (growth or {}).get(loaded.ref.id) or frame_growth(loaded, fwhm, radii, ())
        except AlgorithmFailed:
            return {one.ref.id: RelativeLoss() for one in frames}
        found[loaded.ref.id] = _fraction(curve)
    typical = float(np.mean([fraction for fraction, _, _ in found.values()]))
    return {
        frame: RelativeLoss(fraction / typical, error / typical, n)
        for frame, (fraction, error, n) in found.items()
    }


def _fraction(growth: FrameGrowth) -> tuple[float, float, int]:
    """Return the fraction of the light within the aperture, its error, and how many stars."""
    correction = growth.corrections[0]
    fraction = 10.0 ** (0.4 * correction.value)
    return fraction, fraction * correction.err * 0.4 * math.log(10.0), correction.n
