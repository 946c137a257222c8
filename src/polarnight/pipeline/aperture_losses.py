"""How much of the light of a star the aperture holds, frame by frame.

The frames of a cycle are measured with one aperture, but the seeing changes from one to the
next. A seeing 2 % wider puts 0.5 % less of a star's light into 3 sigma, and behind a polaroid
that looks like a polarization of 0.3 %. Two beams on one frame lose alike, and so do a source
and its calibrators; fluxes of different frames have to be brought to one scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.photometry import aperture_correction, aperture_photometry
from polarnight.pipeline.measure import LoadedFrame, other_sources

__all__ = ["RelativeLoss", "relative_losses"]

FloatArray = npt.NDArray[np.float64]

_MIN_SNR = 50.0
_MAX_STARS = 100
_NEIGHBOUR = 0.01  # of a star's flux; fainter ones disturb all frames of the group alike
# In units of the aperture's radius: a circle that holds all but 0.2 % of a star whatever the
# seeing, and a ring of sky outside it (that of the measurement lies within the circle, and the
# light of the star in it would change with the seeing too).
_LARGE, _SKY_IN, _SKY_OUT = 2.0, 2.67, 3.67


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


def relative_losses(frames: Sequence[LoadedFrame], radius: float) -> dict[int, RelativeLoss]:
    """Measure the light lost outside the aperture from the stars of each frame.

    Parameters
    ----------
    frames : sequence of LoadedFrame
        The frames of a cycle, with one beam each.
    radius : float
        Of the aperture, pixels.

    Returns
    -------
    dict
        By id of the frame. Where a frame has no star bright enough, all factors are 1: what
        the seeing changes is then smaller than the noise of everything on the frame.
    """
    found = {}
    for loaded in frames:
        try:
            found[loaded.ref.id] = _fraction(loaded, radius)
        except AlgorithmFailed:
            return {one.ref.id: RelativeLoss() for one in frames}
    typical = float(np.mean([fraction for fraction, _, _ in found.values()]))
    return {
        frame: RelativeLoss(fraction / typical, error / typical, n)
        for frame, (fraction, error, n) in found.items()
    }


def _fraction(loaded: LoadedFrame, radius: float) -> tuple[float, float, int]:
    """Return the fraction of the light within the aperture, its error, and how many stars."""
    stars = _stars(loaded, (_LARGE + 0.5) * radius)
    table = aperture_photometry(
        loaded.frame.data,
        loaded.frame.variance,
        loaded.frame.bits,
        stars,
        np.array([radius, _LARGE * radius]),
        (_SKY_IN * radius, _SKY_OUT * radius),
        exclude=other_sources(loaded, radius),
    )
    clean = (table.bits[:, 1] == 0)[:, None]
    clean_table = replace(table, flux=np.where(clean, table.flux, np.nan))
    correction = aperture_correction(clean_table, 0, 1)
    fraction = 10.0 ** (0.4 * correction.value)
    return fraction, fraction * correction.err * 0.4 * math.log(10.0), correction.n


def _stars(loaded: LoadedFrame, room: float) -> FloatArray:
    """Return the places of bright clean detections, nothing bright within `room` pixels."""
    table = loaded.detections
    xy = np.column_stack([table["x"], table["y"]]).astype(float)
    flux = np.asarray(table["flux"], dtype=float)
    chosen = np.flatnonzero((table["flags"] == 0) & (flux > _MIN_SNR * table["flux_err"]))
    distance = np.hypot(*(xy[chosen, None, :] - xy[None, :, :]).transpose(2, 0, 1))
    disturbing = (distance < room) & (flux[None, :] > _NEIGHBOUR * flux[chosen, None])
    disturbing[np.arange(len(chosen)), chosen] = False
    # Detections come brightest first.
    places: FloatArray = xy[chosen[~disturbing.any(axis=1)][:_MAX_STARS]]
    return places
