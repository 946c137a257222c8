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
from polarnight.cubes.kernels.factors import combining_factors
from polarnight.frames import Frame, ImageType, read_raw

__all__ = ["Stacked", "combine_candidates"]

Plane: TypeAlias = npt.NDArray[Any]

_MAX_PASSES = 3
_TOLERATED = 1.1
"""Excess of the observed over the expected variance that calls for no second pass."""


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
    noises = _typical_noises(kind, candidates, scales)
    excess = 1.0
    for _ in range(_MAX_PASSES):
        combined = _combine(candidates, bias, dark, times, scales, excess * noises, rules)
        expected = _expected(kind, combined, candidates, scales, rules)
        ratio = noise_ratio(combined.variance, combined.count, expected)
        if ratio <= _TOLERATED * excess**2:
            break
        # The frames are noisier than declared: clip again, no closer than their true noise.
        excess = ratio**0.5
    variance = regularised_variance(
        combined.variance, combined.count, expected, ratio, rules.prior_strength
    )
    variance *= np.float32(_unequal_factor(noises, _method(candidates, rules)))
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


def _typical_noises(
    kind: ImageType, candidates: list[Candidate], scales: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the noise of a typical pixel of each frame, in the unit of the master."""
    variances = []
    for candidate, scale in zip(candidates, scales, strict=True):
        info = candidate.info
        light = 0.0 if kind is ImageType.BIAS else max(candidate.level, 0.0) / info.gain
        if kind is ImageType.DARK:
            light *= info.exptime
        variances.append((light + quantised_read_variance(info.gain, info.read_noise)) * scale**2)
    return np.sqrt(variances)


def _unequal_factor(noises: npt.NDArray[np.float64], method: str) -> float:
    """Return by how much frames of unequal noise make a median better than equal ones.

    The variance of the median of normal values of one mean is ``(pi/2) n / sum(1/sigma)^2`` for
    many values, less than the ``(pi/2) mean(sigma^2) / n`` that the scatter shows. A mean has no
    such advantage.
    """
    if not method.endswith("median"):
        return 1.0
    return float(1.0 / (np.mean(1.0 / noises) ** 2 * np.mean(noises**2)))


def _method(candidates: list[Candidate], rules: MasterRules) -> str:
    return rules.method if len(candidates) >= rules.min_clip else "median"


def _combine(
    candidates: list[Candidate],
    bias: Frame | None,
    dark: Frame | None,
    times: npt.NDArray[np.float64],
    scales: npt.NDArray[np.float64],
    noises: npt.NDArray[np.float64],
    rules: MasterRules,
) -> Combined:
    info = candidates[0].info
    options: dict[str, Any] = {
        "method": _method(candidates, rules),
        "nsigma": rules.nsigma,
        "max_iterations": rules.max_iterations,
        "min_sigma": noises,
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
    rules: MasterRules,
) -> Plane:
    """Return the variance of the combined values from gain, read noise and signal.

    A value v of the master was v/s ADU in a frame that was multiplied by s, so that its
    variance was ``v s / gain + s^2 (read noise / gain)^2``; that of the mean or median of n
    such values follows from `polarnight.cubes.kernels.factors`.
    """
    info = candidates[0].info
    centre = "median" if _method(candidates, rules).endswith("median") else "mean"
    factors = combining_factors(centre, len(candidates)).astype(np.float32)[combined.count]
    read = quantised_read_variance(info.gain, info.read_noise) * float(np.mean(scales**2))
    if kind is ImageType.BIAS:
        return np.asarray(np.float32(read) * factors, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        light = np.maximum(combined.value, 0.0) * (float(np.mean(scales)) / info.gain)
        return np.asarray((light + np.float32(read)) * factors, dtype=np.float32)


def _typical(value: npt.NDArray[np.float32], candidate: Candidate) -> float:
    """Return the median of the pixels that hold light."""
    window = value if candidate.info.trim is None else value[candidate.info.trim.slices]
    return float(np.median(window[np.isfinite(window)]))
