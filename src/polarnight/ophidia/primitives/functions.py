"""Elementary functions of every pixel, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.ophidia.primitives.declaration import array, choice, primitive
from polarnight.ophidia.primitives.values import Value, joined

if TYPE_CHECKING:
    import numpy.typing as npt

__all__: list[str] = []


def _round(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Round half away from zero, as C does."""
    whole = np.trunc(x)
    away: npt.NDArray[Any] = np.where(np.abs(x - whole) >= 0.5, whole + np.sign(x), whole)
    return away


_Smooth = Callable[["npt.NDArray[Any]"], Any]
_MATH: Final[dict[str, tuple[_Smooth, _Smooth | None]]] = {
    "abs": (np.abs, np.sign),
    "acos": (np.arccos, lambda x: -1 / np.sqrt(1 - x * x)),
    "asin": (np.arcsin, lambda x: 1 / np.sqrt(1 - x * x)),
    "atan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "ceil": (np.ceil, None),
    "cos": (np.cos, lambda x: -np.sin(x)),
    "cot": (lambda x: 1 / np.tan(x), lambda x: -1 / np.sin(x) ** 2),
    "degrees": (np.degrees, lambda x: np.full_like(x, np.degrees(1.0))),
    "exp": (np.exp, np.exp),
    "floor": (np.floor, None),
    "ln": (np.log, lambda x: 1 / x),
    "log10": (np.log10, lambda x: 1 / (x * np.log(x.dtype.type(10)))),
    "log2": (np.log2, lambda x: 1 / (x * np.log(x.dtype.type(2)))),
    "radians": (np.radians, lambda x: np.full_like(x, np.radians(1.0))),
    "round": (_round, None),
    "sign": (np.sign, None),
    "sin": (np.sin, np.cos),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2),
}


def _math(value: Value, function: str) -> Value:
    x = value.floats()
    apply, derivative = _MATH[function]
    slope = derivative(x) if derivative is not None and value.noise is not None else None
    return joined(apply(x), [(value, slope)])


@primitive(
    "oph_math",
    "An elementary function of every element.",
    "functions",
    array(),
    choice("mathematical operator", (*_MATH,)),
    example="oph_math('oph_float','oph_float',measure,'oph_math_log10')",
)
def math(value: Value, function: str) -> Value:
    """Apply a function by name."""
    return _math(value, function)


def _named(function: str) -> Callable[[Value], Value]:
    return lambda value: _math(value, function)


for _name in _MATH:
    primitive(
        _name,
        f"{_name} of every element.",
        "functions",
        array(),
        typed=False,
        aliases=("log",) if _name == "ln" else (),
        example=f"{_name}(measure)",
    )(_named(_name))
