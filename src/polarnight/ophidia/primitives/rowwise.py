"""Primitives that work along a row: sums, moving means, fits, splines, filters, sorting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.ophidia.primitives.declaration import (
    Parameter,
    array,
    choice,
    integer,
    number,
    primitive,
    text,
)
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.statistics import chosen_places, numbers_of_rows
from polarnight.ophidia.primitives.values import Value, usable

if TYPE_CHECKING:
    import numpy.typing as npt

__all__: list[str] = []

_ALONG: Final = "along the row"
_DROPPED: Final = "the variance is dropped: neighbours are no longer independent"


def _made(value: Value, data: npt.NDArray[Any], shape: tuple[int, ...] | None = None) -> Value:
    """Return other numbers of the same pixels."""
    same = shape is None
    made = Value(
        data,
        (value.shape or (value.width,)) if same else shape,
        value.bits if same else None,
        remarks=value.remarks,
    )
    return made.remark(_DROPPED) if value.noise is not None else made


@primitive("oph_accumulate", "Sum of all elements up to each.", _ALONG, array(), reach="row",
           example="oph_accumulate(measure)")  # fmt: skip
def accumulate(value: Value) -> Value:
    """Add up; in double precision, missing values as zero but missing themselves."""
    used = usable(value)
    x = value.floats()
    total = np.cumsum(np.where(used, x, 0).astype(np.float64), axis=1)
    return _made(value, np.where(used, total, np.nan).astype(x.dtype))


@primitive("oph_deaccumulate", "Difference of each element from the one before.", _ALONG,
           array(), reach="row", example="oph_deaccumulate(measure)")  # fmt: skip
def deaccumulate(value: Value) -> Value:
    """Subtract neighbours; the first element stays."""
    x = value.floats()
    return _made(value, np.diff(x, axis=1, prepend=x.dtype.type(0)))


@primitive("oph_gsl_sort", "The elements of a row in ascending order, missing ones last.",
           _ALONG, array(), reach="row", example="oph_gsl_sort(measure)")  # fmt: skip
def gsl_sort(value: Value) -> Value:
    """Sort rows, with their bits."""
    order = np.argsort(value.data, axis=1, kind="stable")
    bits = value.bits
    if bits is not None:
        bits = np.take_along_axis(np.broadcast_to(bits, value.data.shape), order, axis=1)
    made = replace(value, data=np.take_along_axis(value.data, order, axis=1), bits=bits, noise=None)
    if value.variance is None:
        return made
    return made.remark(
        "the variance is dropped: the smallest of many values scatters less than each of them"
    )


@primitive("oph_moving_avg", "Moving mean: simple (oph_sma) or exponentially weighted (oph_ewma).",
           _ALONG, array(), number("average parameter", 1.0, minimum=0),
           choice("operation", ("sma", "ewma"), "sma"), reach="row",
           example="oph_moving_avg('oph_float','oph_float',measure,5,'oph_sma')")  # fmt: skip
def moving_avg(value: Value, parameter: float, operation: str) -> Value:
    """Average over the elements up to each; missing ones are left out."""
    used = usable(value)
    x = value.floats()
    filled = np.where(used, x, 0).astype(np.float64)
    if operation == "ewma":
        if not parameter <= 1:
            msg = f"the weight of oph_ewma is from 0 to 1, not {parameter:g}"
            raise QueryError(msg)
        return _made(value, _exponential(filled, used, parameter).astype(x.dtype))
    width = int(parameter)
    if width != parameter or width < 1:
        msg = f"oph_sma averages over a whole number of elements, not {parameter:g}"
        raise QueryError(msg)
    result = np.full(x.shape, np.nan)
    if width <= x.shape[1]:
        windows = np.lib.stride_tricks.sliding_window_view(filled, width, axis=1)
        there = np.lib.stride_tricks.sliding_window_view(used, width, axis=1).sum(axis=-1)
        result[:, width - 1 :] = windows.sum(axis=-1) / there
    return _made(value, result.astype(x.dtype))


def _exponential(
    filled: npt.NDArray[np.float64], used: npt.NDArray[np.bool_], weight: float
) -> npt.NDArray[np.float64]:
    mean = np.full(len(filled), np.nan)
    result = np.empty_like(filled)
    for place in range(filled.shape[1]):
        new, there = filled[:, place], used[:, place]
        stepped = np.where(np.isnan(mean), new, (1 - weight) * mean + weight * new)
        mean = np.where(there, stepped, mean)
        result[:, place] = mean
    return result


def _line(value: Value, x: Any) -> tuple[Any, ...]:
    """Fit straight lines to the rows: intercept, slope, their covariance, squares left."""
    used = usable(value)
    y = np.where(used, value.data.astype(np.float64), 0.0)
    x = np.broadcast_to(x, y.shape)
    n = used.sum(axis=1).astype(np.float64)
    mean_x = np.where(used, x, 0.0).sum(axis=1) / n
    mean_y = y.sum(axis=1) / n
    dx = np.where(used, x - mean_x[:, None], 0.0)
    dy = np.where(used, y - mean_y[:, None], 0.0)
    square = (dx * dx).sum(axis=1)
    slope = (dx * dy).sum(axis=1) / square
    intercept = mean_y - slope * mean_x
    left = ((dy - slope[:, None] * dx) ** 2).sum(axis=1)
    spread = left / (n - 2)
    cov00 = spread * (1 / n + mean_x**2 / square)
    return intercept, slope, cov00, -spread * mean_x / square, spread / square, left


def _coordinates(value: Value, x: Any) -> Any:
    if x is None:
        return np.arange(1.0, value.width + 1)
    if len(x) != value.width:
        msg = f"the rows have {value.width} elements, the dimension {len(x)}"
        raise QueryError(msg)
    return x


@primitive("oph_gsl_fit_linear", "Straight line through a row, at given places.", _ALONG,
           array(), Parameter("dimension", "list", None), Parameter("x", "list", None),
           reach="row", reduces=True,
           example="oph_gsl_fit_linear(measure,dimension,dimension)")  # fmt: skip
def gsl_fit_linear(value: Value, x: Any, at: Any) -> Value:
    """Return the line by least squares, missing values left out."""
    x = _coordinates(value, x)
    at = x if at is None else at
    with np.errstate(all="ignore"):
        intercept, slope = _line(value, x)[:2]
    data = (intercept[:, None] + slope[:, None] * at).astype(value.floats().dtype)
    return _made(value, data) if len(at) == value.width else _made(value, data, (len(at),))


@primitive("oph_gsl_fit_linear_coeff", "Coefficients of a straight line through a row: "
           "intercept, slope, their covariance (00, 01, 11), sum of squares left.", _ALONG,
           array(), Parameter("dimension", "list", None), text("mask", "010000"),
           reach="row", reduces=True,
           example="oph_gsl_fit_linear_coeff(measure,dimension,'110000')")  # fmt: skip
def gsl_fit_linear_coeff(value: Value, x: Any, mask: str) -> Value:
    """Return the coefficients that the mask asks for."""
    chosen = chosen_places(mask, 6)
    with np.errstate(all="ignore"):
        found = _line(value, _coordinates(value, x))
    return numbers_of_rows(value, [found[place] for place in chosen])


@primitive("oph_gsl_spline", "Cubic spline through a row, at other coordinates.", _ALONG,
           array(), Parameter("old_dim", "list"), Parameter("new_dim", "list"),
           integer("order", 0, minimum=0, help="0 value, 1 or 2 derivative."),
           reach="row", reduces=True,
           example="oph_gsl_spline(measure,dimension,'1,1.5,2')")  # fmt: skip
def gsl_spline(value: Value, old: Any, new: Any, order: int) -> Value:
    """Interpolate by natural cubic splines; rows with missing values become missing."""
    from scipy.interpolate import CubicSpline

    x = _coordinates(value, old)
    if order > 2 or len(x) < 3 or not (np.diff(x) > 0).all():
        msg = "a spline needs three increasing coordinates or more, and an order of 0, 1 or 2"
        raise QueryError(msg)
    y = np.where(usable(value), value.data.astype(np.float64), np.nan)
    whole = ~np.isnan(y).any(axis=1)
    data = np.full((len(y), len(new)), np.nan)
    data[whole] = CubicSpline(x, y[whole], axis=1, bc_type="natural")(new, order)
    data[:, (new < x[0]) | (new > x[-1])] = np.nan
    return _made(value, data.astype(value.floats().dtype), (len(new),))


@primitive("oph_filter", "Frequencies of a row taken out: lpf, hpf, bpf, bsf.", _ALONG, array(),
           choice("filter type", ("lpf", "hpf", "bpf", "bsf")),
           number("cut_frequency1", minimum=0), number("cut_frequency2", None),
           reach="row", example="oph_filter(measure,'lpf',0.1)")  # fmt: skip
def frequency_filter(value: Value, kind: str, first: float, second: float | None) -> Value:
    """Cut frequencies (cycles per element, 0 to 0.5) by a Fourier transform."""
    if kind in {"bpf", "bsf"} and second is None:
        msg = f"{kind} needs two frequencies"
        raise QueryError(msg)
    last = first if second is None else second
    if not 0 <= first <= 0.5 or not first <= last <= 0.5:
        msg = "frequencies are from 0 to 0.5 and the second is not below the first"
        raise QueryError(msg)
    y = value.data.astype(np.float64)
    frequency = np.fft.rfftfreq(y.shape[1])
    passed = {
        "lpf": frequency <= first,
        "hpf": frequency >= first,
        "bpf": (frequency >= first) & (frequency <= last),
        "bsf": (frequency < first) | (frequency > last),
    }[kind]
    filtered = np.fft.irfft(np.fft.rfft(y, axis=1) * passed, n=y.shape[1], axis=1)
    return _made(value, filtered.astype(value.floats().dtype))


@primitive("oph_quantize", "A step function: limits, and values between them.", _ALONG, array(),
           Parameter("levels", "list"), Parameter("values", "list"),
           example="oph_quantize(measure,'5,10','0,0.5,1')")  # fmt: skip
def quantize(value: Value, levels: Any, values: Any) -> Value:
    """Return values[i] for levels[i-1] < x <= levels[i]."""
    if len(values) != len(levels) + 1 or (np.diff(levels) < 0).any():
        msg = f"{len(levels)} ascending limits need {len(levels) + 1} values, not {len(values)}"
        raise QueryError(msg)
    x = value.floats()
    stepped = values[np.searchsorted(levels, x, side="left")]
    stepped = np.where(np.isnan(x), np.nan, stepped).astype(x.dtype)
    made = replace(value, data=stepped, noise=None)
    return made.remark("the variance is dropped: a step has no derivative") if value.noise else made


@primitive("oph_find", "How many elements lie within a distance of a value.", _ALONG, array(),
           number("value"), number("distance", 0.0, minimum=0), reach="row", reduces=True,
           example="oph_find('oph_float','',measure,10,5)")  # fmt: skip
def find_within(value: Value, centre: float, distance: float) -> Value:
    """Count."""
    near = usable(value) & (np.abs(value.data.astype(np.float64) - centre) <= distance)
    return Value(near.sum(axis=1, keepdims=True).astype(np.int64), ())


@primitive("oph_sequence", "Runs of neighbours that are not zero: their lengths, first or last "
           "places (from 1); zeros follow.", _ALONG, array(),
           choice("info", ("length", "first", "last"), "length"), text("padding", "yes",
           help="Rows of one cube are of one length; they are always filled up."),
           reach="row", example="oph_sequence(measure > 1000,'length')")  # fmt: skip
def sequence(value: Value, info: str, padding: str) -> Value:
    """List the runs of every row."""
    held = usable(value) & (value.data != 0)
    padded = np.pad(held, ((0, 0), (1, 1))).astype(np.int8)
    step = np.diff(padded, axis=1)
    row, first = np.nonzero(step == 1)
    last = np.nonzero(step == -1)[1]
    number_before = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(held)))])[row]
    found = {"length": last - first, "first": first + 1, "last": last}[info]
    data = np.zeros(held.shape, np.int64)
    data[row, np.arange(len(row)) - number_before] = found
    return Value(data, value.shape or (value.width,), remarks=value.remarks)
