"""Conditions on header cards: ``EXPTIME>=10``, ``FLT_ID=B_JOHN_*``, ``OBS-TYPE!=BIAS``.

See `polarnight.frames.cards` for the rule.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from polarnight.frames.cards import (
    Card,
    CardValue,
    is_pattern,
    key_matches,
    parse_value,
    wildcard,
)

__all__ = ["OPERATORS", "Condition", "limited", "satisfied", "value_matches"]

OPERATORS: Final = ("=", "!=", "<", "<=", ">", ">=", "exists")
"""Ways to compare; ``exists`` asks only for the key."""

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TRUTH: Final = {"T": True, "TRUE": True, "YES": True, "F": False, "FALSE": False, "NO": False}
_DATE = re.compile(r"\d{4}-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?)?)?", re.IGNORECASE | re.ASCII)
_FORM = re.compile(r"\s*([^=!<>]+?)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a card must be like.

    Parameters
    ----------
    key : str
        May hold wildcards.
    operator : str
        One of `OPERATORS`.
    value : bool, int, float, complex, str or None
        A text may hold wildcards where the operator is ``=`` or ``!=``, and is taken for the
        number it spells where the card holds a number.

    Raises
    ------
    ValueError
        Where the operator is unknown or the key empty.
    """

    key: str
    operator: str = "exists"
    value: CardValue = None

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            msg = f"unknown operator {self.operator!r}; there are {' '.join(OPERATORS)}"
            raise ValueError(msg)
        if not self.key.strip():
            msg = "a condition needs the key of a card"
            raise ValueError(msg)

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition such as ``EXPTIME>=10``; a bare key asks that it exists."""
        form = _FORM.fullmatch(text)
        if form is None:
            return cls(text.strip())
        sign = "=" if form[2] == "==" else form[2]
        # Quotes keep a text from being a pattern or a number elsewhere; here they are peeled.
        value: CardValue = form[3]
        if form[3][:1] == "'":
            value = parse_value(form[3])
        return cls(form[1], sign, value)

    def matches(self, card: Card) -> bool:
        """Whether a card is as wanted."""
        if not key_matches(self.key, card.key):
            return False
        return self.operator == "exists" or value_matches(self.operator, self.value, card.value)


def satisfied(conditions: Iterable[Condition], cards: Iterable[Card]) -> bool:
    """Whether every condition is met by some card.

    A condition with ``!=`` is met where no card of that key has the value.
    """
    kept = list(cards)
    for condition in conditions:
        if condition.operator == "!=":
            same = Condition(condition.key, "=", condition.value)
            if any(same.matches(card) for card in kept):
                return False
        elif not any(condition.matches(card) for card in kept):
            return False
    return True


def value_matches(sign: str, wanted: CardValue, found: CardValue) -> bool:
    """Compare the value of a card with a wanted one.

    Numbers are compared as numbers, also where one of the two is a text that spells one; truth
    values with ``T``, ``F``, ``true``, ``false``, ``yes``, ``no``; texts without regard to case
    and to blanks at the end. There is no order between a text and a number: the answer is no.

    Parameters
    ----------
    sign : str
        One of `OPERATORS` except ``exists``.
    wanted, found : bool, int, float, complex, str or None
    """
    if sign == "!=":
        return not _equal(wanted, found)
    if sign == "=":
        return _equal(wanted, found)
    if isinstance(found, bool):
        return False
    left, right = _number(found), _number(wanted)
    if left is not None and right is not None:
        return bool(_ORDER[sign](left, right))
    if isinstance(found, str) and isinstance(wanted, str) and left is None and right is None:
        order, limit = limited(sign, wanted)
        return bool(_ORDER[order](found.rstrip().casefold(), limit))
    return False


def limited(sign: str, wanted: str) -> tuple[str, str]:
    """Return how a text is ordered, and against what in lower case.

    What begins with a date (or a month, or a time without its seconds) lies within it, so it is
    not after it: the limit is then the first text that no longer begins so.

    Parameters
    ----------
    sign : {'<', '<=', '>', '>='}
    wanted : str
    """
    limit = wanted.rstrip().casefold()
    if sign in ("<=", ">") and _DATE.fullmatch(limit):
        return {"<=": "<", ">": ">="}[sign], f"{limit}{{"
    return sign, limit


def _equal(wanted: CardValue, found: CardValue) -> bool:
    if isinstance(found, bool):
        if isinstance(wanted, str):
            return wanted == "*" or _TRUTH.get(wanted.strip().upper()) is found
        return isinstance(wanted, bool) and wanted is found
    if isinstance(wanted, bool):
        return isinstance(found, str) and _TRUTH.get(found.strip().upper()) is wanted
    if found is None or wanted is None:
        return found is wanted or (found is None and wanted in ("", "*"))
    left, right = _number(found), _number(wanted)
    if left is not None and right is not None:
        return left == right
    if isinstance(wanted, str):
        text = found if isinstance(found, str) else Card("", found).text
        if is_pattern(wanted):
            return wildcard(wanted.rstrip()).fullmatch(text.rstrip()) is not None
        return wanted.rstrip().casefold() == text.rstrip().casefold()
    return wanted == found


def _number(value: CardValue) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = parse_value(value)
        if isinstance(value, bool):
            return None
    return value if isinstance(value, int | float) else None
