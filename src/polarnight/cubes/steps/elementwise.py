"""Element by element: values, variances and bits of the results, block by block in numpy.

Floating point throughout: float32 where it holds every value of all inputs exactly (8 and 16
bit integers, float32), else float64. Not a number gives not a number. Variances are
propagated to first order for independent inputs, sigma_f^2 = sum (df/dx_i)^2 sigma_i^2
(Bevington & Robinson 2003, eq. 3.14), in the type of the values; they mean nothing where the
value is not finite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "OF_ITSELF",
    "PAIR_OPERATIONS",
    "pair_values",
    "pair_variance",
    "result_dtype",
    "variance_of_itself",
]

_EXACT_IN_FLOAT32: Final = frozenset({"b1", "u1", "i1", "u2", "i2", "f2", "f4"})

Floats = Any


def result_dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of the result of arithmetic with inputs of these types."""
    small = all(f"{dtype.kind}{dtype.itemsize}" in _EXACT_IN_FLOAT32 for dtype in dtypes)
    return np.dtype(np.float32 if small else np.float64)


def _mask(a: Floats, b: Floats) -> Floats:
    return np.where(b == 1, a, a.dtype.type(np.nan))


def _arg_max(a: Floats, b: Floats) -> Floats:
    return np.where(np.isnan(a) | np.isnan(b), np.nan, b > a).astype(a.dtype)


def _arg_min(a: Floats, b: Floats) -> Floats:
    return np.where(np.isnan(a) | np.isnan(b), np.nan, b < a).astype(a.dtype)


PAIR_OPERATIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "sum": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "abs": np.hypot,
    "arg": lambda a, b: np.arctan2(b, a),
    "mask": _mask,
    "max": np.maximum,
    "min": np.minimum,
    "arg_max": _arg_max,
    "arg_min": _arg_min,
}
"""What two cubes can be combined by. ``abs`` and ``arg`` take them for the real and imaginary
parts of a complex number; ``mask`` keeps the first where the second is 1; ``arg_max`` and
``arg_min`` tell which of the two it is, 0 or 1."""


def _operands(
    a: npt.NDArray[Any], b: Any, dtype: np.dtype[Any], factor: float
) -> tuple[npt.NDArray[Any], Any]:
    left = np.asarray(a).astype(dtype, copy=False)
    right = np.asarray(b).astype(dtype, copy=False)
    if factor != 1.0:
        right = right * dtype.type(factor)
    return left, right


def pair_values(
    a: npt.NDArray[Any], b: npt.NDArray[Any], *, operation: str, dtype: Any, factor: float = 1.0
) -> npt.NDArray[Any]:
    """Return the values of a pair of blocks; `b` is first multiplied by `factor`."""
    wanted = np.dtype(dtype)
    with np.errstate(all="ignore"):
        left, right = _operands(a, b, wanted, factor)
        found: npt.NDArray[Any] = PAIR_OPERATIONS[operation](left, right)
    return found


def pair_variance(
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    va: npt.NDArray[Any] | None,
    vb: npt.NDArray[Any] | None,
    *,
    operation: str,
    dtype: Any,
    factor: float = 1.0,
) -> npt.NDArray[Any]:
    """Return the variances of a pair of blocks; a number, which has none, is exact."""
    wanted = np.dtype(dtype)
    zero = wanted.type(0)
    with np.errstate(all="ignore"):
        left, right = _operands(a, b, wanted, factor)
        first = zero if va is None else np.asarray(va).astype(wanted, copy=False)
        second = zero if vb is None else np.asarray(vb).astype(wanted, copy=False)
        if factor != 1.0:
            second = second * wanted.type(factor) ** 2
        found = _VARIANCES[operation](left, right, first, second)
        return np.asarray(np.broadcast_to(found, np.broadcast_shapes(left.shape, right.shape)))


def _of_quotient(a: Floats, b: Floats, va: Floats, vb: Floats) -> Floats:
    ratio = a / b
    return (va + ratio * ratio * vb) / (b * b)


def _of_larger(a: Floats, b: Floats, va: Floats, vb: Floats) -> Floats:
    return np.where(np.isnan(a) | np.isnan(b), np.nan, np.where(b > a, vb, va)).astype(a.dtype)


def _of_smaller(a: Floats, b: Floats, va: Floats, vb: Floats) -> Floats:
    return np.where(np.isnan(a) | np.isnan(b), np.nan, np.where(b < a, vb, va)).astype(a.dtype)


_VARIANCES: Final[dict[str, Callable[[Any, Any, Any, Any], Any]]] = {
    "sum": lambda a, b, va, vb: va + vb,
    "sub": lambda a, b, va, vb: va + vb,
    "mul": lambda a, b, va, vb: b * b * va + a * a * vb,
    "div": _of_quotient,
    "abs": lambda a, b, va, vb: (a * a * va + b * b * vb) / (a * a + b * b),
    "arg": lambda a, b, va, vb: (b * b * va + a * a * vb) / (a * a + b * b) ** 2,
    "mask": lambda a, b, va, vb: _mask(va + np.zeros_like(a), b),
    "max": _of_larger,
    "min": _of_smaller,
}


# The whole derivative of f(x, k x) with respect to x; b is k x.
_SLOPES: Final[dict[str, Callable[[Any, Any, float], Any]]] = {
    "sum": lambda a, b, k: np.full_like(a, 1 + k),
    "sub": lambda a, b, k: np.full_like(a, 1 - k),
    "mul": lambda a, b, k: b + k * a,
    "div": lambda a, b, k: (1 - k * (a / b)) / b,
    "abs": lambda a, b, k: (a + k * b) / np.hypot(a, b),
    "arg": lambda a, b, k: (k * a - b) / (a * a + b * b),
}

OF_ITSELF: Final = frozenset(_SLOPES)
"""Operations by which the variance of a cube with itself is not that of independent cubes."""


def variance_of_itself(
    a: npt.NDArray[Any],
    va: npt.NDArray[Any],
    *,
    operation: str,
    dtype: Any,
    factor: float = 1.0,
) -> npt.NDArray[Any]:
    """Return the variances of blocks combined with themselves, times `factor` the second time.

    With one error for both operands, sigma_f^2 = (df/da + factor df/db)^2 sigma_a^2: 0 for a
    difference or a ratio, four times that of the cube for a sum.
    """
    wanted = np.dtype(dtype)
    with np.errstate(all="ignore"):
        left, right = _operands(a, a, wanted, factor)
        slope = _SLOPES[operation](left, right, factor)
        found: npt.NDArray[Any] = slope * slope * np.asarray(va).astype(wanted, copy=False)
    return found.astype(wanted, copy=False)


def has_variance(operation: str) -> bool:
    """Whether the result of an operation has a variance."""
    return operation in _VARIANCES


def number_values(
    a: npt.NDArray[Any], *, number: float, operation: str, dtype: Any, swapped: bool
) -> npt.NDArray[Any]:
    """Return the values of a block and a number."""
    wanted = np.dtype(dtype)
    with np.errstate(all="ignore"):
        other = np.asarray(number).astype(wanted)
        one, two = (other, a) if swapped else (a, other)
        left, right = _operands(one, two, wanted, 1.0)
        found: npt.NDArray[Any] = PAIR_OPERATIONS[operation](left, right)
    return found


def number_variance(
    a: npt.NDArray[Any],
    va: npt.NDArray[Any],
    *,
    number: float,
    operation: str,
    dtype: Any,
    swapped: bool,
) -> npt.NDArray[Any]:
    """Return the variances of a block and an exact number."""
    with np.errstate(over="ignore"):
        other = np.asarray(number).astype(np.dtype(dtype))
    if swapped:
        return pair_variance(other, a, None, va, operation=operation, dtype=dtype)
    return pair_variance(a, other, va, None, operation=operation, dtype=dtype)


def or_bits(*bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Return what is wrong with any of the inputs."""
    found = bits[0]
    for one in bits[1:]:
        found = found | one
    return found
