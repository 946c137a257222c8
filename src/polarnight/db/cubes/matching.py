"""What a card must be like, as a query for the distinct values.

The rule is that of `polarnight.frames.cards` and `polarnight.frames.conditions`; Ophidia's
ways of naming keys and values (``%`` and ``_``, parts of values) are a dialect of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from polarnight.db.cubes.cards import sql_like
from polarnight.db.cubes.interning import number_of, word_of
from polarnight.db.models import CubeKey, CubeValue
from polarnight.db.models.cube_cards import WORD
from polarnight.errors import ConfigError
from polarnight.frames.cards import CardValue, is_pattern, key_matches, normalise_key, wildcard
from polarnight.frames.conditions import OPERATORS, Condition, limited, value_matches

__all__ = ["Sql", "Term", "matching_keys", "values_query"]

_EXACT = 1 << 53  # beyond it floats cannot tell neighbouring integers apart
_COMPARISON = re.compile(r"\s*(<=|>=|!=|==|<|>|=)\s*(.*)", re.DOTALL)
_ORDER = ("<", "<=", ">", ">=")
_TRUE, _FALSE = ("t", "true", "yes"), ("f", "false", "no")
_TEXTS = "('text', 'image', 'video', 'audio', 'url')"
_VALUES, _KEYS = CubeValue._meta.db_table, CubeKey._meta.db_table


@dataclass(frozen=True, slots=True)
class Sql:
    """A query with its parameters; the text never holds what a user wrote."""

    text: str
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a search.

    Parameters
    ----------
    key : str
        ``""`` for any.
    value : str, float, int or bool, optional
    operator : str
        One of `polarnight.frames.conditions.OPERATORS`, or ``contains`` for a part of the
        value, where ``%`` is any text and ``_`` any character. Of a card that is a number, one
        that the value spells must be all of it.
    like : bool
        Whether the key is read as SQL's LIKE does: ``%`` and ``_`` are wildcards. Else the
        whole key counts, ``-`` is ``_``, and ``*`` and ``?`` are wildcards.
    """

    key: str = ""
    value: str | float | int | bool | None = None
    operator: str = "exists"
    like: bool = False

    def __post_init__(self) -> None:
        if self.operator != "contains" and self.operator not in OPERATORS:
            msg = f"unknown operator {self.operator!r}; there are {' '.join(OPERATORS)} contains"
            raise ConfigError(msg)
        # As they are kept, for PostgreSQL has no NUL in texts.
        object.__setattr__(self, "key", self.key.replace("\x00", ""))
        if isinstance(self.value, str):
            object.__setattr__(self, "value", self.value.replace("\x00", " "))

    @classmethod
    def parse(cls, text: str) -> Term:
        """Read a condition of the rule, such as ``EXPTIME>=10``.

        Raises
        ------
        ConfigError
            Where there is no key.
        """
        try:
            return cls.of(Condition.parse(text))
        except ValueError as error:
            raise ConfigError(str(error)) from None

    @classmethod
    def of(cls, condition: Condition) -> Term:
        """Return a condition of the rule as a term."""
        value = condition.value
        text = str(value) if isinstance(value, complex) else value
        return cls(condition.key, text, condition.operator)

    @classmethod
    def dialect(cls, key: str, value: str = "all", *, like: bool) -> Term:
        """Return what Ophidia means by a key and a part of a value; ``all`` means any.

        A value that begins with ``<``, ``<=``, ``>``, ``>=``, ``=`` or ``!=`` is compared as
        what it is, which Ophidia could not.
        """
        name = "" if key.strip() in {"", "all", "%", "*"} else key.strip()
        if value.strip() in {"", "all", "%", "*"}:
            return cls(name, like=like)
        if compared := _COMPARISON.fullmatch(value):
            sign = "=" if compared[1] == "==" else compared[1]
            return cls(name, compared[2].rstrip(), sign, like)
        return cls(name, value, "contains", like)

    @property
    def negative(self) -> bool:
        """Whether the term is met by cubes that have no such card."""
        return self.operator == "!="

    def matches_key(self, key: str) -> bool:
        """Whether the key of a card is meant."""
        if not self.key:
            return True
        if self.like:
            # ``_`` stands for any character, so for ``-`` and for itself too.
            return sql_like(self.key.upper()).fullmatch(key.upper()) is not None
        return key_matches(self.key, key)


def matching_keys(term: Term) -> list[int] | None:
    """Return the numbers of the keys that a term means, None for all."""
    if not term.key:
        return None
    if not term.like and not is_pattern(term.key):
        folded = normalise_key(term.key)
        return list(CubeKey.objects.filter(folded=folded).values_list("pk", flat=True))
    rows = CubeKey.objects.values_list("pk", "name")
    return [pk for pk, name in rows if term.matches_key(name)]


def values_query(term: Term, keys: Sequence[int] | None) -> Sql:
    """Return the query for the numbers of the values that a term means, of these keys.

    Of a term with ``!=`` it gives the values that must not be there.
    """
    if term.operator == "exists" or (term.value == "*" and term.operator not in _ORDER):
        return _select(keys, "", [])
    if term.operator == "contains":
        return _part(keys, str(term.value))
    value = term.value
    if value is None:
        return _select(keys, "type = 'none'", [])
    sign = "=" if term.negative else term.operator
    if isinstance(value, bool):
        return _truth(keys, value) if sign == "=" else _select([], "", [])
    text = value if isinstance(value, str) else repr(value)
    if value != value:
        return _select([], "", [])  # what is no number equals nothing
    number = number_of("double" if isinstance(value, float) else "", text)
    if number is not None:
        large = abs(number) >= _EXACT
        near = f"{sign}=" if large and sign in "<>" else sign
        query = _select(keys, f"number {near} %s", [number], numbers=True)
        return _refined(query, sign, value) if large else query
    if sign == "=":
        if is_pattern(text):
            return _pattern(keys, text.rstrip())
        return _equal(keys, text)
    # Truth values, numbers and cards without a value have no order among texts.
    sign, text = limited(sign, text)
    begin = word_of(text)
    long = len(begin) >= WORD
    near = f"{sign}=" if long and sign in "<>" else sign
    # Only words that these may have need a look at the type, which is not in the index.
    others = "word IN ('', 't', 'f', 'nan') OR word LIKE '(%%' OR word LIKE '%%j'"
    where = f"{_ordered('word')} {near} %s AND (NOT ({others}) OR type IN {_TEXTS})"
    query = _select(keys, where, [begin], numbers=False)
    return _refined(query, sign, text) if long else query


def _equal(keys: Sequence[int] | None, text: str) -> Sql:
    word = word_of(text)
    for words in (_TRUE, _FALSE):
        if word.strip() in words:
            where = f"(word = %s OR (type = 'bool' AND word = '{words[0]}'))"
            return _select(keys, where, [word], numbers=False)
    # Only these numbers are written as words that spell none.
    numbers = None if word in {"inf", "-inf"} else False
    query = _select(keys, "word = %s", [word], numbers=numbers)
    return _refined(query, "=", text) if len(word) >= WORD else query


def _truth(keys: Sequence[int] | None, value: bool) -> Sql:
    words = ", ".join(f"'{word}'" for word in (_TRUE if value else _FALSE))
    return _select(keys, f"trim(word) IN ({words})", [], numbers=False)


def _pattern(keys: Sequence[int] | None, text: str) -> Sql:
    like = _escaped(text.casefold(), "").replace("*", "%").replace("?", "_")
    shape = wildcard(text)
    more = ""
    if any(shape.fullmatch(letter) for letter in ("T", "F", "t", "f")):
        more = " AND type <> 'bool'"
    return _like(keys, like, more)


def _part(keys: Sequence[int] | None, text: str) -> Sql:
    """Return the query for values that hold a text; of cards that are numbers, those equal to it.

    Whoever asks for exposures of 10 s does not mean those of 100 s.
    """
    pattern = "%" + _escaped(text, "%_") + "%"
    number = number_of("", text)
    if number is None or abs(number) >= _EXACT:
        return _like(keys, pattern)
    texts = _like(keys, pattern, f" AND type IN {_TEXTS}")
    numbers = _select(keys, f"number = %s AND type NOT IN {_TEXTS}", [number], numbers=True)
    return Sql(f"{texts.text} UNION ALL {numbers.text}", texts.parameters + numbers.parameters)


def _like(keys: Sequence[int] | None, pattern: str, more: str = "") -> Sql:
    """Return the query for values like a pattern; long ones are looked at as a whole."""
    whole = "text ILIKE" if connection.vendor == "postgresql" else "text LIKE"
    where = (
        f"CASE WHEN length(word) < {WORD} THEN word LIKE %s ESCAPE '\\' "
        f"ELSE {whole} %s ESCAPE '\\' END{more}"
    )
    pattern = pattern.casefold()
    return _select(keys, where, [pattern, pattern])


def _escaped(text: str, wildcards: str) -> str:
    """Escape what LIKE would read as wildcards, except the `wildcards` that are meant."""
    return "".join(f"\\{c}" if c in "\\%_" and c not in wildcards else c for c in text)


def _ordered(column: str) -> str:
    # By the number of characters' codes, as Python and SQLite order, whatever the language.
    return f'{column} COLLATE "C"' if connection.vendor == "postgresql" else column


def _select(
    keys: Sequence[int] | None,
    where: str,
    parameters: Iterable[Any],
    numbers: bool | None = None,
) -> Sql:
    """Return a query of values; `numbers` are those that are, or are no, numbers."""
    given = tuple(parameters)
    condition = f" AND {where}" if where else ""
    if keys is not None and not keys:
        return Sql(f'SELECT id FROM "{_VALUES}" WHERE 1 = 0')  # noqa: S608
    within = "1 = 1" if keys is None else f"key_id IN ({', '.join(map(str, keys))})"
    parts = [
        f'SELECT id FROM "{_VALUES}" WHERE {within} AND number IS {kind}{condition}'  # noqa: S608
        for kind, wanted in (("NOT NULL", True), ("NULL", False))
        if numbers in (None, wanted)
    ]
    return Sql(" UNION ALL ".join(parts), given * len(parts))


def _refined(query: Sql, sign: str, wanted: CardValue) -> Sql:
    """Return the query for those values that also are right as a whole."""
    from polarnight.db.cubes.cards import typed_value

    sql = f'SELECT id, type, text FROM "{_VALUES}" WHERE id IN ({query.text})'  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, query.parameters)
        numbers = [
            str(pk)
            for pk, kind, found in cursor.fetchall()
            if value_matches(sign, wanted, typed_value(kind, found))
        ]
    if not numbers:
        return _select([], "", [])
    return Sql(f'SELECT id FROM "{_VALUES}" WHERE id IN ({", ".join(numbers)})')  # noqa: S608
