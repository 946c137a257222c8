"""Primitives that make statistics of the array of a row."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.frames import Bit
from polarnight.ophidia.primitives.declaration import (
    MISSING,
    Parameter,
    array,
    choice,
    integer,
    number,
    primitive,
    text,
)
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.statistic import (
    OPERATIONS,
    statistic,
)
from polarnight.ophidia.primitives.types import arithmetic_type
from polarnight.ophidia.primitives.values import Noise, Value, usable

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["COUNT", "STATISTICS", "group_edges", "in_use", "order_of", "reduce_blocks"]

STATISTICS: Final = "statistics"
_OPERATION: Final = choice("operator name", OPERATIONS, "max")
_ORDER: Final = number(
    "order", None, help="Of moments (2), of the quantile (0.5), sigmas of clipping (3)."
)
COUNT: Final = integer("count", 0, minimum=0, help="Elements of a group; 0 for all.")
_BLOCK: Final = integer(
    "block size", 1, minimum=1, help="Product of the dimensions that vary faster."
)
_SIZE: Final = integer("size", 0, minimum=0, help="Of the dimension reduced; 0 for all.")
_WHOLE_NUMBERS: Final = {"count", "arg_max", "arg_min"}


def order_of(operation: str, order: float | None) -> float:
    """Return the order of a statistic, its usual one where none is given.

    Raises
    ------
    QueryError
        Where it is impossible.
    """
    if order is None:
        return {"quantile": 0.5, "clipped_mean": 3.0, "clipped_median": 3.0}.get(operation, 2.0)
    if operation == "quantile" and not 0 <= order <= 1:
        msg = f"the order of a quantile is from 0 to 1, not {order:g}"
        raise QueryError(msg)
    if operation.startswith("clipped_") and not order >= 1:
        msg = f"clipping at {order:g} sigmas leaves nothing; the order must be at least 1"
        raise QueryError(msg)
    return order


def in_use(value: Value) -> npt.NDArray[np.float64]:
    """Return the numbers with NaN for those that statistics must not see."""
    return np.where(usable(value), value.data.astype(np.float64), np.nan)


def _typed(data: npt.NDArray[np.float64], value: Value, operation: str) -> npt.NDArray[Any]:
    """Give a statistic its type: counts and places (-1 where there is none) are int32."""
    if operation in _WHOLE_NUMBERS:
        return np.where(np.isnan(data), -1.0, data).astype(np.int32)
    return data.astype(arithmetic_type(value.data.dtype))


def reduce_blocks(
    value: Value, operation: str, counts: list[int], block: int, size: int, order: float | None
) -> Value:
    """Reduce groups of elements along one of the dimensions of a row.

    Parameters
    ----------
    value : Value
    operation : str
    counts : list of int
        Elements of the groups, one after the other; one number for groups of one size.
    block : int
        Product of the sizes of the dimensions that vary faster than the one reduced.
    size : int
        Of the dimension reduced; 0 for all that the block leaves.
    order : float or None

    Returns
    -------
    Value
        With the variance of sums and means.
    """
    rows, width = value.data.shape
    size = size or width // block
    if size == 0 or width % (block * size):
        msg = f"rows of {width} elements are not made of blocks of {block} x {size}"
        raise QueryError(msg)
    edges = group_edges(counts, size)
    outer = width // (block * size)
    folded = in_use(value).reshape(rows, outer, size, block)
    order = order_of(operation, order)
    groups = [
        statistic(operation, np.moveaxis(folded[:, :, start:stop], 2, -1), order)
        for start, stop in edges
    ]
    data = np.stack(groups, axis=2).reshape(rows, -1)
    made = Value(
        _typed(data, value, operation),
        _new_shape(value, outer, size, len(edges)),
        remarks=value.remarks,
        exact=value.exact,
    )
    made = replace(made, bits=_group_bits(value, folded, edges))
    return _with_noise(made, value, operation, folded, edges)


def group_edges(counts: list[int], size: int) -> list[tuple[int, int]]:
    """Return where the groups begin and end."""
    if len(counts) == 1:
        count = counts[0] or size
        if count > size or size % count:
            msg = f"{size} elements are not made of groups of {count}"
            raise QueryError(msg)
        counts = [count] * (size // count)
    if sum(counts) != size or min(counts) < 1:
        msg = f"groups of {counts} elements do not make {size}"
        raise QueryError(msg)
    stops = np.cumsum(counts)
    return [(int(stop) - count, int(stop)) for stop, count in zip(stops, counts, strict=True)]


def _new_shape(value: Value, outer: int, size: int, groups: int) -> tuple[int, ...]:
    """Return the sizes of the implicit dimensions after the reduction."""
    shape = value.shape or (value.width,)
    for axis in range(len(shape)):
        if prod(shape[:axis]) == outer and shape[axis] == size:
            kept = [*shape[:axis], *([groups] if groups > 1 else [1]), *shape[axis + 1 :]]
            return () if prod(kept) == 1 else tuple(kept)
    total, outside = value.width // size * groups, prod(shape[:-1])
    if total == 1:
        return ()
    # Groups inside the innermost dimension leave the others as they are.
    return (*shape[:-1], total // outside) if total % outside == 0 else (total,)


def _group_bits(
    value: Value, folded: npt.NDArray[np.float64], edges: list[tuple[int, int]]
) -> npt.NDArray[np.uint16] | None:
    """Return the bits that the elements used have, or that there was none."""
    rows = folded.shape[0]
    used = ~np.isnan(folded)
    if value.bits is None:
        if used.all():
            return None
        bits = np.zeros(folded.shape, np.uint16)
    else:
        bits = np.broadcast_to(value.bits, value.data.shape).reshape(folded.shape)
    kept = np.where(used, bits, np.uint16(0))
    groups = []
    for start, stop in edges:
        found = np.bitwise_or.reduce(kept[:, :, start:stop], axis=2)
        empty = ~used[:, :, start:stop].any(axis=2)
        groups.append(np.where(empty, np.uint16(Bit.NO_DATA), found))
    return np.stack(groups, axis=2).reshape(rows, -1)


def _with_noise(
    made: Value,
    value: Value,
    operation: str,
    folded: npt.NDArray[np.float64],
    edges: list[tuple[int, int]],
) -> Value:
    variance = value.variance
    if variance is None:
        return made
    if operation not in {"sum", "avg"}:
        return made.remark(f"the variance is dropped: that of {operation} is not propagated")
    used = ~np.isnan(folded)
    own = np.where(used, np.broadcast_to(variance, value.data.shape).reshape(folded.shape), 0.0)
    sums = []
    for start, stop in edges:
        total = own[:, :, start:stop].sum(axis=2)
        number_used = used[:, :, start:stop].sum(axis=2)
        divisor = number_used.astype(np.float64) ** (2 if operation == "avg" else 0)
        sums.append(np.where(number_used > 0, total / divisor, np.nan))
    stacked = np.stack(sums, axis=2).reshape(made.data.shape).astype(variance.dtype)
    return replace(made, noise=Noise(stacked), slope=1.0)


@primitive(
    "oph_reduce", "One statistic of every group of elements of a row.", STATISTICS,
    array(), _OPERATION, COUNT, _ORDER, MISSING, reach="row", reduces=True,
    example="oph_reduce('oph_float','oph_float',measure,'oph_avg',10)",
)  # fmt: skip
def reduce(value: Value, operation: str, count: int, order: float | None) -> Value:
    """Reduce groups of neighbours."""
    return reduce_blocks(value, operation, [count], 1, 0, order)


@primitive(
    "oph_reduce2", "As oph_reduce, along one of several implicit dimensions.", STATISTICS,
    array(), _OPERATION, COUNT, _BLOCK, _SIZE, _ORDER, MISSING, reach="row", reduces=True,
    example="oph_reduce2('oph_float','oph_float',measure,'oph_quantile',0,1,20,0.5)",
)  # fmt: skip
def reduce2(
    value: Value, operation: str, count: int, block: int, size: int, order: float | None
) -> Value:
    """Reduce along a dimension of `size` with `block` elements between neighbours."""
    return reduce_blocks(value, operation, [count], block, size, order)


@primitive(
    "oph_reduce3", "As oph_reduce2, in groups of different sizes.", STATISTICS,
    array(), _OPERATION, Parameter("count list", "list", None), _BLOCK, _SIZE, _ORDER, MISSING,
    reach="row", reduces=True,
    example="oph_reduce3(measure,'oph_avg',oph_to_bin('','oph_long','3,4,3'))",
)  # fmt: skip
def reduce3(
    value: Value, operation: str, counts: Any, block: int, size: int, order: float | None
) -> Value:
    """Reduce groups whose sizes are given."""
    sizes = [0] if counts is None else [int(count) for count in counts]
    if counts is not None and (counts != np.trunc(counts)).any():
        msg = "the sizes of groups are whole numbers"
        raise QueryError(msg)
    return reduce_blocks(value, operation, sizes, block, size, order)


@primitive(
    "oph_operator", "One statistic of the whole row.", STATISTICS,
    array(), _OPERATION, text("hierarchy", "oph_all", help="Kept for old commands."), _ORDER,
    MISSING, reach="row", reduces=True, example="oph_operator(measure,'oph_avg')",
)  # fmt: skip
def operator(value: Value, operation: str, hierarchy: str, order: float | None) -> Value:
    """Reduce a row."""
    return reduce_blocks(value, operation, [0], 1, 0, order)
