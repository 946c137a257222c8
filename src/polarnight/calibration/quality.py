"""Looking at calibration frames before they are combined, and rejecting bad ones.

Levels and structures come from a sparse sample of the pixels, the same ones in every frame:
some 65 000 of them fix the level of a flat to a few parts in 10^5.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from polarnight.calibration.overscan import overscan_level
from polarnight.calibration.rules import MasterRules
from polarnight.errors import BadFrame
from polarnight.frames import FrameInfo, ImageType, Section, read_raw

__all__ = ["Candidate", "Reference", "examine", "reject_outliers"]

_SAMPLE = 65536
_BLOCKS = 12


@dataclass(frozen=True)
class Reference:
    """Masters that are subtracted while a frame is examined, any of them missing.

    Attributes
    ----------
    bias : ndarray of float32, shape (ny, nx), or None
        ADU.
    dark : ndarray of float32, shape (ny, nx), or None
        ADU per second.
    bits : ndarray of uint16, shape (ny, nx), or None
    """

    bias: npt.NDArray[np.float32] | None = None
    dark: npt.NDArray[np.float32] | None = None
    bits: npt.NDArray[np.uint16] | None = None


@dataclass(frozen=True)
class Candidate:
    """A calibration frame that was examined.

    Attributes
    ----------
    info : FrameInfo
    path : Path
    overscan : float
        ADU.
    level : float
        Median after subtraction of overscan and masters; ADU, for darks ADU per second.
    sigma : float
        Robust standard deviation of the sample, of the same unit.
    saturated : float
        Fraction of saturated pixels.
    structure : ndarray, shape (n, n), or None
        Medians of blocks relative to the level, for flats.
    """

    info: FrameInfo
    path: Path
    overscan: float
    level: float
    sigma: float
    saturated: float
    structure: npt.NDArray[np.float64] | None = None


def examine(
    info: FrameInfo, path: Path, kind: ImageType, reference: Reference, rules: MasterRules
) -> Candidate:
    """Read a frame and measure what decides about its use.

    Raises
    ------
    BadFrame
        Where the frame cannot be read, has another size than its masters, or no level; for
        darks without exposure time; for flats that are saturated or too faint.
    """
    raw = read_raw(path)
    if raw.data.shape != (info.height, info.width):
        size = f"{raw.data.shape[1]}x{raw.data.shape[0]}"
        raise BadFrame(path, f"the image is {size}, the header says {info.width}x{info.height}")
    if kind is ImageType.DARK and not info.exptime > 0:
        raise BadFrame(path, f"a dark of {info.exptime} s has no rate")
    for master in (reference.bias, reference.dark):
        if master is not None and master.shape != raw.data.shape:
            raise BadFrame(path, f"the image is {raw.data.shape}, its master {master.shape}")
    window = info.trim or Section(0, info.width, 0, info.height)
    step = max(1, int(((window.x1 - window.x0) * (window.y1 - window.y0) / _SAMPLE) ** 0.5))
    rows, columns = (slice(s.start, s.stop, step) for s in window.slices)
    sample = raw.data[rows, columns].astype(np.float64)
    bad = ~np.isfinite(sample) | (sample >= info.saturation)
    if raw.blank is not None:
        bad |= sample == raw.blank
    saturated = float(np.mean(sample >= info.saturation))
    overscan = overscan_level(raw.data, info)
    sample -= overscan
    zero = overscan
    if reference.bias is not None:
        zero += float(np.nanmedian(reference.bias[rows, columns]))
    for plane, factor in ((reference.bias, 1.0), (reference.dark, info.exptime)):
        if plane is not None:
            sample -= factor * plane[rows, columns]
    if reference.bits is not None:
        bad |= reference.bits[rows, columns] != 0
    sample[bad] = np.nan
    if kind is ImageType.DARK:
        sample /= info.exptime
    good = sample[~np.isnan(sample)]
    if kind is ImageType.FLAT and saturated > rules.flat_max_saturated:
        raise BadFrame(path, f"{saturated:.1%} of the pixels are saturated")
    if good.size == 0:
        raise BadFrame(path, "not one pixel can be used")
    level = float(np.median(good))
    sigma = 1.4826 * float(np.median(np.abs(good - level)))
    structure = None
    if kind is ImageType.FLAT:
        if level < rules.flat_min_level:
            limit = f"{rules.flat_min_level:g}"
            raise BadFrame(path, f"too faint: {level:.0f} ADU above bias, at least {limit} needed")
        if level + zero > info.nonlinear:
            raise BadFrame(path, f"{level:.0f} ADU above bias is beyond the linear range")
        structure = _structure(sample / level)
    return Candidate(info, path, overscan, level, sigma, saturated, structure)


def reject_outliers(
    candidates: list[Candidate], kind: ImageType, rules: MasterRules
) -> tuple[list[Candidate], list[tuple[Candidate, str]]]:
    """Separate frames that differ from the others.

    Biases and darks are compared by their level and noise, flats by their large-scale
    structure. With fewer than three frames nobody can say which one is odd.

    Returns
    -------
    kept : list of Candidate
    rejected : list of (Candidate, str)
        With the reason.
    """
    if len(candidates) < 3:
        return candidates, []
    judge = _odd_structure if kind is ImageType.FLAT else _odd_level
    reasons = judge(candidates, rules)
    kept = [c for c, reason in zip(candidates, reasons, strict=True) if not reason]
    rejected = [(c, reason) for c, reason in zip(candidates, reasons, strict=True) if reason]
    return kept, rejected


def _odd_level(candidates: list[Candidate], rules: MasterRules) -> list[str]:
    levels = np.array([c.level for c in candidates])
    sigmas = np.array([c.sigma for c in candidates])
    centre, noise = float(np.median(levels)), float(np.median(sigmas))
    spread = 1.4826 * float(np.median(np.abs(levels - centre)))
    # Levels that agree to better than the noise of one pixel harm nobody.
    limit = max(rules.level_nsigma * spread, noise)
    reasons = []
    for level, sigma in zip(levels, sigmas, strict=True):
        reason = ""
        if abs(level - centre) > limit:
            reason = f"its level {level:.2f} is {level - centre:+.2f} off the others ({centre:.2f})"
        elif sigma > 2.0 * noise > 0.0:
            reason = f"its noise {sigma:.2f} is more than twice that of the others ({noise:.2f})"
        reasons.append(reason)
    return reasons


def _odd_structure(candidates: list[Candidate], rules: MasterRules) -> list[str]:
    structures = np.array([c.structure for c in candidates])
    deviations = np.abs(structures / np.nanmedian(structures, axis=0) - 1.0)
    oddness = np.nanpercentile(deviations, 95, axis=(1, 2))
    return [
        f"its large-scale structure is {odd:.1%} off the others"
        if odd > rules.flat_max_structure
        else ""
        for odd in oddness
    ]


def _structure(sample: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    ny, nx = sample.shape
    rows = np.array_split(np.arange(ny), min(_BLOCKS, ny))
    columns = np.array_split(np.arange(nx), min(_BLOCKS, nx))
    medians = np.full((len(rows), len(columns)), np.nan)
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            block = sample[r[0] : r[-1] + 1, c[0] : c[-1] + 1]
            block = block[~np.isnan(block)]
            if block.size:
                medians[i, j] = np.median(block)
    return medians
