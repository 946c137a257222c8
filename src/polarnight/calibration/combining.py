"""Calibration frames combined pixel by pixel, with what their scatter should have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from polarnight.calibration.noise import (
    noise_ratio,
    quantised_read_variance,
    regularised_variance,
)
from polarnight.calibration.quality import Candidate
from polarnight.calibration.rules import MasterRules
from polarnight.cubes import Combined, FrameStack, combine
from polarnight.frames import Frame, ImageType, read_raw

__all__ = ["Stacked", "combine_candidates"]

Plane: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Stacked:
    """A combination of calibration frames in the unit of the master.

    Attributes
    ----------
    value, variance : ndarray of float32, shape (ny, nx)
    count, bits : ndarray of uint16, shape (ny, nx)
    scatter : ndarray, shape (ny, nx)
        Variance of `value` from the scatter of the frames alone.
    expected : ndarray, shape (ny, nx)
        The same from gain, read noise and signal alone.
    noise_ratio : float
        Typical `scatter` over `expected`.
    """

    value: npt.NDArray[np.float32]
    variance: npt.NDArray[np.float32]
    count: npt.NDArray[np.uint16]
    bits: npt.NDArray[np.uint16]
    scatter: Plane
    expected: Plane
    noise_ratio: float


def combine_candidates(
    kind: ImageType,
    candidates: list[Candidate],
    bias: Frame | None,
    dark: Frame | None,
    rules: MasterRules,
) -> Stacked:
    """Combine examined frames into the planes of a master.

    Parameters
    ----------
    kind : ImageType
    candidates : list of Candidate
        At least one.
    bias, dark : Frame or None
        Masters to subtract; a dark serves flats only.
    rules : MasterRules
    """
    if kind is not ImageType.FLAT:
        dark = None
    times = np.array([c.info.exptime for c in candidates])
    scales = _scales(kind, candidates)
    combined = _combine(candidates, bias, dark, times, scales, rules)
    expected = _expected(kind, combined, candidates, scales)
    ratio = noise_ratio(combined.variance, combined.count, expected)
    variance = regularised_variance(
        combined.variance, combined.count, expected, ratio, rules.prior_strength
    )
    if bias is not None and bias.variance is not None:
        variance += np.float32(np.mean(scales) ** 2) * bias.variance
    if dark is not None and dark.variance is not None:
        variance += np.float32(np.mean(scales * times) ** 2) * dark.variance
    value, factor = combined.value, np.float32(1.0)
    if kind is ImageType.FLAT:
        factor = np.float32(1.0 / _typical(value, candidates[0]))
    bits = combined.bits
    for master in (bias, dark):
        if master is not None and master.bits is not None:
            bits = bits | master.bits
    return Stacked(
        value=value * factor,
        variance=variance * factor**2,
        count=combined.count,
        bits=bits,
        scatter=combined.variance * factor**2,
        expected=expected * factor**2,
        noise_ratio=ratio,
    )


def _scales(kind: ImageType, candidates: list[Candidate]) -> npt.NDArray[np.float64]:
    if kind is ImageType.DARK:
        return np.array([1.0 / c.info.exptime for c in candidates])
    if kind is ImageType.FLAT:
        return np.array([1.0 / c.level for c in candidates])
    return np.ones(len(candidates))


def _combine(
    candidates: list[Candidate],
    bias: Frame | None,
    dark: Frame | None,
    times: npt.NDArray[np.float64],
    scales: npt.NDArray[np.float64],
    rules: MasterRules,
) -> Combined:
    few = len(candidates) < rules.min_clip
    info = candidates[0].info
    floors = [
        (quantised_read_variance(c.info.gain, c.info.read_noise) ** 0.5) * scale
        for c, scale in zip(candidates, scales, strict=True)
    ]
    options: dict[str, Any] = {
        "method": "median" if few else rules.method,
        "nsigma": rules.nsigma,
        "max_iterations": rules.max_iterations,
        "min_sigma": floors,
        "bias": None if bias is None else bias.data,
        "dark": None if dark is None else dark.data,
        "dark_scale": None if dark is None else times,
        "scale": scales,
        "saturation": info.saturation,
    }
    if any(c.overscan != 0.0 for c in candidates):
        options["saturation"] = info.saturation - max(c.overscan for c in candidates)
        return combine([_without_overscan(c) for c in candidates], **options)
    with FrameStack([c.path for c in candidates]) as stack:
        return combine(stack, **options)


def _without_overscan(candidate: Candidate) -> npt.NDArray[np.float32]:
    # Each frame has its own level, so that these stacks are held in memory.
    raw = read_raw(candidate.path)
    data = raw.data.astype(np.float32)
    if raw.blank is not None:
        data[raw.data == raw.blank] = np.nan
    return data - np.float32(candidate.overscan)


def _expected(
    kind: ImageType,
    combined: Combined,
    candidates: list[Candidate],
    scales: npt.NDArray[np.float64],
) -> Plane:
    """Return the variance of the combined values from gain, read noise and signal.

    A value v of the master was v/s ADU in a frame that was multiplied by s, so that its
    variance was ``v s / gain + s^2 (read noise / gain)^2``, and their mean's a further 1/n.
    """
    info = candidates[0].info
    count = np.maximum(combined.count, 1)
    read = quantised_read_variance(info.gain, info.read_noise) * float(np.mean(scales**2))
    if kind is ImageType.BIAS:
        return (np.full(combined.value.shape, read) / count).astype(np.float32)
    with np.errstate(invalid="ignore"):
        light = np.maximum(combined.value, 0.0) * (float(np.mean(scales)) / info.gain)
    return np.asarray((light + read) / count, dtype=np.float32)


def _typical(value: npt.NDArray[np.float32], candidate: Candidate) -> float:
    """Return the median of the pixels that hold light."""
    window = value if candidate.info.trim is None else value[candidate.info.trim.slices]
    return float(np.median(window[np.isfinite(window)]))
