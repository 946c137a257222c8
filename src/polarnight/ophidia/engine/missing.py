"""Numbers that stand for no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.indices import finite
from polarnight.ophidia.operator import Given

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["missing_value", "without_missing"]


def missing_value(operator: str, given: Given) -> float | None:
    """Return the number of ``missingvalue``, None where there is none besides NaN.

    Raises
    ------
    BadValue
        For what is no number.
    """
    text = str(given["missingvalue"]).strip()
    if text.lower() in {"-", "", "nan", "null"}:
        return None
    number = finite(text)
    if number is None:
        msg = f"{operator}: missingvalue={text[:40]} is not a number"
        raise BadValue(msg, "use a number such as -999, or leave it out")
    return number


def without_missing(cube: Cube, number: float | None) -> Cube:
    """Return a cube that is no number where it was `number`."""
    if number is None:
        return cube
    from polarnight.ophidia.primitives import evaluate

    return evaluate(f"oph_replace(measure,{number!r},nan)", cube, measure=cube.measure)
