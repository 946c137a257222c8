"""What flows through a query: the arrays of the rows of a block, and what is known of them.

All arrays are two-dimensional: one line per row of the cube, or one line that serves all rows
(constants), and the implicit dimensions one after the other, or one column that serves all
places (the result of a statistic).

Variances go through functions of one pixel exactly to first order: next to a number goes its
derivative with respect to the pixel of the measure that it came from, so that
``measure + measure`` has four times the variance. What mixes pixels starts anew, as a measure
of its own; where two such are combined, what they have in common is not known, and the
variance is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polarnight.frames import UNUSABLE
from polarnight.ophidia.primitives.types import arithmetic_type

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.floating[Any]]
    Bits: TypeAlias = npt.NDArray[np.uint16]

__all__ = ["Noise", "Value", "common_bits", "constant", "joined", "usable", "wider"]

_UNUSABLE = np.uint16(UNUSABLE)


@dataclass(frozen=True, eq=False)
class Noise:
    """Where the uncertainty of numbers comes from.

    Attributes
    ----------
    variance : ndarray of float, shape (rows, n)
        Of independent numbers.
    """

    variance: npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Value:
    """Numbers of the rows of a block.

    Attributes
    ----------
    data : ndarray, shape (rows or 1, n or 1)
    shape : tuple of int or None
        Sizes of the implicit dimensions, whose product is n; None for constants.
    bits : ndarray of uint16, shaped like `data`, or None
    noise : Noise or None
        None where nothing is known, or nothing is to be known, of the uncertainty.
    slope : ndarray or float
        Derivative with respect to what `noise` is of.
    exact : bool
        Whether there is no uncertainty: a constant.
    remarks : frozenset of str
        What the user should know.
    """

    data: npt.NDArray[Any]
    shape: tuple[int, ...] | None = None
    bits: Bits | None = None
    noise: Noise | None = None
    slope: Any = 1.0
    exact: bool = False
    remarks: frozenset[str] = field(default_factory=frozenset)

    @property
    def variance(self) -> npt.NDArray[Any] | None:
        """Variance of `data`; None where it is not known."""
        if self.noise is None:
            return None
        return np.asarray(self.slope * self.slope * self.noise.variance)

    @property
    def width(self) -> int:
        """Number of values of a row."""
        return int(self.data.shape[1])

    def floats(self) -> npt.NDArray[Any]:
        """Return the numbers in the type of arithmetic."""
        return self.data.astype(arithmetic_type(self.data.dtype), copy=False)

    def with_data(self, data: npt.NDArray[Any], **changes: Any) -> Value:
        """Return a value of other numbers."""
        return replace(self, data=data, **changes)

    def remark(self, text: str) -> Value:
        """Return the value with something that the user should know."""
        return replace(self, remarks=self.remarks | {text})


def constant(numbers: Any, dtype: Any = np.float64) -> Value:
    """Return a number, or a row of numbers, that serves all rows."""
    return Value(np.atleast_2d(np.asarray(numbers, dtype=dtype)), exact=True)


def usable(value: Value, missing: float | None = None) -> npt.NDArray[np.bool_]:
    """Return which numbers statistics may use, as the engine does.

    None that is not finite, no `missing`, no unusable bit.
    """
    used = np.ones(value.data.shape, dtype=np.bool_)
    if value.data.dtype.kind == "f":
        used &= np.isfinite(value.data)
    if missing is not None:
        used &= value.data != missing
    if value.bits is not None:
        used = used & ((value.bits & _UNUSABLE) == 0)
    return used


def common_bits(*values: Value) -> Bits | None:
    """Return the bits of numbers made from several: all that any of them has."""
    found: Bits | None = None
    for value in values:
        if value.bits is not None:
            found = value.bits if found is None else np.bitwise_or(found, value.bits)
    return found


def wider(*values: Value) -> Value:
    """Return the value whose rows are longest; a constant only where all are."""
    return max(values, key=lambda value: (value.shape is not None, value.width))


def joined(data: npt.NDArray[Any], parts: list[tuple[Value, Any]]) -> Value:
    """Return a value made pixel by pixel from others.

    Parameters
    ----------
    data : ndarray
        The result.
    parts : list of (Value, derivative)
        What it was made from, and the derivative of the result with respect to each; None
        where there is none that is of use (steps, random numbers).
    """
    shape = wider(*(value for value, _ in parts)).shape
    remarks = frozenset().union(*(value.remarks for value, _ in parts))
    uncertain = [(value, slope) for value, slope in parts if not value.exact]
    result = Value(data, shape, common_bits(*(value for value, _ in parts)), remarks=remarks)
    if not uncertain:
        return replace(result, exact=True)
    noises = {id(value.noise): value.noise for value, _ in uncertain}
    if None in noises.values():
        return result
    if len(noises) > 1:
        return result.remark(
            "the variance is dropped: what the parts of the query have in common is not known"
        )
    if any(slope is None for _, slope in uncertain):
        return result.remark("the variance is dropped: a step has no derivative")
    total: Any = 0.0
    for value, slope in uncertain:
        total = total + slope * value.slope
    return replace(result, noise=uncertain[0][0].noise, slope=total)
