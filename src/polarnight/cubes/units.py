"""Units of results. ``""`` is unknown and stays so; ``"1"`` is a pure number."""

from __future__ import annotations

import functools
from typing import Any

from polarnight.errors import CubeError

__all__ = ["known_unit", "number_unit", "pair_unit", "power_unit"]

_LIKE_TO_LIKE = frozenset({"sum", "sub", "max", "min"})
_OF_FIRST = frozenset({"mask"})
_NUMBERS = frozenset({"arg_max", "arg_min", "corr"})


@functools.lru_cache(1024)
def pair_unit(operation: str, a: str, b: str) -> tuple[str, float]:
    """Return the unit of a combination, and by what the second must be multiplied before.

    Raises
    ------
    CubeError
        Where the units cannot be added or compared.
    """
    if operation in _OF_FIRST:
        return a, 1.0
    if operation in ("mul", "div"):
        one, two = known_unit(a), known_unit(b)
        if one is None or two is None:
            return "", 1.0
        return _text(one * two if operation == "mul" else one / two), 1.0
    result = {"arg": "rad", **dict.fromkeys(_NUMBERS, "1")}.get(operation)
    if a == b:
        return a if result is None else result, 1.0
    one, two = known_unit(a), known_unit(b)
    if one is None or two is None:
        return "" if result is None else result, 1.0
    try:
        factor = float(two.to(one))
    except Exception as error:
        if type(error).__name__ != "UnitConversionError":
            raise
        raise CubeError(
            f"{operation}: a cube in {a or 'no unit'} and one in {b or 'no unit'} do not go "
            "together; correct the unit of one with with_unit"
        ) from error
    return a if result is None else result, factor


@functools.lru_cache(1024)
def number_unit(operation: str, unit: str, *, swapped: bool = False) -> str:
    """Return the unit of a cube combined with a number, which is in the same unit or has none."""
    if operation == "div" and swapped:
        return power_unit(unit, -1)
    if operation == "arg":
        return "rad"
    return "1" if operation in _NUMBERS else unit


@functools.lru_cache(1024)
def power_unit(unit: str, power: float) -> str:
    """Return a power of a unit."""
    one = known_unit(unit)
    return "" if one is None else _text(one**power)


def known_unit(text: str) -> Any:
    """Return the astropy unit of a text; None where it is unknown or means nothing."""
    if not text:
        return None
    from astropy import units

    if text == "1":
        return units.dimensionless_unscaled
    try:
        return units.Unit(text, parse_strict="raise")
    except (ValueError, TypeError):
        # Headers hold many spellings; in lower case most are known (ADU, Electrons/s).
        try:
            return units.Unit(text.lower(), parse_strict="raise")
        except (ValueError, TypeError):
            return None


def _text(unit: Any) -> str:
    """Return a unit as astropy writes it; one whose units cancel with a factor keeps them."""
    written = str(unit.to_string())
    return written or "1"
