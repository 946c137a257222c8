"""Formulas of conditions."""

import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polarnight.ophidia.workflow.text.expressions import BadExpression, evaluate, number_text, truth


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-2^2", -4), ("2^-1", 0.5), ("2^3^2", 512), ("(1+2)*3", 9), ("7 % 4", 3),
        ("10/2+sqrt(4)", 7), ("1e-3*1000", 1), (".5+.5", 1), ("2 > 1", 1), ("2 < 1", 0),
        ("1 == 1.0", 1), ("1 = 2", 0), ("1 != 2", 1), ("1 <> 2", 1), ("3 >= 3", 1), ("3 <= 2", 0),
        ("not 0", 1), ("!1", 0), ("!0 && 1", 1), ("1 and 0 or 1", 1), ("0 || 0", 0),
        ("not 1 == 2", 1), ("min(3, 1, 2)", 1), ("max(3,1)", 3), ("atan2(0, 1)", 0),
        ("'B' == 'B'", 1), ('"B" == \'V\'', 0), ("pi > 3 and e < 3", 1), ("true", 1),
        ("round(2.5)", 3), ("log(e)", 1), ("isnan(nan)", 1), ("--1", 1), ("2*-3", -6),
    ],
)  # fmt: skip
def test_values(text, value):
    assert evaluate(text) == pytest.approx(value)
    assert truth(text) is bool(value)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1 +", "(1", "1)", "a", "@n > 1", "__import__('os')", "().__class__", "1; 2",
        "sqrt(-1)", "1/0", "9^9^9^9", "sqrt()", "sqrt(1, 2)", "atan2(1)", "'a' + 1", "'a' < 1",
        "'a'", "lambda: 1", "[1]", "1 if 1 else 0", "x.y", "0x10", "1_000", "sqrt", "'open",
        "(" * 200 + "1" + ")" * 200, "-" * 500 + "1", "not " * 300 + "1", "1+" * 1500 + "1",
    ],
)  # fmt: skip
def test_what_is_no_formula(text):
    with pytest.raises(BadExpression):
        evaluate(text)


def test_nan_is_neither_true_nor_false():
    with pytest.raises(BadExpression, match="NaN"):
        truth("nan")


numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(numbers, numbers, st.sampled_from(["+", "-", "*", "<", ">", "==", ">=", "<=", "!="]))
def test_two_numbers(a, b, sign):
    words = {
        "+": operator.add, "-": operator.sub, "*": operator.mul, "<": operator.lt,
        ">": operator.gt, "==": operator.eq, ">=": operator.ge, "<=": operator.le,
        "!=": operator.ne,
    }  # fmt: skip
    assert evaluate(f"({a!r}) {sign} ({b!r})") == float(words[sign](a, b))


@given(st.text(alphabet="0123456789.+-*/^%()<>=!&|, eandorntsqpi'\"@_", max_size=40))
def test_anything_is_a_number_or_refused(text):
    try:
        value = evaluate(text)
    except BadExpression as error:
        value = len(str(error))
    assert isinstance(value, float | int)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_as_text_are_the_same_numbers(value):
    assert math.isclose(float(number_text(value)), value)
