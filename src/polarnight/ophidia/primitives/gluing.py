"""Primitives that put arrays of a row one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.ophidia.primitives.arithmetic import operands
from polarnight.ophidia.primitives.declaration import Parameter, array, primitive
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.values import Value, common_bits

if TYPE_CHECKING:
    import numpy.typing as npt

__all__: list[str] = []

_SELECT: Final = "selection"


def _glued(values: list[Value], places: npt.NDArray[np.intp]) -> Value:
    """Return elements of several rows put one after the other."""
    alike = len({value.data.dtype for value in values}) == 1
    numbers = [value.data for value in values] if alike else operands(*values)
    rows = max(one.shape[0] for one in numbers)
    whole = [np.broadcast_to(one, (rows, one.shape[1])) for one in numbers]
    data = np.concatenate(whole, axis=1)[:, places]
    bits = None
    if common_bits(*values) is not None:
        planes = [
            np.broadcast_to(np.uint16(0) if value.bits is None else value.bits, (rows, value.width))
            for value in values
        ]
        bits = np.concatenate(planes, axis=1)[:, places]
    remarks = frozenset().union(*(value.remarks for value in values))
    made = Value(data, (len(places),), bits, remarks=remarks)
    if any(value.noise is not None for value in values):
        return made.remark("the variance is dropped: what the parts have in common is not known")
    return made


for _name, _text in (
    ("oph_concat", "Arrays one after the other."),
    ("oph_concat2", "Arrays one after the other."),
    ("oph_append", "Arrays one after the other."),
):

    @primitive(_name, _text, _SELECT, array("measure", multiple=True), reach="row", reduces=True,
               example=f"{_name}(oph_get_subarray(measure,1,3),measure)")  # fmt: skip
    def concat(values: list[Value]) -> Value:
        """Append arrays."""
        return _glued(values, np.arange(sum(value.width for value in values)))


@primitive("oph_interlace", "Arrays interlaced: a1 b1 a2 b2...", _SELECT,
           array("measure", multiple=True), reach="row", reduces=True,
           example="oph_interlace(measure,measure)")  # fmt: skip
def interlace(values: list[Value]) -> Value:
    """Take an element of each array in turn."""
    widths = {value.width for value in values}
    if len(widths) > 1:
        msg = f"only arrays of one length are interlaced, not of {sorted(widths)}"
        raise QueryError(msg)
    width = widths.pop()
    order = np.arange(width * len(values)).reshape(len(values), width).T.ravel()
    return _glued(values, order)


@primitive("oph_interlace2", "Arrays interlaced in blocks of given sizes.", _SELECT,
           Parameter("binary count list", "list", None), array("measure", multiple=True),
           reach="row", reduces=True,
           example="oph_interlace2('2,1',measure,oph_get_subarray(measure,1,20))")  # fmt: skip
def interlace2(counts: Any, values: list[Value]) -> Value:
    """Take a block of each array in turn, as long as there are whole blocks of all."""
    sizes = [1] * len(values) if counts is None else [int(count) for count in counts]
    widths = [value.width for value in values]
    fit = len(sizes) == len(widths) and min(sizes) > 0
    turns = {divmod(width, size) for width, size in zip(widths, sizes, strict=False)} if fit else ()
    if len(turns) != 1 or any(left for _, left in turns):
        msg = f"arrays of {widths} elements are not made of equally many blocks of {sizes}"
        raise QueryError(msg)
    starts = np.concatenate([[0], np.cumsum(widths)])[:-1]
    order = [
        np.arange(start, start + width).reshape(-1, size)
        for start, width, size in zip(starts, widths, sizes, strict=True)
    ]
    return _glued(values, np.concatenate(order, axis=1).ravel())
