"""Cosmic rays, found by their edges that are sharper than any star's.

Laplacian detection after van Dokkum 2001 (PASP 113, 1420), with the compiled code of astroscrappy
and the variance plane of the frame. Of what it finds, the cores of stars are given back:
a star lights all eight neighbours of its peak in proportion, a cosmic ray does not, however
well or badly the stars are sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polarnight.calibration.rules import CosmicRayRules
from polarnight.frames import UNUSABLE, Bit, Frame

__all__ = ["CosmicRays", "find_cosmic_rays"]

# Fraction of its peak that even the faintest neighbour of a star's peak has, where no star of
# the frame says better: a Gaussian of FWHM 1.8 pixels centred on the corner of a pixel.
_FAINTEST_NEIGHBOUR = 0.08
_MIN_STARS = 5
_STAR_SIGNIFICANCE = 30.0
_SATURATED_STAR = 3  # pixels
_SHOULDER = 4  # pixels
_AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
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
        Groups that were the core of a star and are not in the mask.
    """

    mask: npt.NDArray[np.bool_]
    n_hits: int
    n_restored: int


def find_cosmic_rays(
    frame: Frame, rules: CosmicRayRules, *, saturation: float = np.inf
) -> CosmicRays:
    """Find the pixels that cosmic rays hit; the frame stays as it is.

    Parameters
    ----------
    frame : Frame
        Calibrated, with variance and sky.
    rules : CosmicRayRules
    saturation : float
        Level of saturation in units of the frame; the surroundings of saturated stars are
        left out.

    Raises
    ------
    ValueError
        Where the frame has no variance.
    """
    import astroscrappy

    if frame.variance is None:
        msg = "cosmic rays cannot be told from noise without a variance"
        raise ValueError(msg)
    bad = frame.mask(int(UNUSABLE & ~int(Bit.COSMIC_RAY))) | _saturated_stars(frame)
    if bad.all():
        return CosmicRays(np.zeros(frame.shape, dtype=bool), 0, 0)
    sky = np.float32(np.median(frame.data[~bad][::7]))
    noise = np.float32(np.median(frame.variance[~bad][::7]))
    data = np.where(bad, sky, frame.data)
    variance = np.where(bad | ~(frame.variance > 0), noise, frame.variance)
    found, _ = astroscrappy.detect_cosmics(
        data,
        inmask=bad,
        invar=variance,
        sigclip=rules.nsigma,
        sigfrac=rules.neighbour_fraction,
        objlim=rules.contrast,
        gain=1.0,
        satlevel=float(min(saturation, 1e30)),
        niter=rules.max_iterations,
        sepmed=True,
        cleantype="medmask",
        fsmode="median",
    )
    found &= ~bad
    return _without_stars(found, data - sky, variance, bad)


def _saturated_stars(frame: Frame) -> npt.NDArray[np.bool_]:
    """Return the surroundings of saturated stars, whose steep shoulders look like edges."""
    if frame.bits is None:
        return np.zeros(frame.shape, dtype=np.bool_)
    saturated = (frame.bits & np.uint16(Bit.SATURATED)) != 0
    groups, n_groups = ndimage.label(saturated, structure=_EIGHT)
    sizes = ndimage.sum_labels(saturated, groups, np.arange(n_groups + 1))
    # A cosmic ray may saturate a pixel or two as well.
    stars = sizes[groups] >= _SATURATED_STAR
    return np.asarray(ndimage.binary_dilation(stars, _EIGHT, iterations=_SHOULDER))


def _without_stars(
    found: npt.NDArray[np.bool_],
    light: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    bad: npt.NDArray[np.bool_],
) -> CosmicRays:
    groups, n_groups = ndimage.label(found, structure=_EIGHT)
    if n_groups == 0:
        return CosmicRays(found, 0, 0)
    peaks = ndimage.maximum_position(light, groups, np.arange(1, n_groups + 1))
    y, x = np.array(peaks, dtype=int).T
    fraction = _faintest_neighbour(light, y, x)
    stars = fraction >= _star_limit(light, variance, bad)
    mask = found & ~np.concatenate([[False], stars])[groups]
    return CosmicRays(mask, int(n_groups - stars.sum()), int(stars.sum()))


def _star_limit(
    light: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    bad: npt.NDArray[np.bool_],
) -> float:
    """Return the fraction of the peak in the faintest neighbour that makes a star.

    Half of what the less sampled of the frame's bright stars have; bright maxima all of whose
    neighbours are significant are stars, because cosmic rays have at least one dark side.
    """
    bright = light > _STAR_SIGNIFICANCE * np.sqrt(variance)
    bright &= ~ndimage.binary_dilation(bad, _EIGHT)
    y, x = np.nonzero(bright)
    peak = light[y, x] >= ndimage.maximum_filter(light, footprint=_AROUND)[y, x]
    y, x = y[peak], x[peak]
    fraction = _faintest_neighbour(light, y, x)
    significant = fraction * light[y, x] > 5.0 * np.sqrt(variance[y, x])
    if significant.sum() < _MIN_STARS:
        return _FAINTEST_NEIGHBOUR
    return max(0.5 * float(np.percentile(fraction[significant], 10)), 0.5 * _FAINTEST_NEIGHBOUR)


def _faintest_neighbour(
    light: npt.NDArray[np.float32], y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Return the smallest of the eight neighbours of pixels, as a fraction of each."""
    padded = np.pad(light, 1, mode="edge")
    neighbours = [padded[y + 1 + j, x + 1 + i] for j in (-1, 0, 1) for i in (-1, 0, 1) if i or j]
    faintest = np.min(neighbours, axis=0) / np.maximum(light[y, x], 1e-30)
    return np.asarray(faintest, dtype=np.float64)
