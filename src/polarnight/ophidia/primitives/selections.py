"""Primitives that pick, move and repeat the elements of a row."""

from __future__ import annotations

import math
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.frames import Bit
from polarnight.ophidia.primitives.declaration import (
    Parameter,
    array,
    choice,
    integer,
    number,
    primitive,
    text,
)
from polarnight.ophidia.primitives.errors import QueryError, check_length
from polarnight.ophidia.primitives.subsets import places_of
from polarnight.ophidia.primitives.values import Noise, Value

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["gathered"]

_SELECT: Final = "selection"


def gathered(
    value: Value, places: npt.NDArray[np.intp], shape: tuple[int, ...], filling: float = 0.0
) -> Value:
    """Return elements of the rows by their places, with their bits and variances.

    Parameters
    ----------
    value : Value
    places : ndarray of int
        From 0; -1 for `filling`.
    shape : tuple of int
        Sizes of the implicit dimensions of the result.
    filling : float
        A number is exact, so that its variance is 0. Not a number makes integers floating, and
        has the bit `Bit.NO_DATA` and no variance.
    """
    empty = places < 0
    lacking = bool(empty.any()) and math.isnan(filling)
    taken = np.where(empty, 0, places)
    if not empty.any():
        data = value.data[:, taken]
    else:
        whole = value.data.dtype.kind != "f" and float(filling).is_integer()
        source = value.data if whole else value.floats()
        data = np.where(empty, source.dtype.type(filling), source[:, taken])
    noise = None
    if value.variance is not None:
        full = np.broadcast_to(value.variance, value.data.shape)
        nothing = math.nan if lacking else 0.0
        noise = Noise(np.where(empty, nothing, full[:, taken]).astype(full.dtype))
    bits = value.bits
    if bits is None and lacking:
        bits = np.zeros((1, value.width), np.uint16)
    if bits is not None:
        lost = np.uint16(Bit.NO_DATA if lacking else 0)
        bits = np.where(empty, lost, np.broadcast_to(bits, value.data.shape)[:, taken])
    made = replace(value, data=data, shape=shape, bits=bits, noise=noise, slope=1.0)
    if lacking and value.data.dtype.kind != "f":
        return made.remark(
            f"{value.data.dtype} has no number for nothing: the result is {data.dtype}, NaN where "
            "nothing was; give a filling, such as 0, to keep integers"
        )
    return made


def _row(value: Value) -> tuple[int, npt.NDArray[np.intp]]:
    return value.width, np.arange(value.width)


def _shape(value: Value, width: int) -> tuple[int, ...]:
    """Return sizes of dimensions where the rows become `width` long."""
    shape = value.shape or (value.width,)
    outer = prod(shape[:-1])
    if width == value.width:
        return shape
    return (*shape[:-1], width // outer) if width % outer == 0 else (width,)


@primitive("oph_get_subarray", "Some elements of a row one after the other.", _SELECT, array(),
           integer("start", 1, minimum=1), integer("count", 0, minimum=0),
           reach="row", reduces=True,
           example="oph_get_subarray('oph_float','oph_float',measure,30,20)")  # fmt: skip
def get_subarray(value: Value, start: int, count: int) -> Value:
    """Return `count` elements from `start`, counted from 1; 0 for all that follow."""
    width, places = _row(value)
    stop = start - 1 + count if count else width
    if start > width or stop > width:
        msg = f"elements {start} to {stop} are not all there; the rows have {width}"
        raise QueryError(msg)
    return gathered(value, places[start - 1 : stop], (stop - start + 1,))


@primitive("oph_get_subarray2", "Elements by a subset string such as '1:2:8,30:33,60'.", _SELECT,
           array(), text("subset"), integer("size", multiple=True, default=()),
           reach="row", reduces=True,
           example="oph_get_subarray2('oph_float','oph_float',measure,'1:10,end')")  # fmt: skip
def get_subarray2(value: Value, subset: str, sizes: list[int]) -> Value:
    """Return a subset; with sizes, the same places of each of these dimensions in turn."""
    size = sizes[0] if sizes else value.width
    block = prod(sizes[1:]) if len(sizes) > 1 else 1
    return get_subarray3(value, [subset, block, size])


@primitive("oph_get_subarray3", "Subsets along several implicit dimensions.", _SELECT, array(),
           Parameter("subset, block size, size", "any", default=(), multiple=True),
           reach="row", reduces=True,
           example="oph_get_subarray3('oph_float','oph_float',measure,'1,2',360,100)")  # fmt: skip
def get_subarray3(value: Value, filters: list[Any]) -> Value:
    """Return what all filters keep; each is a subset, the product of faster sizes, a size."""
    width, places = _row(value)
    kept = np.ones(width, np.bool_)
    shape = list(value.shape or (width,))
    for position in range(0, len(filters), 3):
        subset = filters[position]
        block, size = (int(one) for one in [*filters[position + 1 : position + 3], 1, 0][:2])
        size = size or width // block
        if not isinstance(subset, str) or block < 1 or size < 1 or width % (block * size):
            msg = f"rows of {width} elements are not made of blocks of {block} x {size}"
            raise QueryError(msg)
        wanted = places_of(subset, size)
        inside = np.zeros(size, np.bool_)
        inside[wanted] = True
        kept &= inside[places // block % size]
        for axis in range(len(shape)):
            if prod((value.shape or (width,))[axis + 1 :]) == block and shape[axis] == size:
                shape[axis] = len(np.unique(wanted))
                break
    found = places[kept]
    return gathered(value, found, tuple(shape) if prod(shape) == len(found) else (len(found),))


@primitive("oph_extract", "Elements by a list of places, from 1.", _SELECT, array(),
           Parameter("index list", "list"), reach="row", reduces=True,
           example="oph_extract(measure,oph_to_bin('','oph_long','1,5,9'))")  # fmt: skip
def extract(value: Value, index: npt.NDArray[np.float64]) -> Value:
    """Return elements in the order of the list."""
    places = index.astype(np.intp) - 1
    if (index != np.trunc(index)).any() or not ((places >= 0) & (places < value.width)).all():
        msg = f"places are whole numbers from 1 to {value.width}"
        raise QueryError(msg)
    return gathered(value, places, (len(places),))


@primitive("oph_shift", "The row moved to the right (or left where negative).", _SELECT, array(),
           integer("offset", 0), number("filling", math.nan,
           help="Where nothing comes to lie: NaN, which makes integers floating, or a number."),
           reach="row", example="oph_shift('oph_float','oph_float',measure,-2)")  # fmt: skip
def shift(value: Value, offset: int, filling: float) -> Value:
    """Move the elements of a row; where nothing comes to lie, no value unless one is given."""
    width, places = _row(value)
    moved = places - offset
    return gathered(
        value, np.where((moved < 0) | (moved >= width), -1, moved), _shape(value, width), filling
    )


@primitive("oph_rotate", "The row turned to the right (or left where negative).", _SELECT,
           array(), integer("offset", 0), reach="row",
           example="oph_rotate('oph_float','oph_float',measure,2)")  # fmt: skip
def rotate(value: Value, offset: int) -> Value:
    """Turn the elements of a row."""
    width, places = _row(value)
    return gathered(value, (places - offset) % width, _shape(value, width))


@primitive("oph_reverse", "The row backwards.", _SELECT, array(), reach="row",
           example="oph_reverse('oph_float','oph_float',measure)")  # fmt: skip
def reverse(value: Value) -> Value:
    """Turn the order of the elements of a row."""
    return gathered(value, _row(value)[1][::-1], _shape(value, value.width))


@primitive("oph_padding", "The row filled up to a length.", _SELECT, array(),
           integer("size", 0, minimum=0), number("filling", math.nan,
           help="What is appended: NaN, which makes integers floating, or a number."),
           reach="row", reduces=True,
           example="oph_padding('oph_float','oph_float',measure,100)")  # fmt: skip
def padding(value: Value, size: int, filling: float) -> Value:
    """Append a filling."""
    width, places = _row(value)
    check_length("oph_padding", size)
    longer = np.full(max(size, width), -1)
    longer[:width] = places
    return gathered(value, longer, _shape(value, len(longer)), filling)


@primitive("oph_extend", "The row several times.", _SELECT, array(),
           integer("number", 1, minimum=1), choice("mode", ("a", "i"), "a",
           help="a: one after the other, i: every element as often."), reach="row", reduces=True,
           example="oph_extend('oph_float','oph_float',measure,4)")  # fmt: skip
def extend(value: Value, times: int, mode: str) -> Value:
    """Repeat a row; the copies are not independent, so that the variance is dropped."""
    width, places = _row(value)
    check_length("oph_extend", width * times)
    repeated = np.tile(places, times) if mode == "a" else np.repeat(places, times)
    made = gathered(value, repeated, _shape(value, width * times))
    if made.noise is None or times == 1:
        return made
    return replace(made, noise=None).remark("the variance is dropped: copies are not independent")


@primitive("oph_expand", "The row put at places start:stride:stop of its coordinates.", _SELECT,
           array(), Parameter("indexes", "list", None), number("start", None),
           number("stride", 1.0), number("stop", None), text("filling", "nan",
           help="nan, interp or a number."), reach="row", reduces=True,
           example="oph_expand(measure,dimension,1,1,100)")  # fmt: skip
def expand(
    value: Value, index: Any, start: float | None, stride: float, stop: float | None, filling: str
) -> Value:
    """Put elements where their coordinates say, and a filling elsewhere."""
    old = np.arange(1.0, value.width + 1) if index is None else index
    if len(old) != value.width or not stride > 0:
        msg = f"{value.width} coordinates and a positive stride are needed"
        raise QueryError(msg)
    first, last = old[0] if start is None else start, old[-1] if stop is None else stop
    check_length("oph_expand", (last - first) / stride + 1)
    new = first + stride * np.arange(int(np.floor((last - first) / stride + 1e-9)) + 1)
    if filling.lower() == "interp":
        x = value.floats()
        data = np.stack([np.interp(new, old, row) for row in x]).astype(x.dtype)
        made = Value(data, (len(new),), remarks=value.remarks)
        return made.remark("the variance is dropped by interpolation") if value.noise else made
    try:
        fill = float(filling)
    except ValueError:
        msg = f"filling {filling!r} is none of nan, interp or a number"
        raise QueryError(msg) from None
    places = np.full(len(new), -1)
    for place, coordinate in enumerate(old):
        there = np.flatnonzero(np.isclose(new, coordinate, rtol=0, atol=1e-9 * stride))
        places[there] = place
    return gathered(value, places, (len(new),), fill)


@primitive(
    "oph_permute", "The implicit dimensions in another order.", _SELECT, array(),
           text("permutation", help="New order of the dimensions, such as '2,1'."),
           integer("size", multiple=True, default=(), help="Of the dimensions, innermost first."),
           reach="row", reduces=True, example="oph_permute(measure,'2,1',20,2048)")  # fmt: skip
def permute(value: Value, permutation: str, sizes: list[int]) -> Value:
    """Order the elements as if the dimensions came in another order."""
    if not sizes and len(value.shape or ()) > 1:
        msg = "the operator oph_permute orders the dimensions of a cube; here, sizes are needed"
        raise QueryError(msg)
    shape = tuple(reversed(sizes)) or (value.width,)
    try:
        order = [int(part) - 1 for part in permutation.split(",")]
    except ValueError:
        order = []
    if sorted(order) != list(range(len(shape))) or prod(shape) != value.width:
        msg = f"{permutation!r} does not order the {len(shape)} dimensions of sizes {shape}"
        raise QueryError(msg)
    places = np.arange(value.width).reshape(shape).transpose(order)
    return gathered(value, places.ravel(), _shape(value, value.width))
