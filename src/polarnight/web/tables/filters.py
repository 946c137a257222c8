"""Filters of the table of results, from texts of an address to a query.

A filter is ``column:operator:value``, such as ``mag:lt:15.2``, ``flags:has:SATURATED`` or
``date:after:2024-04-08``. Values are only ever parameters of a query, never part of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Upper
from django.db.models.lookups import Lookup

from polarnight.db.models import PhotoPolResult
from polarnight.errors import ConfigError
from polarnight.web.tables.columns import Column, column_named, jd_of

if TYPE_CHECKING:
    _AnyLookup = Lookup[Any]
else:
    _AnyLookup = Lookup

__all__ = [
    "LIMITS",
    "OPERATORS",
    "Filter",
    "apply_filters",
    "flagged",
    "flags_in_force",
    "parse_filter",
    "parse_filters",
    "parse_moment",
]

LIMITS = {"filters": 20, "value": 300, "in": 50, "wildcards": 4}

_ORDERED = {"number", "integer", "night", "time", "moment"}
_DATED = {"night", "time", "moment"}
_WORDS = {"text"}
_EXACT = _ORDERED | _WORDS

OPERATORS: dict[str, tuple[str, set[str]]] = {
    "eq": ("=", _EXACT),
    "ne": ("≠", _EXACT),
    "lt": ("<", _ORDERED),
    "le": ("≤", _ORDERED),
    "gt": (">", _ORDERED),
    "ge": ("≥", _ORDERED),
    "in": ("one of (a|b|c)", {"number", "integer", "night", "text"}),
    "like": ("like (* and ? stand for anything)", _WORDS),
    "contains": ("contains", _WORDS),
    "before": ("before (date)", _DATED),
    "after": ("after (date)", _DATED),
    "null": ("is empty", _EXACT),
    "notnull": ("is not empty", _EXACT),
    "has": ("has any of the flags", {"flags"}),
    "hasnot": ("has none of the flags", {"flags"}),
}
"""Sign or words of each operator, and the kinds of columns that know it."""

_LOOKUPS = {"eq": "", "lt": "__lt", "le": "__lte", "gt": "__gt", "ge": "__gte", "in": "__in"}
_LARGEST = 2**63 - 1  # of the integers of a database


class _Wild(_AnyLookup):
    """SQL's LIKE with a pattern whose own signs are escaped."""

    lookup_name = "wild"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left} LIKE {right} ESCAPE '!'", (*left_values, *right_values)


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a column; `value` is the text that was given."""

    column: Column
    operator: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.column.name}:{self.operator}:{self.value}"

    def condition(self) -> Any:
        """Return the condition for ``QuerySet.filter``.

        Raises
        ------
        ConfigError
            Where the value does not suit the column.
        """
        root, _, rest = self.column.source.partition("__")
        if not rest:
            return self._on(root)
        # A subquery, for a join would be looked up for each of 10^5 results.
        related: Any = PhotoPolResult._meta.get_field(root).related_model
        return Q(**{f"{root}__in": related._default_manager.filter(self._on(rest)).values("pk")})

    def _on(self, path: str) -> Any:
        op = self.operator
        if op in ("null", "notnull"):
            empty = Q(**{f"{path}__isnull": True})
            if self.column.kind in _WORDS:
                empty |= Q(**{path: ""})
            return empty if op == "null" else ~empty
        if op in ("has", "hasnot"):
            found = flagged(_flags(self.value))
            return found if op == "has" else ~found
        if op == "contains":
            return Q(**{f"{path}__icontains": self.value})
        if op == "like":
            return _Wild(Upper(F(path)), Value(_pattern(self.value)))
        read = _reader(self.column)
        if op == "in":
            return Q(**{f"{path}__in": [read(part) for part in self._parts()]})
        if op in ("before", "after"):
            return Q(**{f"{path}__{'lt' if op == 'before' else 'gte'}": read(self.value)})
        value = read(self.value)
        return ~Q(**{path: value}) if op == "ne" else Q(**{path + _LOOKUPS[op]: value})

    def _parts(self) -> list[str]:
        parts = [part.strip() for part in self.value.split("|")]
        if len(parts) > LIMITS["in"]:
            msg = f"filter {self}: at most {LIMITS['in']} values"
            raise ConfigError(msg)
        return parts


def parse_filter(text: str) -> Filter:
    """Return the filter that a text means.

    Raises
    ------
    ConfigError
        For an unknown column or operator, one that the column does not know, a value that is
        too long or has signs that no table holds.
    """
    name, _, rest = text.partition(":")
    operator, _, value = rest.partition(":")
    column = column_named(name)
    if operator not in OPERATORS or column.kind not in OPERATORS[operator][1]:
        known = ", ".join(op for op, (_, kinds) in OPERATORS.items() if column.kind in kinds)
        msg = f"column {name!r} knows no {operator[:20]!r}; it knows {known or 'no filters'}"
        raise ConfigError(msg)
    if len(value) > LIMITS["value"]:
        msg = f"filter of {name!r}: longer than {LIMITS['value']} signs"
        raise ConfigError(msg)
    if any(ord(sign) < 32 or 0xD800 <= ord(sign) < 0xE000 for sign in value):
        msg = f"filter of {name!r}: control signs cannot be looked for"
        raise ConfigError(msg)
    return Filter(column, operator, value if column.kind in _WORDS else value.strip())


def parse_filters(texts: Iterable[str]) -> tuple[Filter, ...]:
    """Return the filters that texts mean; as `parse_filter`, and not too many of them."""
    given = list(texts)
    if len(given) > LIMITS["filters"]:
        msg = f"{len(given)} filters are too many; at most {LIMITS['filters']}"
        raise ConfigError(msg)
    return tuple(parse_filter(text) for text in given)


def apply_filters(
    rows: QuerySet[PhotoPolResult, PhotoPolResult], filters: Sequence[Filter]
) -> QuerySet[PhotoPolResult, PhotoPolResult]:
    """Return the results that fit all filters."""
    for one in filters:
        rows = rows.filter(one.condition())
    return rows


def _pattern(text: str) -> str:
    """Return the pattern of LIKE for a text with ``*`` and ``?``; other signs mean themselves."""
    if text.count("*") > LIMITS["wildcards"]:
        msg = f"pattern {text[:40]!r}: at most {LIMITS['wildcards']} times *"
        raise ConfigError(msg)
    for sign in "!%_":
        text = text.replace(sign, f"!{sign}")
    return text.replace("*", "%").replace("?", "_").upper()


def _flags(text: str) -> int:
    """Return the bits of flags given by name, separated by ``|``."""
    names = PhotoPolResult.Flags.__members__
    value = 0
    for part in text.split("|"):
        name = part.strip().upper()
        if name not in names:
            msg = f"there is no flag {part[:40]!r}; there are {', '.join(names)}"
            raise ConfigError(msg)
        value |= int(names[name])
    return value


def flagged(bits: int) -> Q:
    """Return the condition that any of the flags is in force, by columns that are indexed."""
    found = Q(human_set__has=bits)
    for flag in PhotoPolResult.Flags:
        if flag & bits:
            found |= Q(machine_flags__has=flag) & Q(human_clear__hasnot=flag)
    return found


def flags_in_force() -> Any:
    """Return the flags in force by columns that are indexed.

    They are a generated column, too, which SQLite does not read from an index.
    """
    machine: Any = F("machine_flags")  # the stubs know integers only
    return (machine - machine.bitand(F("human_clear"))).bitor(F("human_set"))


def _reader(column: Column) -> Callable[[str], Any]:
    what = f"column {column.name!r}"
    if column.kind == "number":
        return lambda text: _number(column, text) + column.zero
    return {
        "integer": lambda text: _integer(column, text),
        "text": lambda text: text,
        "night": lambda text: parse_moment(text, what).date(),
        "time": lambda text: jd_of(parse_moment(text, what)),
        "moment": lambda text: parse_moment(text, what),
    }[column.kind]


def _number(column: Column, text: str) -> float:
    """Return a number; of a fraction also what is given in percent, such as ``5%``."""
    percent = column.percent and text.rstrip().endswith("%")
    try:
        value = float(text.rstrip().removesuffix("%")) / 100.0 if percent else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        msg = f"column {column.name!r}: {text[:40]!r} is no number"
        raise ConfigError(msg)
    return value


def _integer(column: Column, text: str) -> int:
    value = _number(column, text)
    if not value.is_integer() or abs(value) > _LARGEST:
        msg = f"column {column.name!r}: {text[:40]!r} is no integer that it could hold"
        raise ConfigError(msg)
    return int(value)


def parse_moment(text: str, what: str) -> datetime:
    """Return the time (UTC where nothing else is said) of a date or date and time (ISO 8601).

    Raises
    ------
    ConfigError
        For another text; tells `what` was meant.
    """
    try:
        day = date.fromisoformat(text)
        found = datetime(day.year, day.month, day.day, tzinfo=UTC)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            msg = f"{what}: {text[:40]!r} is no date; use yyyy-mm-dd"
            raise ConfigError(msg) from None
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        msg = f"{what}: {text[:40]!r} is out of all calendars"
        raise ConfigError(msg) from None
