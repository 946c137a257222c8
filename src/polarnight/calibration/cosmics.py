"""Cosmic rays, found by their edges that are sharper than any star's.

Laplacian detection after van Dokkum 2001 (PASP 113, 1420) with the variance plane of the frame.
How much sharper than its surroundings a pixel must be is told by the stars of the frame. Where
they are sampled well, a little suffices, and cosmic rays are found in the very cores of stars.
Where stars are as sharp as cosmic rays, cores and shoulders of stars are given back: a star lights
all four neighbours of its peak in proportion, and one side as the other, however badly it is
sampled; a cosmic ray does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from polarnight.calibration.laplacian import contrasts, grown, pixels_of, sharp_edges
from polarnight.calibration.rules import CosmicRayRules
from polarnight.frames import UNUSABLE, Bit, Frame

__all__ = ["CosmicRays", "find_cosmic_rays"]

# Fraction of the peak that even the faintest of its four neighbours has, where no star of the
# frame says better: a Gaussian of FWHM 1.5 pixels centred on the corner of a pixel.
_FAINTEST_NEIGHBOUR = 0.08
_MIN_STARS = 5
_STAR_SIGNIFICANCE = 30.0
_SATURATED_STAR = 3  # pixels
_SHOULDER = 4  # pixels
_STEPS = 5
# The brightest of nine pixels opposite a shoulder is brighter than the shoulder unless the peak
# lies at the border of its pixel; twice covers that case.
_ASYMMETRY = 2.0
# Times the contrast that nine tenths of the pixels in the cores of stars do not exceed.
_STAR_CONTRAST = 3.0
_MIN_CORE_PIXELS = 20
_STAR_REACH = 6  # pixels
# Faintest neighbour of a sampled star's peak: a Gaussian of FWHM 2.6 pixels on a pixel's corner.
_SAMPLED = 0.45
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class CosmicRays:
    """What was found.

    Attributes
    ----------
    mask : ndarray of bool, shape (ny, nx)
    n_hits : int
        Groups of touching pixels.
    n_restored : int
        Groups that belonged to a star and are not in the mask.
    """

    mask: npt.NDArray[np.bool_]
    n_hits: int
    n_restored: int


def find_cosmic_rays(frame: Frame, rules: CosmicRayRules) -> CosmicRays:
    """Find the pixels that cosmic rays hit; the frame stays as it is.

    Parameters
    ----------
    frame : Frame
        Calibrated, with variance and sky. The surroundings of saturated stars are left out.
    rules : CosmicRayRules

    Raises
    ------
    ValueError
        Where the frame has no variance.
    """
    from scipy import ndimage

    if frame.variance is None:
        msg = "cosmic rays cannot be told from noise without a variance"
        raise ValueError(msg)
    bad = frame.mask(int(UNUSABLE & ~int(Bit.COSMIC_RAY))) | _saturated_stars(frame)
    if bad.all():
        return CosmicRays(np.zeros(frame.shape, dtype=bool), 0, 0)
    sky, noise = (_typical(plane, bad) for plane in (frame.data, frame.variance))
    data = np.where(bad, sky, frame.data)
    variance = np.where(bad | ~(frame.variance > 0), noise, frame.variance)
    readable = np.isfinite(frame.data) & ~_has(frame, ~int(Bit.SATURATED) & int(UNUSABLE))
    light = np.where(readable, frame.data - sky, np.float32(0.0))
    stars = _stars(light, variance, bad)
    found = sharp_edges(data, variance, bad, rules)
    kept, n_given_back = _without_stars(found, light, variance, _star_limit(stars))
    contrast = _contrast(data, variance, stars, rules)
    if contrast < rules.contrast:
        # Once only: what a second pass finds in the core of a star is the hole of the first.
        once = replace(rules, contrast=contrast, max_iterations=1)
        sampled = _around(stars, kept.shape) & ~grown(bad, _SHOULDER)
        kept = np.where(sampled, sharp_edges(data, variance, bad, once, where=sampled), kept)
    _, n_hits = ndimage.label(kept, structure=_EIGHT)
    return CosmicRays(kept, n_hits, n_given_back)


def _typical(plane: npt.NDArray[np.float32], bad: npt.NDArray[np.bool_]) -> np.float32:
    """Return the median of the good pixels, of one in 49 where that leaves enough."""
    sparse = (slice(None, None, 7), slice(None, None, 7))
    values = plane[sparse][~bad[sparse]]
    if values.size < 1000:
        values = plane[~bad]
    return np.float32(np.median(values))


def _has(frame: Frame, bits: int) -> npt.NDArray[np.bool_]:
    if frame.bits is None:
        return np.zeros(frame.shape, dtype=np.bool_)
    return np.asarray((frame.bits & np.uint16(bits & 0xFFFF)) != 0)


def _saturated_stars(frame: Frame) -> npt.NDArray[np.bool_]:
    """Return the surroundings of saturated stars, whose steep shoulders look like edges."""
    from scipy import ndimage

    saturated = _has(frame, int(Bit.SATURATED))
    if not saturated.any():
        return saturated
    groups, _ = ndimage.label(saturated, structure=_EIGHT)
    sizes = np.bincount(groups.ravel())
    sizes[0] = 0
    # A cosmic ray may saturate a pixel or two as well.
    stars = sizes[groups] >= _SATURATED_STAR
    return grown(stars, _SHOULDER)


def _without_stars(
    found: npt.NDArray[np.bool_],
    light: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    limit: float,
) -> tuple[npt.NDArray[np.bool_], int]:
    """Return what remains of the pixels found, and how many groups were given back."""
    from scipy import ndimage

    groups, n_groups = ndimage.label(found, structure=_EIGHT)
    kept = np.zeros_like(found)
    n_given_back = n_groups
    for number, place in enumerate(ndimage.find_objects(groups), start=1):
        y, x = np.nonzero(groups[place] == number)
        y, x = y + place[0].start, x + place[1].start
        brightest = light[y, x].argmax()
        y0, x0 = _summit(light, int(y[brightest]), int(x[brightest]))
        hit = np.ones(len(y), dtype=np.bool_)
        if _faintest_neighbour(light, np.array([y0]), np.array([x0]))[0] >= limit:
            hit = _one_sided(light, variance, (y0, x0), y, x)
        kept[y[hit], x[hit]] = True
        n_given_back -= bool(hit.any())
    return kept, n_given_back


def _summit(light: npt.NDArray[np.float32], y: int, x: int) -> tuple[int, int]:
    """Return the local maximum uphill of a pixel, at most a few steps away."""
    for _ in range(_STEPS):
        y0, x0 = max(0, y - 1), max(0, x - 1)
        part = light[y0 : y + 2, x0 : x + 2]
        up = divmod(int(part.argmax()), part.shape[1])
        if (y0 + up[0], x0 + up[1]) == (y, x):
            break
        y, x = y0 + up[0], x0 + up[1]
    return y, x


def _one_sided(
    light: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    centre: tuple[int, int],
    y: npt.NDArray[np.intp],
    x: npt.NDArray[np.intp],
) -> npt.NDArray[np.bool_]:
    """Return which pixels near a star's peak are far brighter than those opposite of it."""
    ny, nx = light.shape
    opposite = np.full(len(y), -np.inf)
    for j in (-1, 0, 1):
        for i in (-1, 0, 1):
            row = np.clip(2 * centre[0] - y + j, 0, ny - 1)
            column = np.clip(2 * centre[1] - x + i, 0, nx - 1)
            opposite = np.maximum(opposite, light[row, column])
    limit = _ASYMMETRY * np.maximum(opposite, 0.0) + 5.0 * np.sqrt(variance[y, x])
    return np.asarray(light[y, x] > limit)


@dataclass(frozen=True)
class _Stars:
    """Peaks of bright stars, and the faintest of their four neighbours as a fraction of them."""

    y: npt.NDArray[np.intp]
    x: npt.NDArray[np.intp]
    fraction: npt.NDArray[np.float64]


def _stars(
    light: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    bad: npt.NDArray[np.bool_],
) -> _Stars:
    """Return the bright stars of the frame.

    Bright maxima all of whose neighbours are significant are stars, because cosmic rays have at
    least one dark side.
    """
    bright = light > _STAR_SIGNIFICANCE * np.sqrt(variance)
    bright &= ~grown(bad, 1)
    y, x = pixels_of(bright)
    padded = np.pad(light, 1, mode="edge")
    around = [padded[y + 1 + j, x + 1 + i] for j in (-1, 0, 1) for i in (-1, 0, 1)]
    peak = light[y, x] >= np.max(around, axis=0)
    y, x = y[peak], x[peak]
    fraction = _faintest_neighbour(light, y, x)
    significant = fraction * light[y, x] > 5.0 * np.sqrt(variance[y, x])
    return _Stars(y[significant], x[significant], fraction[significant])


def _contrast(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    stars: _Stars,
    rules: CosmicRayRules,
) -> float:
    """Return the contrast that no star of a well-sampled frame has, else that of the rules."""
    if len(stars.y) < _MIN_STARS or np.percentile(stars.fraction, 10) < _SAMPLED:
        return rules.contrast
    ny, nx = data.shape
    y, x = (
        np.concatenate([np.clip(at + step, 0, size - 1) for step in steps])
        for at, size, steps in (
            (stars.y, ny, np.repeat([-1, 0, 1], 3)),
            (stars.x, nx, np.tile([-1, 0, 1], 3)),
        )
    )
    significance, contrast = contrasts(data, variance, y, x)
    sharp = contrast[significance > rules.nsigma]
    if len(sharp) < _MIN_CORE_PIXELS:
        return rules.contrast
    return min(rules.contrast, _STAR_CONTRAST * float(np.percentile(sharp, 90)))


def _around(stars: _Stars, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    peaks = np.zeros(shape, dtype=np.bool_)
    peaks[stars.y, stars.x] = True
    return grown(peaks, _STAR_REACH)


def _star_limit(stars: _Stars) -> float:
    """Return the fraction of the peak in the faintest neighbour that makes a star.

    Half of what the less sampled of the frame's bright stars have.
    """
    if len(stars.y) < _MIN_STARS:
        return _FAINTEST_NEIGHBOUR
    return max(0.5 * float(np.percentile(stars.fraction, 10)), 0.5 * _FAINTEST_NEIGHBOUR)


def _faintest_neighbour(
    light: npt.NDArray[np.float32], y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Return the smallest of the four neighbours of pixels, as a fraction of each."""
    padded = np.pad(light, 1, mode="edge")
    neighbours = [padded[y + 1 + j, x + 1 + i] for j, i in ((-1, 0), (0, -1), (0, 1), (1, 0))]
    faintest = np.min(neighbours, axis=0) / np.maximum(light[y, x], 1e-30)
    return np.asarray(faintest, dtype=np.float64)
