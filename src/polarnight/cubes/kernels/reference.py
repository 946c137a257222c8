"""What combining means, written in numpy: the definition, the test, the fallback.

For every pixel, of the values that are in use:

1. *Reject*: the `reject_low` smallest and the `reject_high` largest are left out, unless
   that would leave none.
2. *Clip*, at most `max_iterations` times: let c be the median of what is kept, and sigma
   the larger of 1.4826 times the median of |value - c| and of `min_sigma`; left out is
   what has |value - c| > nsigma * sigma. It ends when nothing more is left out.
3. *Centre*: the median of what is kept (mean of the middle two for an even number), or
   the mean, the sum, the smallest or the largest.

Values, medians, distances and limits are float32 (float64 where the values are), each
operation rounded once. Means and spreads are made in float64 from the differences d from a
pivot (the median of what is kept; the first value in use for mean and sum without
rejection), added one after the other in ascending order of value where something was
rejected or clipped, else in the order of the frames:
``mean = pivot + sum(d)/n``,
``spread = (sum(d^2) - sum(d) * (sum(d)/n)) / (n - 1)``. Mean and sum of float64 values
without rejection are those of numpy, without a pivot: the values added frame by frame.

What is said of the values other than where they lie (spreads, quantiles, moments) is
defined in `polarnight.cubes.kernels.describe`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polarnight.cubes.kernels.describe import STATISTICS, describe_values

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Rules", "combine_values"]

Floats: TypeAlias = "npt.NDArray[np.floating[Any]]"
Doubles: TypeAlias = "npt.NDArray[np.float64]"
Counts: TypeAlias = "npt.NDArray[np.intp]"


@dataclass(frozen=True, slots=True)
class Rules:
    """How to combine.

    Parameters
    ----------
    centre : {'mean', 'median', 'min', 'max', 'sum'} or one of `describe.STATISTICS`
    reject_low, reject_high : int
    max_iterations : int
        Of clipping; 0 for none.
    nsigma, min_sigma : float
        Used in the type of the values.
    parameter : float
        Of a statistic, see `describe.STATISTICS`.
    """

    centre: str
    reject_low: int = 0
    reject_high: int = 0
    max_iterations: int = 0
    nsigma: float = 3.0
    min_sigma: float = 0.0
    parameter: float = 0.0

    @property
    def selects(self) -> bool:
        """Whether values are left out for what they are."""
        if self.centre in STATISTICS or self.centre in {"min", "max"}:
            return False
        return self.max_iterations > 0 or self.reject_low > 0 or self.reject_high > 0


def _pick(column: Floats, place: Counts) -> Floats:
    """Return ``column[place[y, x], y, x]``."""
    picked: Floats = np.take_along_axis(column, place[None], axis=0)[0]
    return picked


def _median(column: Floats, low: Counts, high: Counts) -> Floats:
    """Return the median of ``column[low:high]``, sorted; any value where that is empty."""
    kept = high - low
    top = len(column) - 1
    a = _pick(column, np.clip(low + (kept - 1) // 2, 0, top))
    b = _pick(column, np.clip(low + kept // 2, 0, top))
    middle: Floats = column.dtype.type(0.5) * (a + b)
    return middle


def _clip(column: Floats, low: Counts, high: Counts, rules: Rules) -> tuple[Counts, Counts]:
    """Clip the kept range of sorted columns until nothing changes."""
    place = np.arange(len(column)).reshape(-1, 1, 1)
    real = column.dtype.type
    for _ in range(rules.max_iterations):
        centre = _median(column, low, high)
        distance = np.abs(column - centre)
        kept = (place >= low) & (place < high)
        ordered = np.sort(np.where(kept, distance, real(np.inf)), axis=0)
        mad = _median(ordered, np.zeros_like(low), high - low)
        sigma = np.maximum(real(1.4826) * mad, real(rules.min_sigma))
        kept &= ~(distance > real(rules.nsigma) * sigma)
        number = kept.sum(axis=0)
        first = np.where(number > 0, kept.argmax(axis=0), low)
        if np.array_equal(number, high - low):
            break
        low, high = first, first + number
    return low, high


def _moments(values: Floats, kept: npt.NDArray[np.bool_], pivot: Floats) -> tuple[Doubles, Doubles]:
    """Add up differences from the pivot and their squares, in the order they come."""
    first = np.zeros(pivot.shape)
    second = np.zeros(pivot.shape)
    for value, keep in zip(values, kept, strict=True):
        difference = np.where(keep, value.astype(np.float64) - pivot, 0.0)
        first += difference
        second += difference * difference
    return first, second


def combine_values(
    values: Floats,
    usable: npt.NDArray[np.bool_],
    rules: Rules,
    factors: Doubles,
    variances: list[Doubles] | None = None,
) -> tuple[Floats, Floats, npt.NDArray[np.unsignedinteger[Any]]]:
    """Combine values along the first axis.

    Parameters
    ----------
    values : ndarray of float32 or float64, shape (n, ny, nx)
    usable : ndarray of bool, shape (n, ny, nx)
        What may be used; such values are finite.
    rules : Rules
    factors : ndarray of float64, shape (n + 1,)
        Variance of the result over variance of one value, by the number kept.
    variances : list of ndarray of float64, shape (ny, nx), optional
        Of the values; where absent, their own spread serves.

    Returns
    -------
    value : ndarray of the type of `values`, shape (ny, nx)
        Not a number where nothing could be used.
    variance : ndarray of the type of `values`, shape (ny, nx)
        Of `value`; not a number where it cannot be known.
    count : ndarray of uint16 (uint32 for more than 65535 frames), shape (ny, nx)
        Number of values kept.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return _combine(values, usable, rules, factors, variances)


def _combine(
    values: Floats,
    usable: npt.NDArray[np.bool_],
    rules: Rules,
    factors: Doubles,
    variances: list[Doubles] | None,
) -> tuple[Floats, Floats, npt.NDArray[np.unsignedinteger[Any]]]:
    real = values.dtype.type
    if rules.centre in STATISTICS:
        told = describe_values(values, usable, rules.centre, rules.parameter, variances)
        return _given_out(*told, usable.sum(axis=0), values)
    column = np.sort(np.where(usable, values, real(np.inf)), axis=0)
    high = usable.sum(axis=0)
    low = np.zeros_like(high)
    selects = rules.selects
    if selects:
        enough = high > rules.reject_low + rules.reject_high
        low, high = (
            np.where(enough, rules.reject_low, 0),
            np.where(enough, high - rules.reject_high, high),
        )
        low, high = _clip(column, low, high, rules)
    number = high - low
    first_used = _pick(values, usable.argmax(axis=0))
    by_median = selects or rules.centre == "median"
    pivot = _median(column, low, high) if by_median else first_used
    pivot = np.where(number > 0, pivot, real(0.0))
    if selects:
        place = np.arange(len(column)).reshape(-1, 1, 1)
        first, second = _moments(column, (place >= low) & (place < high), pivot)
    else:
        first, second = _moments(values, usable, pivot)
    mean = first / number
    spread = np.maximum(second - first * mean, 0.0) / (number - 1.0)
    spread = np.where(number > 1, spread, np.nan)
    if variances is not None:
        spread = _mean_variance(values, usable, column, (low, high), selects, variances)
    value: npt.NDArray[Any]
    if rules.centre in {"mean", "sum"} and real is np.float64 and not selects:
        value = np.zeros(number.shape)
        for one, use in zip(values, usable, strict=True):
            value += np.where(use, one, 0.0)
        value = value / number if rules.centre == "mean" else value
    elif rules.centre == "mean":
        value = pivot + mean
    elif rules.centre == "sum":
        value = number * pivot.astype(np.float64) + first
    elif rules.centre == "min":
        value = column[0]
    elif rules.centre == "max":
        value = _pick(column, np.maximum(high - 1, 0))
    else:
        value = pivot
    return _given_out(value, spread * factors[number], number, values)


def _given_out(
    value: npt.NDArray[Any], variance: Doubles, number: Counts, values: Floats
) -> tuple[Floats, Floats, npt.NDArray[np.unsignedinteger[Any]]]:
    """Round to the type of the values; not a number where none was kept."""
    real = values.dtype.type
    most = np.uint16 if len(values) <= np.iinfo(np.uint16).max else np.uint32
    return (
        np.where(number > 0, value.astype(real), real(np.nan)),
        np.where(number > 0, variance.astype(real), real(np.nan)),
        number.astype(most),
    )


def _mean_variance(
    values: Floats,
    usable: npt.NDArray[np.bool_],
    column: Floats,
    kept: tuple[Counts, Counts],
    selects: bool,
    variances: list[Doubles],
) -> Doubles:
    """Return the mean of the given variances of what is kept, equal values all alike."""
    low, high = kept
    lowest = _pick(column, np.minimum(low, len(column) - 1))
    highest = _pick(column, np.maximum(high - 1, 0))
    total = np.zeros(low.shape)
    number = np.zeros(low.shape, np.intp)
    for value, use, variance in zip(values, usable, variances, strict=True):
        inside = use & (value >= lowest) & (value <= highest) & (high > low) if selects else use
        total += np.where(inside, variance, 0.0)
        number += inside
    return total / number
