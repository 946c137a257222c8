"""Primitives that compare, choose and replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.ophidia.primitives.arithmetic import operands
from polarnight.ophidia.primitives.declaration import array, number, primitive, text
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.evaluation import expression
from polarnight.ophidia.primitives.values import Value, common_bits, joined, wider

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["where"]

_LOGIC: Final = "logic"
_A: Final = array("measure a")
_B: Final = array("measure b")


def _compared(function: Callable[[Any, Any], Any]) -> Callable[[Value, Value], Value]:
    def compare(a: Value, b: Value) -> Value:
        found = function(a.data, b.data).astype(np.uint8)
        return joined(found, [(a, 0.0), (b, 0.0)])

    return compare


for _name, _sign, _function in (
    ("less", "<", np.less),
    ("less_equal", "<=", np.less_equal),
    ("greater", ">", np.greater),
    ("greater_equal", ">=", np.greater_equal),
    ("equal", "==", np.equal),
    ("not_equal", "!=", np.not_equal),
):
    primitive(
        _name,
        f"a {_sign} b: 1 where it holds, 0 elsewhere; 0 where a number is missing.",
        "operators",
        _A,
        _B,
        typed=False,
        example=f"measure {_sign} 1000",
    )(_compared(_function))


def _true(value: Value) -> npt.NDArray[np.bool_]:
    held = value.data != 0
    if value.data.dtype.kind == "f":
        held = held & ~np.isnan(value.data)
    return np.asarray(held)


def _both(a: Value, b: Value) -> Value:
    return joined((_true(a) & _true(b)).astype(np.uint8), [(a, 0.0), (b, 0.0)])


def _either(a: Value, b: Value) -> Value:
    return joined((_true(a) | _true(b)).astype(np.uint8), [(a, 0.0), (b, 0.0)])


primitive("and", "1 where both hold.", "operators", _A, _B, typed=False,
          example="measure > 10 and measure < 20")(_both)  # fmt: skip
primitive("or", "1 where one holds.", "operators", _A, _B, typed=False,
          example="measure < 10 or measure > 20")(_either)  # fmt: skip


@primitive("not", "1 where it does not hold.", "operators", _A, typed=False,
           example="not isnan(measure)")  # fmt: skip
def negated(a: Value) -> Value:
    """Return 1 for 0 and for missing numbers, 0 for everything else."""
    return joined((~_true(a)).astype(np.uint8), [(a, 0.0)])


@primitive("isnan", "1 where a number is missing.", _LOGIC, _A, typed=False,
           example="isnan(measure)")  # fmt: skip
def isnan(a: Value) -> Value:
    """Return 1 for NaN."""
    return joined(np.isnan(a.floats()).astype(np.uint8), [(a, 0.0)])


@primitive("isfinite", "1 where a number is neither missing nor infinite.", _LOGIC, _A,
           typed=False, example="isfinite(measure)")  # fmt: skip
def isfinite(a: Value) -> Value:
    """Return 1 for numbers."""
    return joined(np.isfinite(a.floats()).astype(np.uint8), [(a, 0.0)])


@primitive(
    "where",
    "The second where the first holds, the third elsewhere.",
    _LOGIC,
    array("condition"),
    _A,
    _B,
    typed=False,
    example="where(measure > 60000, nan, measure)",
)
def where(condition: Value, a: Value, b: Value) -> Value:
    """Choose place by place."""
    held = _true(condition)
    x, y = operands(a, b)
    chosen = joined(np.where(held, x, y), [(a, held), (b, ~held)])
    # The condition chooses, but adds no noise of its own.
    return replace(
        chosen,
        shape=wider(chosen, condition).shape,
        bits=common_bits(chosen, condition),
        exact=chosen.exact and condition.exact,
        remarks=chosen.remarks | condition.remarks,
    )


@primitive(
    "clip",
    "Every element, but not below or above two limits.",
    _LOGIC,
    array(),
    number("lowest"),
    number("highest"),
    typed=False,
    example="clip(measure, 0, 65535)",
)
def clip(value: Value, lowest: float, highest: float) -> Value:
    """Limit the values."""
    x = value.floats()
    return joined(np.clip(x, lowest, highest), [(value, (x >= lowest) & (x <= highest))])


_MEANINGS: Final[dict[str, tuple[Callable[[Any], Any], tuple[str, ...]]]] = {
    ">0": (lambda x: x > 0, (">0", ">", "oph_more_than_zero", "oph_positive")),
    "<0": (lambda x: x < 0, ("<0", "<", "oph_less_than_zero", "oph_negative")),
    "==0": (lambda x: x == 0, ("==0", "=0", "0", "==", "oph_equal_to_zero", "oph_zero")),
    ">=0": (lambda x: x >= 0, (">=0", ">=", "oph_more_or_equal_to_zero", "oph_not_negative")),
    "<=0": (lambda x: x <= 0, ("<=0", "<=", "oph_less_or_equal_to_zero", "oph_not_positive")),
    "!=0": (
        lambda x: (x != 0) & ~np.isnan(x),
        ("!=0", "!=", "<>0", "<>", "oph_not_equal_to_zero", "oph_not_zero"),
    ),
    "nan": (
        np.isnan,
        ("nan", "null", "oph_null", "missed", "miss", "isnull", "isnan", "ismissed"),
    ),
}
_COMPARISONS: Final = {
    spelling: holds for holds, spellings in _MEANINGS.values() for spelling in spellings
}
_PREDICATE: Final = (
    array(),
    text("expression 0", help="Of x, the measure; INDEX is the place in the array, from 1."),
    text("comparison", help=f"What it must be: {', '.join(_MEANINGS)}."),
    text("expression 1", help="Result where it holds."),
    text("expression 2", help="Result elsewhere."),
)


def _predicate(
    value: Value, tested: str, comparison: str, if_true: str, if_false: str, occurrence: str
) -> Value:
    holds = _COMPARISONS.get(comparison.replace(" ", "").lower())
    if holds is None:
        msg = f"the comparison {comparison!r} is not known; there are {', '.join(_MEANINGS)}"
        raise QueryError(msg)
    outcome = expression(tested, value)
    held = np.broadcast_to(holds(outcome.floats()), value.data.shape)
    held = _occurring(held, occurrence)
    mask = joined(held.astype(np.uint8), [(value, 0.0)])
    return where(mask, expression(if_true, value), expression(if_false, value))


def _occurring(held: npt.NDArray[np.bool_], occurrence: str) -> npt.NDArray[np.bool_]:
    """Keep the n-th place of every row where something holds."""
    word = occurrence.strip().lower()
    if word == "all":
        return held
    if word in {"last", "end"}:
        return np.asarray(held & (np.cumsum(held[:, ::-1], axis=1)[:, ::-1] == 1))
    if word in {"first", "begin"}:
        word = "1"
    if not word.isdecimal() or int(word) < 1:
        msg = f"occurrence {occurrence!r} is none of all, first, last, 1, 2, 3..."
        raise QueryError(msg)
    return np.asarray(held & (np.cumsum(held, axis=1) == int(word)))


@primitive(
    "oph_predicate",
    "One expression where a condition holds, another elsewhere.",
    _LOGIC,
    *_PREDICATE,
    reach="row",
    example="oph_predicate('oph_float','oph_float',measure,'x-60000','>0','NAN','x')",
)
def predicate(value: Value, tested: str, comparison: str, if_true: str, if_false: str) -> Value:
    """Choose between two expressions of x."""
    return _predicate(value, tested, comparison, if_true, if_false, "all")


@primitive(
    "oph_predicate2",
    "As oph_predicate, for the n-th place of a row only where the condition holds.",
    _LOGIC,
    *_PREDICATE,
    text("occurrence", "all", help="all, first, last or a number."),
    reach="row",
    example="oph_predicate2(measure,'x-300','>0','1','0','first')",
)
def predicate2(
    value: Value, tested: str, comparison: str, if_true: str, if_false: str, occurrence: str
) -> Value:
    """Choose between two expressions of x, at one place of a row."""
    return _predicate(value, tested, comparison, if_true, if_false, occurrence)


@primitive(
    "oph_replace",
    "One value replaced by another, for example -999 by NaN.",
    _LOGIC,
    array(),
    number("old value", 0.0),
    number("new value", float("nan")),
    example="oph_replace('oph_float','oph_float',measure,-999,nan)",
)
def replaced(value: Value, old: float, new: float) -> Value:
    """Replace a value; NaN is equal to NaN here."""
    x = value.floats()
    found = np.isnan(x) if np.isnan(old) else value.data == old
    return joined(np.where(found, x.dtype.type(new), x), [(value, ~found)])


@primitive(
    "oph_compare",
    "0 where the rows of two arrays are equal, 1 where not.",
    _LOGIC,
    _A,
    _B,
    reach="row",
    reduces=True,
    example="oph_compare('','',measure,measure)",
)
def compare(a: Value, b: Value) -> Value:
    """Compare whole rows; NaN is equal to NaN here."""
    x, y = np.broadcast_arrays(*operands(a, b))
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    return Value((~same.all(axis=1, keepdims=True)).astype(np.int64))
