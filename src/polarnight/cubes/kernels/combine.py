"""Combining many frames into one: median, mean, clipped mean and their like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from polarnight.cubes.kernels.arrays import ArraySource, Source, per_frame, plane, planes
from polarnight.cubes.kernels.reference import Rules
from polarnight.cubes.kernels.stack import FrameStack
from polarnight.cubes.kernels.task import CombineTask

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["METHODS", "Combined", "combine"]

METHODS: Final = ("median", "mean", "clipped_mean", "clipped_median", "min", "max", "sum")
"""Ways to combine."""

# The kernels number frames with 16 bits.
_MOST_FRAMES = 65535

Planes: TypeAlias = "npt.NDArray[Any] | Sequence[npt.NDArray[Any] | None]"


@dataclass(frozen=True)
class Combined:
    """A combined frame.

    Attributes
    ----------
    value : ndarray of float32, shape (ny, nx)
        Not a number where no input could be used.
    variance : ndarray of float32, shape (ny, nx)
        Of `value`; not a number where it cannot be known (fewer than two values and no
        variance given; smallest and largest).
    count : ndarray of uint16, shape (ny, nx)
        Number of values kept.
    bits : ndarray of uint16, shape (ny, nx)
        Of the least bad usable input. Where none is usable: of the least bad input, and
        `Bit.NO_DATA`.
    """

    value: npt.NDArray[np.float32]
    variance: npt.NDArray[np.float32]
    count: npt.NDArray[np.uint16]
    bits: npt.NDArray[np.uint16]


def combine(
    stack_or_arrays: FrameStack | npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    method: str,
    *,
    nsigma: float = 3.0,
    max_iterations: int = 5,
    min_sigma: float | Sequence[float] = 0.0,
    reject_low: int = 0,
    reject_high: int = 0,
    bias: npt.NDArray[np.float32] | None = None,
    dark: npt.NDArray[np.float32] | None = None,
    dark_scale: float | Sequence[float] | None = None,
    scale: float | Sequence[float] | None = None,
    bits: Planes | None = None,
    variance: Planes | None = None,
    saturation: float | None = None,
    threads: int | None = None,
) -> Combined:
    """Combine frames pixel by pixel.

    The value of frame i that enters is, in float32 and in this order,
    ``((raw - bias) - dark * dark_scale[i]) * scale[i]``. It is in use where it is finite,
    the raw value is below `saturation` and no bit of `polarnight.frames.UNUSABLE` is set.
    What is rejected and clipped is defined in `polarnight.cubes.kernels.reference`, to the bit: in
    short, ``clipped_*`` leave out, over and over, what lies farther from the median of what
    is kept than `nsigma` times the larger of 1.4826 MAD and `min_sigma`.

    Parameters
    ----------
    stack_or_arrays : FrameStack, ndarray of shape (n, ny, nx), or sequence of (ny, nx)
    method : str
        One of `METHODS`.
    nsigma : float
        Limit of clipping, at least 1.
    max_iterations : int
        Most turns of clipping.
    min_sigma : float or sequence of n floats
        Least sigma that clipping may assume, in units of the value: the noise of the
        detector, so that counts that agree by rounding do not make others outliers. Of a
        sequence (noise times scale of each frame), the root mean square.
    reject_low, reject_high : int
        Number of smallest and largest values to leave out first.
    bias, dark : ndarray of float32, shape (ny, nx), optional
        Masters to subtract.
    dark_scale, scale : float or sequence of n floats, optional
        Factors by frame; 1 by default.
    bits : ndarray of uint16, optional
        Bits of the inputs: shape (n, ny, nx), (ny, nx) for all alike, or a sequence of n
        planes or None.
    variance : ndarray of float32, optional
        Variance of the raw values, shaped like `bits` (no plane may be None). It is
        propagated (times scale^2; what the masters add is common to all frames and not
        counted). By default the scatter of the values kept serves. For medians times
        `polarnight.cubes.kernels.factors.median_inefficiency`; where values are rejected or clipped
        times `polarnight.cubes.kernels.task.selection_correction`.
    saturation : float, optional
        Raw value from which a pixel is saturated.
    threads : int, optional
        By default as many as `polarnight._native.threads` says.

    Returns
    -------
    Combined

    Raises
    ------
    ValueError
        Where an argument does not fit.
    BadFrame
        Where a file cannot be read.
    """
    source: Source
    if isinstance(stack_or_arrays, FrameStack):
        source = stack_or_arrays
    else:
        source = ArraySource(stack_or_arrays)
    n = source.shape[0]
    return reduce_source(
        source,
        _rules(method, n, nsigma, max_iterations, min_sigma, reject_low, reject_high),
        bias=bias,
        dark=dark,
        dark_scale=dark_scale,
        scale=scale,
        bits=bits,
        variance=variance,
        saturation=saturation,
        threads=threads,
    )


def reduce_source(
    source: Source,
    rules: Rules,
    *,
    bias: npt.NDArray[Any] | None = None,
    dark: npt.NDArray[Any] | None = None,
    dark_scale: float | Sequence[float] | None = None,
    scale: float | Sequence[float] | None = None,
    bits: Planes | None = None,
    variance: Planes | None = None,
    saturation: float | None = None,
    wide: bool = False,
    threads: int | None = None,
) -> Combined:
    """Reduce frames by rules; arguments as `combine` has them, checked here.

    Parameters
    ----------
    source : Source
    rules : Rules
    wide : bool
        Whether to work in float64, for pixels that float32 does not hold exactly.

    Raises
    ------
    ValueError
        Where an argument does not fit the frames.
    """
    n, ny, nx = source.shape
    real = np.float64 if wide else np.float32
    given = planes(variance, "variance", source.shape, real)
    if given is not None and any(plane is None for plane in given):
        msg = "variance must be given for every frame, or for none"
        raise ValueError(msg)
    if saturation is not None and np.isnan(saturation):
        msg = "saturation is not a number"
        raise ValueError(msg)
    task = CombineTask(
        source=source,
        rules=rules,
        bias=plane(bias, "bias", (ny, nx), real),
        dark=plane(dark, "dark", (ny, nx), real),
        dark_scale=None if dark_scale is None else per_frame(dark_scale, "dark_scale", n, real),
        scale=None if scale is None else per_frame(scale, "scale", n, real),
        bits=planes(bits, "bits", source.shape, np.uint16),
        variance=given,
        saturation=np.nan if saturation is None else saturation,
        wide=wide,
    )
    return Combined(*task.run(threads))


def _rules(
    method: str,
    n: int,
    nsigma: float,
    max_iterations: int,
    min_sigma: float | Sequence[float],
    reject_low: int,
    reject_high: int,
) -> Rules:
    if method not in METHODS:
        msg = f"unknown method {method!r}; there are {', '.join(METHODS)}"
        raise ValueError(msg)
    if n > _MOST_FRAMES:
        msg = f"{n} frames are too many, at most {_MOST_FRAMES} are combined"
        raise ValueError(msg)
    # Within one sigma lies at least half of the values, so that clipping never takes all.
    if not nsigma >= 1 or max_iterations < 0 or min(reject_low, reject_high) < 0:
        msg = "nsigma must be at least 1; max_iterations and rejections must not be negative"
        raise ValueError(msg)
    floor = np.asarray(min_sigma, np.float64)
    if floor.shape not in {(), (n,)} or not np.isfinite(floor).all() or (floor < 0).any():
        msg = f"min_sigma must be a number not below zero, or {n} of them"
        raise ValueError(msg)
    if method in {"min", "max"} and (reject_low or reject_high):
        msg = f"nothing can be rejected for the {method} of the values"
        raise ValueError(msg)
    clips = method.startswith("clipped_")
    return Rules(
        centre=method.removeprefix("clipped_"),
        reject_low=reject_low,
        reject_high=reject_high,
        max_iterations=max_iterations if clips else 0,
        nsigma=nsigma,
        min_sigma=float(np.sqrt(np.mean(floor**2))),
    )
