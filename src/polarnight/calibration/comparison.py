"""What changed from one master to the next: the ratio of two flats, and defects."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label, uniform_filter

from polarnight.calibration.loading import load_master
from polarnight.errors import BadFrame
from polarnight.frames import Frame, ImageType

__all__ = ["COMPARISON_VERSION", "FlatRatio", "compare_flats", "flat_ratio"]

COMPARISON_VERSION = "1"
"""Changes whenever the same flats would compare otherwise."""

_BLOCKS = 12
_SPOT = 5  # pixels; the shadow of a grain of dust is larger
_LEAST_SPOT = 20  # pixels of a shadow
_BEYOND_NOISE = 5.0
_ENOUGH = 0.5  # of the pixels of a block

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FlatRatio:
    """A master flat over an earlier one; both have a median of 1.

    Attributes
    ----------
    rms : float
        Robust scatter of the ratio from pixel to pixel, large scales taken out.
    noise : float
        What the variances of the two flats make expect of it.
    excess : float
        The part of the scatter that is no noise.
    large_scale : float
        Largest difference from 1 of the medians of 12 x 12 blocks.
    new_spots, gone_spots : int
        Compact places that have become darker, or brighter again: grains of dust.
    spot_contrast : float
        Fraction by which they had to change.
    """

    rms: float
    noise: float
    excess: float
    large_scale: float
    new_spots: int
    gone_spots: int
    spot_contrast: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-able types, with six digits."""
        return {
            name: float(f"{value:.6g}") if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def compare_flats(flat: str | Path, previous: str | Path, spot_contrast: float = 0.01) -> FlatRatio:
    """Compare two master flats on disk; see `flat_ratio`.

    Raises
    ------
    BadFrame
        Where one of them cannot be read, or they cannot be compared.
    """
    frames = [load_master(path, ImageType.FLAT) for path in (flat, previous)]
    try:
        return flat_ratio(frames[0], frames[1], spot_contrast)
    except ValueError as error:
        raise BadFrame(flat, str(error)) from error


def flat_ratio(flat: Frame, previous: Frame, spot_contrast: float = 0.01) -> FlatRatio:
    """Divide a flat by an earlier one and say how they differ.

    Parameters
    ----------
    flat, previous : Frame
        Of one shape, normalised, with variance and bits.
    spot_contrast : float
        Fraction by which a compact place must have changed.

    Raises
    ------
    ValueError
        Where they are of different size, or hardly any pixel is good in both.
    """
    if flat.shape != previous.shape:
        msg = f"its size is {flat.shape}, that of the one before {previous.shape}"
        raise ValueError(msg)
    bad = np.zeros(flat.shape, dtype=bool)
    for frame in (flat, previous):
        bad |= ~np.isfinite(frame.data) | (frame.data <= 0)
        if frame.bits is not None:
            bad |= frame.bits != 0
    if bad.mean() > 1.0 - 0.1:
        msg = "hardly any pixel is good in both flats"
        raise ValueError(msg)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(bad, np.nan, flat.data / previous.data).astype(np.float64)
        noise = _relative_variance(flat) + _relative_variance(previous)
    ratio /= np.nanmedian(ratio)
    typical = float(np.sqrt(np.median(noise[~bad])))
    blocks = _block_medians(ratio)
    small = ratio - _large_scale(ratio)
    rms = 1.4826 * float(np.nanmedian(np.abs(small - np.nanmedian(small))))
    darker, brighter = _spots(small, bad, rms, spot_contrast)
    return FlatRatio(
        rms=rms,
        noise=typical,
        excess=float(np.sqrt(max(rms**2 - typical**2, 0.0))),
        large_scale=float(np.nanmax(np.abs(blocks - 1.0))),
        new_spots=darker,
        gone_spots=brighter,
        spot_contrast=spot_contrast,
    )


def _relative_variance(frame: Frame) -> npt.NDArray[np.floating[Any]]:
    if frame.variance is None:
        return np.zeros(frame.shape)
    return np.asarray(frame.variance / frame.data**2)


def _block_medians(ratio: FloatArray) -> FloatArray:
    medians = np.full((_BLOCKS, _BLOCKS), np.nan)
    for i, rows in enumerate(np.array_split(ratio, min(_BLOCKS, ratio.shape[0]), axis=0)):
        for j, block in enumerate(np.array_split(rows, min(_BLOCKS, ratio.shape[1]), axis=1)):
            good = block[np.isfinite(block)]
            if good.size > _ENOUGH * block.size:
                medians[i, j] = np.median(good)
    return medians


def _large_scale(ratio: FloatArray) -> FloatArray:
    """Return the mean of the surroundings of each pixel, a twelfth of the image wide."""
    return _mean_around(ratio, max(max(ratio.shape) // _BLOCKS, 3 * _SPOT))


def _mean_around(values: FloatArray, size: int) -> FloatArray:
    good = np.isfinite(values)
    weight = uniform_filter(good.astype(np.float64), size, mode="nearest")
    total = uniform_filter(np.where(good, values, 0.0), size, mode="nearest")
    mean: FloatArray = np.where(weight > 0.0, total / np.maximum(weight, 1e-12), np.nan)
    return mean


def _spots(
    small: FloatArray, bad: npt.NDArray[np.bool_], rms: float, contrast: float
) -> tuple[int, int]:
    """Count compact places that are darker and brighter than before."""
    smooth = _mean_around(np.where(bad, np.nan, small), _SPOT)
    limit = max(contrast, _BEYOND_NOISE * rms / _SPOT)
    with np.errstate(invalid="ignore"):
        return _count(smooth < -limit), _count(smooth > limit)


def _count(mask: npt.NDArray[np.bool_]) -> int:
    labels, n = label(mask)
    if n == 0:
        return 0
    sizes = np.bincount(labels.ravel())[1:]
    return int(np.sum(sizes >= _LEAST_SPOT))
