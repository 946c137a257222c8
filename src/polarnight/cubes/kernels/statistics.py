"""Reductions of frames in memory or on disk: every operation of the engine, checked.

One function for all of them, `describe_frames`. What float32 holds exactly is reduced by
the same task, with the same kernels, as `polarnight.cubes.kernels.combine`; so a median made here
is a master of the pipeline to the last bit. Other pixels are reduced in float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import numpy as np

from polarnight.cubes.kernels.arrays import ArraySource, Source
from polarnight.cubes.kernels.combine import METHODS, Combined, reduce_source
from polarnight.cubes.kernels.describe import NORMAL_MAD, PROPAGATED, STATISTICS
from polarnight.cubes.kernels.reference import Rules
from polarnight.errors import CubeError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["OPERATIONS", "Operation", "describe_frames", "is_wide"]

OPERATIONS: Final = (*METHODS, *STATISTICS)
"""Names of all reductions."""

_REJECTION: Final = {"reject_low": 0, "reject_high": 0}
_CLIPPING: Final = {"nsigma": 3.0, "max_iterations": 5, "min_sigma": 0.0, **_REJECTION}

_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    **dict.fromkeys(("median", "mean", "sum"), _REJECTION),
    **dict.fromkeys(("clipped_mean", "clipped_median"), _CLIPPING),
    "var": {"ddof": 0.0},
    "std": {"ddof": 0.0},
    "mad": {"normalised": True},
    "quantile": {"level": 0.5},
    **{name: {"order": 2.0} for name in ("cmoment", "acmoment", "rmoment", "armoment")},
}

_EXACT_IN_FLOAT32: Final = frozenset({"b1", "u1", "i1", "i2", "u2", "f2", "f4"})

Planes: TypeAlias = "npt.NDArray[Any] | Sequence[npt.NDArray[Any] | None]"


def is_wide(dtype: npt.DTypeLike) -> bool:
    """Return whether pixels need float64.

    Raises
    ------
    CubeError
        Where they are no real numbers.
    """
    given = np.dtype(dtype)
    if given.kind not in "biuf":
        raise CubeError(f"pixels of type {given} cannot be reduced; cast them to a real type")
    return f"{given.kind}{given.itemsize}" not in _EXACT_IN_FLOAT32


@dataclass(frozen=True)
class Operation:
    """A reduction and its parameters, checked and complete.

    Parameters
    ----------
    name : str
        One of `OPERATIONS`.
    given : dict
        ``reject_low``, ``reject_high`` (median, mean, sum and the clipped ones), ``nsigma``,
        ``max_iterations``, ``min_sigma`` (the clipped ones) as `polarnight.cubes.kernels.combine`
        has them; ``ddof`` (var, std; 0 as numpy has it; 1 for the estimate from a sample);
        ``normalised`` (mad; true: times 1.4826, the standard deviation of normal noise);
        ``level`` from 0 to 1 (quantile; 0.5, which is the median in every respect);
        ``order`` (moments; 2; not negative).

    Raises
    ------
    CubeError
        Where the name or a parameter is unknown or a value is impossible.
    """

    name: str
    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in OPERATIONS:
            raise CubeError(
                f"there is no operation {self.name!r} to reduce with; there are "
                f"{', '.join(OPERATIONS)}"
            )
        defaults = _DEFAULTS.get(self.name, {})
        unknown = sorted(set(self.given) - set(defaults))
        if unknown:
            known = ", ".join(defaults) or "none"
            raise CubeError(f"{self.name} has no parameter {unknown[0]!r}; it has {known}")
        parameters = {
            name: _checked(f"{self.name}: {name}", self.given.get(name, default), default)
            for name, default in defaults.items()
        }
        object.__setattr__(self, "given", parameters)
        self._check()

    def _check(self) -> None:
        given = self.given
        if not 0 <= given.get("level", 0) <= 1:
            raise CubeError(f"quantile: level = {given['level']}; give one from 0 to 1")
        if given.get("order", 0) < 0:
            raise CubeError(f"{self.name}: order = {given['order']}; it must not be negative")
        if given.get("ddof", 0) < 0:
            raise CubeError(f"{self.name}: ddof = {given['ddof']}; it must not be negative")
        if min(given.get("reject_low", 0), given.get("reject_high", 0)) < 0:
            raise CubeError(f"{self.name}: reject_low and reject_high must not be negative")
        if "nsigma" in given and not (
            given["nsigma"] >= 1 and given["max_iterations"] >= 0 and given["min_sigma"] >= 0
        ):
            raise CubeError(
                f"{self.name}: nsigma must be at least 1, max_iterations and min_sigma not "
                f"below 0; they are {given['nsigma']}, {given['max_iterations']} and "
                f"{given['min_sigma']}"
            )

    @property
    def rules(self) -> Rules:
        """The same as the kernels want it."""
        given = self.given
        if self.is_median:
            return Rules("median", given.get("reject_low", 0), given.get("reject_high", 0))
        if self.name == "mad":
            return Rules("mad", parameter=NORMAL_MAD if given["normalised"] else 1.0)
        if self.name in STATISTICS:
            number = next(iter(given.values()), 0.0)
            return Rules(self.name, parameter=float(number))
        return Rules(
            centre=self.name.removeprefix("clipped_"),
            reject_low=given.get("reject_low", 0),
            reject_high=given.get("reject_high", 0),
            max_iterations=given.get("max_iterations", 0),
            nsigma=given.get("nsigma", 3.0),
            min_sigma=given.get("min_sigma", 0.0),
        )

    @property
    def is_median(self) -> bool:
        """Whether this is the median, by whatever name."""
        return self.name == "median" or (self.name == "quantile" and self.given["level"] == 0.5)

    @property
    def is_place(self) -> bool:
        """Whether the result is a place along the axis."""
        return self.name in {"arg_min", "arg_max"}

    @property
    def is_whole(self) -> bool:
        """Whether the result is a whole number without unit: a count or a place."""
        return self.is_place or self.name == "count"

    def has_variance(self, given: bool) -> bool:
        """Return whether the result has a variance, where the values have one or not."""
        if self.is_median or self.name in {"mean", "sum", "clipped_mean", "clipped_median"}:
            return True
        if self.name in {"cmoment", "acmoment"} and self.given["order"] != 2:
            return False  # see polarnight.cubes.kernels.describe
        return given and self.name in PROPAGATED

    def dtype(self, pixels: npt.DTypeLike) -> np.dtype[Any]:
        """Return the type of the result for pixels of a type."""
        if self.is_whole:
            return np.dtype(np.int32)
        return np.dtype(np.float64 if is_wide(pixels) else np.float32)


def _checked(label: str, value: Any, default: Any) -> Any:
    """Return a value in the type of the default."""
    number = value.item() if isinstance(value, np.generic) else value
    if label.endswith("min_sigma") and np.ndim(number) == 1 and np.size(number):
        # Of the noises of the frames, the root mean square, as `combine` takes them.
        number = float(np.sqrt(np.mean(np.asarray(number, np.float64) ** 2)))
    if isinstance(default, bool):
        if isinstance(number, bool) or number in (0, 1):
            return bool(number)
        raise CubeError(f"{label} = {value!r}; give true or false")
    if isinstance(number, bool) or not isinstance(number, int | float) or not np.isfinite(number):
        raise CubeError(f"{label} = {value!r} is not a number")
    if isinstance(default, int):
        if number != int(number):
            raise CubeError(f"{label} = {value!r}; give a whole number")
        return int(number)
    return float(number)


def describe_frames(
    frames: Source | npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    operation: Operation,
    *,
    bias: npt.NDArray[Any] | None = None,
    dark: npt.NDArray[Any] | None = None,
    dark_scale: float | Sequence[float] | None = None,
    scale: float | Sequence[float] | None = None,
    bits: Planes | None = None,
    variance: Planes | None = None,
    saturation: float | None = None,
    threads: int | None = None,
) -> Combined:
    """Reduce frames to one, pixel by pixel.

    The value of frame i that enters is ``((raw - bias) - dark * dark_scale[i]) * scale[i]``,
    in float32 where that holds the raw values exactly (integers of up to 16 bits, float32),
    else in float64. Left out is what is not finite, what reaches `saturation` and what has
    a bit of `polarnight.frames.UNUSABLE`.

    Parameters
    ----------
    frames : FrameStack or other source, ndarray of shape (n, ny, nx), or sequence of (ny, nx)
    operation : Operation
        What is made of the values: `polarnight.cubes.kernels.reference` and
        `polarnight.cubes.kernels.describe` define it.
    bias, dark, dark_scale, scale, bits, variance, saturation, threads
        As in `polarnight.cubes.kernels.combine`.

    Returns
    -------
    Combined
        `value` and `variance` in float32 or float64, also of counts and places; `count` of
        uint32 for more than 65535 frames.

    Raises
    ------
    CubeError
        Where pixels are not real numbers.
    ValueError
        Where shapes do not fit.
    BadFrame
        Where a file cannot be read.
    """
    source: Source
    if hasattr(frames, "formats"):
        source = cast("Source", frames)
        wide = any(is_wide(pixels.native) for pixels in source.formats)
    elif isinstance(frames, np.ndarray):
        wide = is_wide(frames.dtype)
        source = ArraySource(_known(frames))
    else:
        arrays = [np.asanyarray(frame) for frame in frames]
        wide = any(is_wide(array.dtype) for array in arrays)
        source = ArraySource([_known(array) for array in arrays])
    return reduce_source(
        source,
        operation.rules,
        bias=bias,
        dark=dark,
        dark_scale=dark_scale,
        scale=scale,
        bits=bits,
        variance=variance,
        saturation=saturation,
        wide=wide,
        threads=threads,
    )


def _known(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array of a type that pixel formats know, of the same values."""
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind == "f" and array.dtype.itemsize == 2:
        return array.astype(np.float32)
    if array.dtype.kind == "i" and array.dtype.itemsize == 1:
        return array.astype(np.int16)
    if array.dtype.kind in "uf" and array.dtype.itemsize > (2 if array.dtype.kind == "u" else 8):
        return array.astype(np.float64)
    return array
