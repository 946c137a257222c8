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
    my, mx = max(1, ny // block), max(1, nx // block)
    rows = np.linspace(0, ny, my + 1).astype(int)
    columns = np.linspace(0, nx, mx + 1).astype(int)
    medians = np.full((my, mx), np.nan)
    for i in range(my):
        for j in range(mx):
            values = flat[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            values = values[np.isfinite(values)]
            if values.size:
                medians[i, j] = np.median(values)
    across = _interpolate(medians, (columns[1:] + columns[:-1] - 1) / 2.0, nx)
    return _interpolate(across.T, (rows[1:] + rows[:-1] - 1) / 2.0, ny).T.astype(np.float32)


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


def _interpolate(
    values: npt.NDArray[np.float64], centres: npt.NDArray[np.float64], size: int
) -> npt.NDArray[np.float64]:
    """Interpolate along the last axis from block centres to all pixels, flat beyond the ends."""
    if len(centres) == 1:
        return np.repeat(values, size, axis=1)
    positions = np.clip(np.arange(size), centres[0], centres[-1])
    left = np.clip(np.searchsorted(centres, positions, side="right") - 1, 0, len(centres) - 2)
    weight = (positions - centres[left]) / (centres[left + 1] - centres[left])
    first, second = values[:, left], values[:, left + 1]
    blend = first * (1.0 - weight) + second * weight
    # Where one neighbour is empty the other one serves alone.
    return np.where(np.isnan(second), first, np.where(np.isnan(first), second, blend))
