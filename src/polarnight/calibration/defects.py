"""Defects of the detector, from darks, biases and flats."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.calibration.rules import MasterRules

__all__ = ["dead_pixels", "hot_pixels", "smooth_structure", "unstable_pixels"]

_BLOCK = 16
_BEYOND_DOUBT = 1e-7
"""Probability per pixel of calling a sound pixel unstable."""


def smooth_structure(flat: npt.NDArray[Any], block: int = _BLOCK) -> npt.NDArray[np.float32]:
    """Return the large-scale structure of an image: medians of blocks, interpolated.

    Parameters
    ----------
    flat : ndarray, shape (ny, nx)
        Not-a-number pixels are ignored.
    block : int
        Side of the blocks in pixels.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Bilinear between the centres of the blocks; not a number where whole blocks are.
    """
    ny, nx = flat.shape
    my, mx = -(-ny // block), -(-nx // block)
    padded = np.full((my * block, mx * block), np.nan, dtype=np.float32)
    padded[:ny, :nx] = np.where(np.isfinite(flat), flat, np.nan)
    blocks = padded.reshape(my, block, mx, block).swapaxes(1, 2).reshape(my, mx, block * block)
    values = np.sort(blocks, axis=2)  # not-a-numbers go to the end
    count = np.count_nonzero(~np.isnan(values), axis=2)[..., None]
    middle = (np.maximum(count - 1, 0) // 2, np.minimum(count // 2, block * block - 1))
    low, high = (np.take_along_axis(values, place, axis=2)[..., 0] for place in middle)
    medians = np.float32(0.5) * (low + high)
    # The last blocks may hold fewer rows and columns: their centre is that of what they hold.
    across = _interpolate(medians, _centres(mx, block, nx), nx)
    return np.ascontiguousarray(_interpolate(across.T, _centres(my, block, ny), ny).T)


def dead_pixels(
    flat: npt.NDArray[np.float32], variance: npt.NDArray[np.float32], rules: MasterRules
) -> npt.NDArray[np.bool_]:
    """Return the pixels of a flat that differ strongly from their surroundings.

    A defect must differ by `rules.defect_contrast` and by 5 standard deviations, so that a
    faint flat does not condemn sound pixels; pixels without response are defects always.
    """
    around = smooth_structure(flat)
    with np.errstate(invalid="ignore", divide="ignore"):
        contrast = np.abs(flat / around - 1.0)
        significant = np.abs(flat - around) > 5.0 * np.sqrt(variance)
        bad = (contrast > rules.defect_contrast) & significant
        bad |= ~np.isfinite(flat) | (flat <= 0.01)
    return np.asarray(bad, dtype=np.bool_)


def hot_pixels(
    rate: npt.NDArray[np.float32], variance: npt.NDArray[np.float32], rules: MasterRules
) -> npt.NDArray[np.bool_]:
    """Return the pixels of a dark whose rate lies far above the typical one.

    Parameters
    ----------
    rate : ndarray of float32, shape (ny, nx)
        ADU per second.
    variance : ndarray of float32, shape (ny, nx)
        Of the rate.
    rules : MasterRules
    """
    good = rate[np.isfinite(rate)]
    if good.size == 0:
        return np.zeros(rate.shape, dtype=np.bool_)
    centre = float(np.median(good))
    spread = 1.4826 * float(np.median(np.abs(good - centre)))
    with np.errstate(invalid="ignore"):
        limit = rules.hot_nsigma * np.sqrt(np.maximum(variance, spread**2))
        return np.asarray(rate - centre > limit, dtype=np.bool_)


def unstable_pixels(
    scatter: npt.NDArray[Any],
    count: npt.NDArray[Any],
    expected: npt.NDArray[Any],
    rules: MasterRules,
) -> npt.NDArray[np.bool_]:
    """Return the pixels whose scatter from frame to frame is far too large.

    The limit is `rules.unstable_ratio` times the expected variance, raised where so few frames
    were combined that chance alone would exceed it once in ten million pixels.
    """
    from scipy.stats import chi2

    most = int(count.max(initial=0))
    freedom = np.arange(1, max(most, 2))
    limits = np.full(most + 1, np.inf)
    if most >= 2:
        limits[2:] = np.maximum(rules.unstable_ratio, chi2.isf(_BEYOND_DOUBT, freedom) / freedom)
    with np.errstate(invalid="ignore"):
        return np.asarray(scatter > limits[count] * expected, dtype=np.bool_)


def _centres(n: int, block: int, size: int) -> npt.NDArray[np.float64]:
    edges = np.minimum(np.arange(n + 1) * block, size)
    return np.asarray((edges[1:] + edges[:-1] - 1) / 2.0)


def _interpolate(
    values: npt.NDArray[np.float32], centres: npt.NDArray[np.float64], size: int
) -> npt.NDArray[np.float32]:
    """Interpolate along the last axis from block centres to all pixels, flat beyond the ends."""
    if len(centres) == 1:
        return np.repeat(values, size, axis=1)
    positions = np.clip(np.arange(size), centres[0], centres[-1])
    left = np.clip(np.searchsorted(centres, positions, side="right") - 1, 0, len(centres) - 2)
    fraction = (positions - centres[left]) / (centres[left + 1] - centres[left])
    weight = fraction.astype(np.float32)
    first, second = values[:, left], values[:, left + 1]
    blend = first + (second - first) * weight
    # Where one neighbour is empty the other one serves alone.
    missing = np.isnan(blend)
    blend[missing] = np.where(np.isnan(second), first, second)[missing]
    return np.asarray(blend, dtype=np.float32)
