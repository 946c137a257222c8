"""How much of the light of a star the aperture holds, frame by frame.

The frames of a cycle are measured with one aperture, but the seeing changes from one to the
next. A seeing 2 % wider puts 0.5 % less of a star's light into 3 sigma, and behind a polaroid
that looks like a polarization of 0.3 %. Two beams on one frame lose alike, and so do a source
and its calibrators; fluxes of different frames have to be brought to one scale.

A faint neighbour or a galaxy in the wings gives a star a curve of growth of its own, the same in
every frame. Each star is therefore compared with itself: a mean over the stars of each frame
would give such a one more weight in one frame than in another, and its oddity to the seeing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.photometry import zero_point
from polarnight.pipeline.groups.growth import FrameGrowth, frame_growth
from polarnight.pipeline.groups.measure import LoadedFrame

__all__ = ["RelativeLoss", "relative_losses"]

FloatArray = npt.NDArray[np.float64]

_ROUNDS = 8


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
    curves = []
    for loaded in frames:
        try:
            curve = (growth or {}).get(loaded.ref.id) or frame_growth(loaded, fwhm, radii, ())
        except AlgorithmFailed:
            return {one.ref.id: RelativeLoss() for one in frames}
        curves.append(curve)
    shares = _compared(*_by_star(frames, curves, radii[0])) or [_fraction(one) for one in curves]
    typical = float(np.mean([fraction for fraction, _, _ in shares]))
    return {
        loaded.ref.id: RelativeLoss(fraction / typical, error / typical, n)
        for loaded, (fraction, error, n) in zip(frames, shares, strict=True)
    }


def _by_star(
    frames: Sequence[LoadedFrame], curves: Sequence[FrameGrowth], reach: float
) -> tuple[FloatArray, FloatArray]:
    """Return what each star says in each frame (magnitudes) and its error, shape (stars, frames).

    Stars within `reach` pixels of each other are the same; not numbers where one says nothing.
    """
    from scipy.spatial import cKDTree

    known = np.zeros((0, 2))
    value, error = np.zeros((0, len(frames))), np.zeros((0, len(frames)))
    for number, (loaded, curve) in enumerate(zip(frames, curves, strict=True)):
        xy = _on_first(loaded, frames[0], curve.stars.xy)
        told = np.isfinite(curve.stars.value) & np.isfinite(curve.stars.err)
        told &= np.isfinite(xy).all(axis=1)
        xy = xy[told]
        index = np.full(len(xy), len(known))
        if len(known):
            index = cKDTree(known).query(xy, distance_upper_bound=reach)[1]
        new = index == len(known)
        index[new] += np.arange(np.count_nonzero(new))
        known = np.vstack([known, xy[new]])
        more = np.full((np.count_nonzero(new), len(frames)), np.nan)
        value, error = np.vstack([value, more]), np.vstack([error, more])
        value[index, number] = curve.stars.value[told]
        error[index, number] = curve.stars.err[told]
    return value, error


def _on_first(loaded: LoadedFrame, first: LoadedFrame, xy: FloatArray) -> FloatArray:
    """Return the pixels of the first frame on which the stars of another one lie."""
    here, there = loaded.frame.wcs, first.frame.wcs
    if here is None or there is None or here is there or not len(xy):
        return xy
    return np.asarray(there.all_world2pix(here.all_pix2world(xy, 0), 0, quiet=True), dtype=float)


def _compared(value: FloatArray, error: FloatArray) -> list[tuple[float, float, int]]:
    """Return share of the light, its error and the number of stars, frame by frame.

    Each star has a level of its own, each frame a shift that the stars tell robustly; both are
    found in turn. Of the error of a frame the part is left out that all frames have in common by
    the levels of the stars. Nothing where a frame has no star that another one has as well.
    """
    value, error = (a[np.isfinite(value).sum(axis=1) > 1] for a in (value, error))
    seen = np.isfinite(value)
    linked = (seen[:, :, None] & seen[:, None, :]).any(axis=0)
    if not np.linalg.matrix_power(linked.astype(float), value.shape[1]).all():
        return []
    weights = np.where(seen, np.nan_to_num(error, nan=1.0) ** -2, 0.0)
    total = weights.sum(axis=1)
    # A star's deviation from its own mean is smaller than its error, for it is in that mean.
    scale = np.broadcast_to(np.sqrt(1.0 - 1.0 / seen.sum(axis=1))[:, None], seen.shape)
    shift = np.zeros(value.shape[1])
    for _ in range(_ROUNDS):
        level = np.sum(weights * np.where(seen, value - shift, 0.0), axis=1) / total
        found = [
            zero_point(column[on], (sigma * part)[on])
            for column, sigma, part, on in zip(
                (value - level[:, None]).T, error.T, scale.T, seen.T, strict=True
            )
        ]
        shift = np.array([one.value for one in found])
    widened = np.sqrt(np.sum(weights / scale**2, axis=0) / np.sum(weights, axis=0))
    mean = float(np.average(level, weights=total))
    share = 10.0 ** (0.4 * (mean + shift))
    return [
        (float(part), float(part * one.err * wider) * 0.4 * math.log(10.0), one.n)
        for part, one, wider in zip(share, found, widened, strict=True)
    ]


def _fraction(growth: FrameGrowth) -> tuple[float, float, int]:
    """Return the fraction of the light within the aperture, its error, and how many stars."""
    correction = growth.corrections[0]
    fraction = 10.0 ** (0.4 * correction.value)
    return fraction, fraction * correction.err * 0.4 * math.log(10.0), correction.n
