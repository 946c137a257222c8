"""Numbers out of text: the conditions of ``oph_if`` and the ``EVAL(...)`` of ``oph_set``.

A parser of its own, since conditions come from files of others: nothing of Python is reached.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from polarnight.ophidia.errors import OphidiaError

__all__ = ["BadExpression", "evaluate", "number_text", "truth"]

_LONGEST = 2000
_DEEPEST = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<operator>\*\*|&&|\|\||==|!=|<>|<=|>=|[-+*/^%()<>=!,]))"
)
_CONSTANTS = {"true": 1.0, "false": 0.0, "pi": math.pi, "e": math.e, "nan": math.nan}
_CONSTANTS |= {"yes": 1.0, "no": 0.0, "inf": math.inf}
_FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "abs": (1, abs), "acos": (1, math.acos), "asin": (1, math.asin), "atan": (1, math.atan),
    "atan2": (2, math.atan2), "ceil": (1, math.ceil), "cos": (1, math.cos),
    "exp": (1, math.exp), "floor": (1, math.floor), "ln": (1, math.log), "log": (1, math.log),
    "log10": (1, math.log10), "log2": (1, math.log2), "max": (-1, max), "min": (-1, min),
    "mod": (2, math.fmod), "round": (1, lambda x: float(math.floor(x + 0.5))),
    "sign": (1, lambda x: float((x > 0) - (x < 0))), "sin": (1, math.sin),
    "sqrt": (1, math.sqrt), "tan": (1, math.tan), "isnan": (1, math.isnan),
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}
Value = float | str


class BadExpression(OphidiaError):
    """A condition or formula cannot be read or has no value."""

    code = 8


def evaluate(text: str) -> float:
    """Return the value of an expression.

    Numbers, ``+ - * / % ^``, comparisons, ``and or not`` (also ``&& || !``), parentheses, the
    usual functions, ``pi``, ``e``, ``true``, ``false``; texts in quotes may be compared with
    each other. Comparisons give 1 or 0.

    Raises
    ------
    BadExpression
        Naming what is wrong and where.
    """
    if len(text) > _LONGEST:
        msg = f"the expression has more than {_LONGEST} characters: {text[:40]!r}..."
        raise BadExpression(msg)
    return _Parser(text).whole()


def truth(text: str) -> bool:
    """Return whether an expression differs from 0.

    Raises
    ------
    BadExpression
        Where it cannot be read, or is NaN: neither true nor false.
    """
    value = evaluate(text)
    if math.isnan(value):
        msg = f"the condition {text!r} is not a number (NaN), so neither true nor false"
        raise BadExpression(msg)
    return value != 0


def number_text(value: float) -> str:
    """Return a number as variables hold it: whole numbers without a point."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                rest = text[at:].strip()
                msg = f"cannot read {rest[:20]!r} in the expression {text!r}"
                raise BadExpression(msg)
            kind = str(match.lastgroup)
            self.tokens.append((kind, match.group(kind), match.start(kind)))
            at = match.end()
        self.at = 0
        self.depth = 0

    def whole(self) -> float:
        if not self.tokens:
            msg = "the expression is empty"
            raise BadExpression(msg)
        try:
            value = self.either()
        except (ArithmeticError, ValueError) as error:
            msg = f"the expression {self.text!r} has no value ({error})"
            raise BadExpression(msg) from error
        if self.at < len(self.tokens):
            self.fail(f"unexpected {self.tokens[self.at][1]!r}")
        return self.number(value)

    def fail(self, what: str) -> None:
        at = self.tokens[self.at][2] + 1 if self.at < len(self.tokens) else len(self.text) + 1
        msg = f"{what} at character {at} of the expression {self.text!r}"
        raise BadExpression(msg)

    def number(self, value: Value) -> float:
        if isinstance(value, str):
            msg = f"{value!r} is no number, in the expression {self.text!r}"
            raise BadExpression(msg)
        return float(value)

    def take(self, *wanted: str) -> str:
        if self.at < len(self.tokens):
            kind, found, _ = self.tokens[self.at]
            if kind != "text" and found.lower() in wanted:
                self.at += 1
                return found.lower()
        return ""

    def either(self) -> Value:
        value = self.both()
        while self.take("or", "||"):
            right = self.both()
            value = float(bool(self.number(value)) | bool(self.number(right)))
        return value

    def both(self) -> Value:
        value = self.negated()
        while self.take("and", "&&"):
            right = self.negated()
            value = float(bool(self.number(value)) & bool(self.number(right)))
        return value

    def negated(self) -> Value:
        if self.take("not"):
            self.deeper()
            value = float(not self.number(self.negated()))
            self.depth -= 1
            return value
        return self.compared()

    def compared(self) -> Value:
        value = self.sum()
        while sign := self.take(*_COMPARISONS):
            right = self.sum()
            if isinstance(value, str) != isinstance(right, str):
                self.fail(f"{value!r} and {right!r} cannot be compared")
            value = float(_COMPARISONS[sign](value, right))
        return value

    def sum(self) -> Value:
        value = self.product()
        while sign := self.take("+", "-"):
            right = self.number(self.product())
            value = self.number(value) + (right if sign == "+" else -right)
        return value

    def product(self) -> Value:
        value = self.signed()
        while sign := self.take("*", "/", "%"):
            left, right = self.number(value), self.number(self.signed())
            value = left * right if sign == "*" else left / right if sign == "/" else left % right
        return value

    def signed(self) -> Value:
        if sign := self.take("-", "+", "!"):
            self.deeper()
            value = self.number(self.signed())
            self.depth -= 1
            return float(not value) if sign == "!" else -value if sign == "-" else value
        return self.power()

    def power(self) -> Value:
        value = self.atom()
        if self.take("^", "**"):
            self.deeper()
            right = self.number(self.signed())
            self.depth -= 1
            value = math.pow(self.number(value), right)
        return value

    def atom(self) -> Value:
        if self.at >= len(self.tokens):
            self.fail("a value is missing")
        kind, found, _ = self.tokens[self.at]
        if kind == "number":
            self.at += 1
            return float(found)
        if kind == "text":
            self.at += 1
            return found[1:-1]
        if kind == "name":
            return self.named(found)
        if not self.take("("):
            self.fail(f"unexpected {found!r}")
        self.deeper()
        value = self.either()
        self.depth -= 1
        if not self.take(")"):
            self.fail("')' is missing")
        return value

    def named(self, found: str) -> Value:
        name = found.lower()
        if name in _CONSTANTS:
            self.at += 1
            return _CONSTANTS[name]
        if name not in _FUNCTIONS:
            self.fail(f"unknown name {found!r} (variables are written @{found})")
        self.at += 1
        if not self.take("("):
            self.fail(f"'(' is missing after {found!r}")
        self.deeper()
        given = [self.number(self.either())]
        while self.take(","):
            given.append(self.number(self.either()))
        self.depth -= 1
        if not self.take(")"):
            self.fail("')' is missing")
        wanted, function = _FUNCTIONS[name]
        if wanted not in (-1, len(given)):
            self.fail(f"{found} takes {wanted} value(s), not {len(given)}")
        return float(function(*given))

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fail(f"parentheses are nested more than {_DEEPEST} deep")
