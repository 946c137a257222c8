"""Primitives that work pixel by pixel: arithmetic and elementary functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.ophidia.primitives.declaration import MISSING, array, choice, number, primitive
from polarnight.ophidia.primitives.types import arithmetic_type
from polarnight.ophidia.primitives.values import Value, joined

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ARITHMETIC", "operands"]

ARITHMETIC: Final = "arithmetic"
_A: Final = array("measure a")
_B: Final = array("measure b")


def operands(*values: Value) -> list[Any]:
    """Return numbers in the type in which they are combined; single constants have none."""
    weak = [value.shape is None and value.data.size == 1 for value in values]
    dtypes = [value.data.dtype for value, one in zip(values, weak, strict=True) if not one]
    dtype = arithmetic_type(*dtypes) if dtypes else np.dtype(np.float64)
    return [value.data.astype(dtype, copy=False) for value in values]


def _sum(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    return joined(x + y, [(a, 1.0), (b, 1.0)])


def _difference(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    return joined(x - y, [(a, 1.0), (b, -1.0)])


def _product(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    return joined(x * y, [(a, y), (b, x)])


def _quotient(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    ratio = x / y
    return joined(ratio, [(a, 1.0 / y), (b, -ratio / y)])


def _power(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    raised = np.power(x, y)
    by_b = None if b.exact else raised * np.log(x)
    return joined(raised, [(a, y * np.power(x, y - 1)), (b, by_b)])


def _remainder(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    return joined(np.mod(x, y), [(a, 1.0), (b, None)])


def _larger(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    first = ~(y > x)
    return joined(np.maximum(x, y), [(a, first), (b, ~first)])


def _smaller(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    first = ~(y < x)
    return joined(np.minimum(x, y), [(a, first), (b, ~first)])


def _which(x: npt.NDArray[Any], y: npt.NDArray[Any], second: npt.NDArray[Any]) -> Any:
    return np.where(np.isnan(x) | np.isnan(y), np.float32(np.nan), second.astype(np.float32))


def _which_larger(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    return joined(_which(x, y, y > x), [(a, 0.0), (b, 0.0)])


def _which_smaller(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    return joined(_which(x, y, y < x), [(a, 0.0), (b, 0.0)])


def _modulus(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    length = np.hypot(x, y)
    return joined(length, [(a, x / length), (b, y / length)])


def _phase(a: Value, b: Value) -> Value:
    x, y = operands(a, b)
    square = x * x + y * y
    return joined(np.arctan2(y, x), [(a, -y / square), (b, x / square)])


def _masked(a: Value, b: Value) -> Value:
    x, mask = operands(a, b)
    kept = mask == 1
    return joined(np.where(kept, x, x.dtype.type(np.nan)), [(a, kept), (b, 0.0)])


_PAIRS: Final[dict[str, tuple[Callable[[Value, Value], Value], str]]] = {
    "sum": (_sum, "Sum of two arrays, place by place."),
    "sub": (_difference, "Difference of two arrays, place by place."),
    "mul": (_product, "Product of two arrays, place by place."),
    "div": (_quotient, "Ratio of two arrays, place by place, in floating point."),
    "max": (_larger, "The larger of two arrays, place by place."),
    "min": (_smaller, "The smaller of two arrays, place by place."),
    "arg_max": (_which_larger, "Which of two arrays is larger: 0 the first, 1 the second."),
    "arg_min": (_which_smaller, "Which of two arrays is smaller: 0 the first, 1 the second."),
    "mask": (_masked, "Keep the first array where the second is 1, NaN elsewhere."),
    "abs": (_modulus, "Length of the vector of two components."),
    "arg": (_phase, "Angle of the vector of two components, in radians."),
}

for _name, (_function, _text) in _PAIRS.items():
    primitive(
        f"oph_{_name}_array",
        _text,
        ARITHMETIC,
        _A,
        _B,
        MISSING,
        example=f"oph_{_name}_array('oph_float|oph_float','oph_float',measure,measure)",
    )(_function)

for _name, _function, _text in (
    ("add", _sum, "a + b"),
    ("subtract", _difference, "a - b"),
    ("multiply", _product, "a * b"),
    ("divide", _quotient, "a / b"),
    ("remainder", _remainder, "a % b, the remainder with the sign of b."),
    ("power", _power, "a ^ b (or a ** b)"),
    ("max", _larger, "The larger of two numbers of each place."),
    ("min", _smaller, "The smaller of two numbers of each place."),
):
    primitive(_name, _text, "operators", _A, _B, typed=False, example=f"{_name}(measure, 2)")(
        _function
    )


@primitive("negative", "-a", "operators", _A, typed=False, example="-measure")
def negative(a: Value) -> Value:
    """Change the sign."""
    return joined(-a.floats(), [(a, -1.0)])


@primitive(
    "oph_operator_array",
    "Two arrays combined place by place by a named operation.",
    ARITHMETIC,
    _A,
    _B,
    choice("operation name", ("avg", *_PAIRS)),
    MISSING,
    example="oph_operator_array(measure,measure,'oph_max')",
)
def operator_array(a: Value, b: Value, operation: str) -> Value:
    """Combine two arrays."""
    if operation == "avg":
        return _scaled(_sum(a, b), 0.5)
    return _PAIRS[operation][0](a, b)


@primitive(
    "oph_operation_array",
    "Any number of arrays combined place by place.",
    ARITHMETIC,
    array("measure", multiple=True),
    choice("operation name", ("avg", "sum", "mul", "max", "min", "arg_max", "arg_min")),
    MISSING,
    example="oph_operation_array(measure,measure,'oph_avg')",
)
def operation_array(values: list[Value], operation: str) -> Value:
    """Combine arrays; a missing number makes the result missing."""
    if operation.startswith("arg_"):
        stack = np.stack(np.broadcast_arrays(*operands(*values)))
        lost = np.isnan(stack).any(axis=0)
        best = stack.argmax(axis=0) if operation == "arg_max" else stack.argmin(axis=0)
        found = np.where(lost, np.float32(np.nan), best.astype(np.float32))
        return joined(found, [(value, 0.0) for value in values])
    total = values[0]
    for value in values[1:]:
        total = _PAIRS["sum" if operation == "avg" else operation][0](total, value)
    if operation == "avg":
        return _scaled(total, 1.0 / len(values))
    return total if len(values) > 1 else _scaled(total, 1.0)


def _scaled(value: Value, factor: float, shift: float = 0.0) -> Value:
    data = value.floats()
    return joined(data * factor + shift if shift else data * factor, [(value, factor)])


@primitive(
    "oph_sum_scalar",
    "A number added to every element.",
    ARITHMETIC,
    array(),
    number("scalar value", 0.0),
    MISSING,
    example="oph_sum_scalar('oph_float','oph_float',measure,-1000)",
)
def sum_scalar(value: Value, scalar: float) -> Value:
    """Add a number."""
    return joined(value.floats() + scalar, [(value, 1.0)])


@primitive(
    "oph_mul_scalar",
    "Every element times a number.",
    ARITHMETIC,
    array(),
    number("scalar value", 1.0),
    MISSING,
    example="oph_mul_scalar('oph_float','oph_float',measure,2.5)",
)
def mul_scalar(value: Value, scalar: float) -> Value:
    """Multiply by a number."""
    return joined(value.floats() * scalar, [(value, scalar)])


@primitive(
    "oph_affine",
    "Every element times a number, plus a number: gain and offset.",
    ARITHMETIC,
    array(),
    number("scalar value", 1.0),
    number("translation value", 0.0),
    MISSING,
    example="oph_affine('oph_float','oph_float',measure,0.97,-120)",
)
def affine(value: Value, factor: float, shift: float) -> Value:
    """Multiply and add."""
    return joined(value.floats() * factor + shift, [(value, factor)])
