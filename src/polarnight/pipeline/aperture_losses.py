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
from polarnight.photometry import (
    FWHM_PER_SIGMA,
    Apertures,
    aperture_correction,
    aperture_photometry,
)
from polarnight.pipeline.measure import SKY_CLIP, LoadedFrame, other_sources

__all__ = ["RelativeLoss", "relative_losses"]

FloatArray = npt.NDArray[np.float64]

_MIN_SNR = 50.0
_MAX_STARS = 100
_NEIGHBOUR = 0.01  # of a star's flux; fainter ones disturb all frames of the group alike
# In sigmas of the seeing: a circle that holds all but a few 1e-4 of a star, and the gap to the
# ring of sky about it and the width of that. The ring of the measurement lies within the circle,
# and the light of the star in it changes with the seeing too.
_LARGE, _GAP, _RING = 7.5, 1.5, 4.0
_LARGER = 1.5  # times the aperture, at least


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
    frames: Sequence[LoadedFrame], fwhm: float, radii: tuple[float, float, float]
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

    Returns
    -------
    dict
        By id of the frame. Where a frame has no star bright enough, all factors are 1: what
        the seeing changes is then smaller than the noise of everything on the frame.
    """
    found = {}
    for loaded in frames:
        try:
            found[loaded.ref.id] = _fraction(loaded, fwhm / FWHM_PER_SIGMA, radii)
        except AlgorithmFailed:
            return {one.ref.id: RelativeLoss() for one in frames}
    typical = float(np.mean([fraction for fraction, _, _ in found.values()]))
    return {
        frame: RelativeLoss(fraction / typical, error / typical, n)
        for frame, (fraction, error, n) in found.items()
    }


def _fraction(
    loaded: LoadedFrame, sigma: float, radii: tuple[float, float, float]
) -> tuple[float, float, int]:
    """Return the fraction of the light within the aperture, its error, and how many stars."""
    radius, r_in, r_out = radii
    large = max(_LARGE * sigma, _LARGER * radius)
    ring = (large + _GAP * sigma, large + (_GAP + _RING) * sigma)
    stars = _stars(loaded, ring[0])
    mask = other_sources(loaded, radius)
    small_table, large_table = (
        aperture_photometry(
            loaded.frame.data,
            loaded.frame.variance,
            loaded.frame.bits,
            stars,
            np.array([circle]),
            annulus,
            exclude=mask,
            clip=SKY_CLIP,
        )
        for circle, annulus in ((radius, (r_in, r_out)), (large, ring))
    )
    correction = aperture_correction(_together(small_table, large_table), 0, 1)
    fraction = 10.0 ** (0.4 * correction.value)
    return fraction, fraction * correction.err * 0.4 * math.log(10.0), correction.n


def _together(small: Apertures, large: Apertures) -> Apertures:
    """Return both apertures of each star as one table; bad pixels make no number."""
    # The noise of the difference is taken as the difference of the squared errors, which holds
    # for a sky in common. The skies differ here: that of the small one adds to it.
    sky = (small.area * small.sky_err[:, None]) ** 2
    return replace(
        large,
        radii=np.concatenate([small.radii, large.radii]),
        flux=np.hstack([small.flux, np.where(large.bits == 0, large.flux, np.nan)]),
        flux_err=np.hstack([small.flux_err, np.sqrt(large.flux_err**2 + 2.0 * sky)]),
        area=np.hstack([small.area, large.area]),
        bits=np.hstack([small.bits, large.bits]),
    )


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
