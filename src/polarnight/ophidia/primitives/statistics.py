"""Primitives that make several numbers of the array of a row, and that normalise it."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.ophidia.primitives.declaration import (
    MISSING,
    array,
    choice,
    integer,
    number,
    primitive,
    text,
)
from polarnight.ophidia.primitives.errors import QueryError, check_length
from polarnight.ophidia.primitives.reductions import (
    COUNT,
    STATISTICS,
    group_edges,
    in_use,
    order_of,
)
from polarnight.ophidia.primitives.statistic import quantiles, sigma_clipped, statistic
from polarnight.ophidia.primitives.types import arithmetic_type
from polarnight.ophidia.primitives.values import Value, joined, usable

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["chosen_places", "numbers_of_rows"]


def numbers_of_rows(value: Value, columns: list[Any]) -> Value:
    """Return several numbers of every row."""
    data = np.stack(columns, axis=1).astype(arithmetic_type(value.data.dtype))
    width = data.shape[1]
    made = Value(data, () if width == 1 else (width,), remarks=value.remarks)
    if value.noise is not None:
        return made.remark("the variance is dropped: that of these statistics is not propagated")
    return made


@primitive(
    "oph_gsl_quantile", "Quantiles of a row, missing values left out.", STATISTICS,
    array(), number("q", multiple=True),
    choice("order safe flag", ("order_safe_flag_set", "order_safe_flag_unset"),
           "order_safe_flag_set", help="Kept for old commands."),
    reach="row", reduces=True, example="oph_gsl_quantile(measure,0.05,0.5,0.95)",
)  # fmt: skip
def gsl_quantile(value: Value, orders: list[float], flag: str) -> Value:
    """Return quantiles by linear interpolation."""
    for order in orders:
        order_of("quantile", order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return numbers_of_rows(value, list(quantiles(in_use(value), orders)))


def _absolute_deviation(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return statistic("acmoment", values, 1.0)


def _standardised(values: npt.NDArray[np.float64], power: int) -> npt.NDArray[np.float64]:
    """Return the mean of a power of (x - mean) / std; std that of a sample, as in GSL."""
    mean, std = statistic("avg", values)[:, None], statistic("sample_std", values)[:, None]
    return statistic("rmoment", (values - mean) / std, power)


def _autocorrelation(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the autocorrelation of neighbours, of pairs of which both are there."""
    offset = values - statistic("avg", values)[:, None]
    pairs = np.nansum(offset[:, 1:] * offset[:, :-1], axis=1)
    return np.asarray(pairs / np.nansum(offset * offset, axis=1))


def _quantile(order: float, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return statistic("quantile", values, order)


_INDICES: Final[tuple[Callable[[Any], Any], ...]] = (
    lambda v: statistic("avg", v),
    lambda v: statistic("sample_var", v),
    lambda v: statistic("sample_std", v),
    _absolute_deviation,
    lambda v: _standardised(v, 3),
    lambda v: _standardised(v, 4) - 3.0,
    _autocorrelation,
    lambda v: statistic("max", v),
    lambda v: statistic("min", v),
    *(functools.partial(_quantile, order) for order in (0.05, 0.25, 0.5, 0.75, 0.95)),
)


@primitive(
    "oph_gsl_stats",
    "Statistics of a row chosen by a mask of 14 digits: mean, variance, standard deviation, "
    "absolute deviation, skewness, kurtosis, autocorrelation, max, min, and the quantiles "
    "0.05, 0.25, 0.5, 0.75, 0.95.",
    STATISTICS, array(), text("mask", "11111111111111", help="1 takes a statistic."),
    reach="row", reduces=True, example="oph_gsl_stats('oph_float','oph_float',measure,'101')",
)  # fmt: skip
def gsl_stats(value: Value, mask: str) -> Value:
    """Return the statistics that the mask asks for."""
    chosen = chosen_places(mask, len(_INDICES))
    values = in_use(value)
    with np.errstate(all="ignore"):
        return numbers_of_rows(value, [_INDICES[place](values) for place in chosen])


def chosen_places(mask: str, most: int) -> list[int]:
    """Return the places of the ones of a mask."""
    if not 0 < len(mask) <= most or set(mask) - {"0", "1"} or "1" not in mask:
        msg = f"the mask {mask[:40]!r} is not made of up to {most} digits 0 and 1, one of them 1"
        raise QueryError(msg)
    return [place for place, digit in enumerate(mask) if digit == "1"]


@primitive("oph_gsl_sd", "Standard deviation of a row.", STATISTICS, array(), reach="row",
           reduces=True, example="oph_gsl_sd(measure)")  # fmt: skip
def gsl_sd(value: Value) -> Value:
    """Return the standard deviation of a sample."""
    return numbers_of_rows(value, [statistic("sample_std", in_use(value))])


@primitive(
    "oph_gsl_boxplot", "Minimum, quartile, median, quartile and maximum of a row.", STATISTICS,
    array(), reach="row", reduces=True, example="oph_gsl_boxplot(measure)",
)  # fmt: skip
def gsl_boxplot(value: Value) -> Value:
    """Return what a box plot shows."""
    return gsl_quantile(value, [0.0, 0.25, 0.5, 0.75, 1.0], "")


@primitive(
    "oph_count_array", "Number of elements of a row.", STATISTICS, array(),
    integer("include missing values", 1, help="0 leaves missing values out."), MISSING,
    reach="row", reduces=True, example="oph_count_array('oph_float','',measure,0)",
)  # fmt: skip
def count_array(value: Value, all_of_them: int) -> Value:
    """Count."""
    used = np.ones(value.data.shape, np.bool_) if all_of_them else usable(value)
    return Value(used.sum(axis=1, keepdims=True).astype(np.int64), ())


@primitive(
    "oph_gsl_histogram", "Histogram of a row.", STATISTICS, array(),
    integer("bin number", minimum=1), choice("mode", ("ranges", "freqs", "all"), "all"),
    choice("flag", ("abs", "pdf", "cdf"), "abs"), reach="row", reduces=True,
    example="oph_gsl_histogram('oph_float','',measure,20,'freqs')",
)  # fmt: skip
def gsl_histogram(value: Value, bins: int, mode: str, flag: str) -> Value:
    """Count values in bins of equal width from the smallest to the largest of a row."""
    check_length("oph_gsl_histogram", bins)
    values = in_use(value)
    low, high = statistic("min", values)[:, None], statistic("max", values)[:, None]
    steps = np.arange(bins + 1) / bins
    edges = low + (high - low) * steps
    with np.errstate(all="ignore"):
        place = np.floor((values - low) / (high - low) * bins)
    used = ~np.isnan(values)
    place = np.clip(np.where(used & np.isfinite(place), place, 0), 0, bins - 1).astype(np.intp)
    rows = np.broadcast_to(np.arange(len(values))[:, None], place.shape)
    counts = np.bincount(
        (rows * bins + place)[used], minlength=len(values) * bins
    ).reshape(-1, bins).astype(np.float64)  # fmt: skip
    if flag != "abs":
        counts = counts / counts.sum(axis=1, keepdims=True)
    if flag == "cdf":
        counts = np.cumsum(counts, axis=1)
    if mode == "all":
        both = np.empty((len(values), 2 * bins + 1))
        both[:, ::2], both[:, 1::2] = edges, counts
        return numbers_of_rows(value, list(both.T))
    return numbers_of_rows(value, list((edges if mode == "ranges" else counts).T))


@primitive(
    "oph_gsl_correlation", "Pearson's correlation of the rows of two arrays.", STATISTICS,
    array("measure"), array("measure2"), reach="row", reduces=True,
    example="oph_gsl_correlation(measure,oph_reverse(measure))",
)  # fmt: skip
def gsl_correlation(a: Value, b: Value) -> Value:
    """Correlate pairs of which both are there."""
    x, y = np.broadcast_arrays(in_use(a), in_use(b))
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = np.where(both, x, np.nan), np.where(both, y, np.nan)
    dx = x - statistic("avg", x)[:, None]
    dy = y - statistic("avg", y)[:, None]
    spread = np.sqrt(np.nansum(dx * dx, axis=1) * np.nansum(dy * dy, axis=1))
    with np.errstate(all="ignore"):
        return numbers_of_rows(a, [np.nansum(dx * dy, axis=1) / spread])


@primitive(
    "oph_normalize", "Every element over the largest of its group, or less its mean.",
    STATISTICS, array(),
    choice("operator name", ("max", "max_abs", "avg", "avg_rel", "median"), "max",
           help="avg subtracts the mean, avg_rel and median divide by them."),
    COUNT, MISSING, reach="row", example="oph_normalize(measure,'oph_avg',30)",
)  # fmt: skip
def normalize(value: Value, operation: str, count: int) -> Value:
    """Normalise groups of neighbours."""
    rows, width = value.data.shape
    edges = group_edges([count], width)
    folded = in_use(value).reshape(rows, len(edges), -1)
    name = {"max_abs": "max", "avg_rel": "avg"}.get(operation, operation)
    norm = statistic(name, np.abs(folded) if operation == "max_abs" else folded)[..., None]
    norm = np.broadcast_to(norm, folded.shape).reshape(rows, width)
    norm = norm.astype(arithmetic_type(value.data.dtype))
    data = value.floats()
    if operation == "avg":
        return _scaled_by_own(data - norm, value)
    return _scaled_by_own(data / norm, value)


def _scaled_by_own(data: npt.NDArray[Any], value: Value) -> Value:
    made = joined(data, [(value, None)])
    if value.noise is None:
        return made
    return replace(made, remarks=value.remarks).remark(
        "the variance is dropped: the number that normalises comes from the same row"
    )


@primitive("sigma_clip", "NaN for what lies far from the median of its row.", STATISTICS,
           array(), number("nsigma", 3.0, minimum=1), integer("iterations", 5, minimum=1),
           reach="row", typed=False, example="sigma_clip(measure, 4)")  # fmt: skip
def sigma_clip(value: Value, nsigma: float, iterations: int) -> Value:
    """Leave out what is farther than `nsigma` times 1.4826 MAD, over and over."""
    kept = ~np.isnan(sigma_clipped(in_use(value), nsigma, iterations))
    data = value.floats()
    return joined(np.where(kept, data, data.dtype.type(np.nan)), [(value, kept)])
