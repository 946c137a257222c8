"""Distinct values: every key with a value is kept once, and found by its digest."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from django.db import connection

from polarnight.db.models import CubeKey, CubeValue
from polarnight.db.models.cube_cards import WORD
from polarnight.errors import ConfigError
from polarnight.frames.cards import Card, CardValue, normalise_key, parse_value

__all__ = [
    "ValueRow",
    "chunks",
    "insert_columns",
    "intern_values",
    "number_of",
    "value_row",
    "word_of",
]

T = TypeVar("T")

_LONGEST_KEY = 200
_CHUNK = 900  # parameters of one statement; SQLite may be built for no more than 999


class ValueRow(NamedTuple):
    """A key with a value as the database keeps it, before it has a number."""

    key: str
    type: str
    text: str
    comment: str


def value_row(card: Card, kind: str = "") -> ValueRow:
    """Return what is kept of a card; `kind` is a type that overrides that of the value.

    Raises
    ------
    ConfigError
        Where the key is too long.
    """
    key = card.key.replace("\x00", "")
    if len(key) > _LONGEST_KEY:
        msg = f"metadata key {key[:40]!r}... has more than {_LONGEST_KEY} characters"
        raise ConfigError(msg)
    # PostgreSQL has no NUL in texts.
    return ValueRow(
        key, kind or card.type, card.text.replace("\x00", " "), card.comment.replace("\x00", " ")
    )


def word_of(text: str) -> str:
    """Return the beginning of a text as values are found by: blind to case and trailing blanks."""
    return text.rstrip().casefold()[:WORD]


def number_of(kind: str, text: str) -> float | None:
    """Return the number that a value is compared as, None where it spells none.

    What is larger than any float is kept as the largest.
    """
    if kind in {"bool", "none", "complex"}:
        return None
    value: CardValue = float(text) if kind in {"double", "float"} else parse_value(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    largest = sys.float_info.max
    return float(max(-largest, min(largest, value)))


def intern_values(rows: Iterable[ValueRow]) -> dict[ValueRow, int]:
    """Return the numbers of values, new ones where there are none; inside a transaction."""
    wanted = list(dict.fromkeys(rows))
    keys = _intern_keys({row.key for row in wanted})
    found: dict[ValueRow, int] = {}
    salt = 0
    while wanted:
        digests = {_digest(row, salt): row for row in wanted}
        found |= _known(digests, keys)
        missing = sorted((digest, row) for digest, row in digests.items() if row not in found)
        if missing:
            _insert(missing, keys)
            found |= _known(dict(missing), keys)
        # Where two values have one digest (one case in a million archives) the one that came
        # later is kept under another.
        wanted = [row for row in wanted if row not in found]
        salt += 1
    return found


def _digest(row: ValueRow, salt: int) -> int:
    text = "\x00".join([*row, str(salt)]).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


def _intern_keys(names: set[str]) -> dict[str, int]:
    ordered = sorted(names)
    keys = _keys(ordered)
    missing = [name for name in ordered if name not in keys]
    if missing:
        CubeKey.objects.bulk_create(
            [CubeKey(name=name, folded=normalise_key(name)) for name in missing],
            ignore_conflicts=True,
            batch_size=200,
        )
        keys |= _keys(missing)
    return keys


def _keys(names: Sequence[str]) -> dict[str, int]:
    keys: dict[str, int] = {}
    for chunk in chunks(names):
        keys |= dict(CubeKey.objects.filter(name__in=chunk).values_list("name", "pk"))
    return keys


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield pieces of a sequence, each small enough for the parameters of one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _known(digests: dict[int, ValueRow], keys: dict[str, int]) -> dict[ValueRow, int]:
    found: dict[ValueRow, int] = {}
    columns = ("pk", "digest", "key_id", "type", "text", "comment")
    for chunk in chunks(sorted(digests)):
        for pk, digest, key, kind, text, comment in CubeValue.objects.filter(
            digest__in=chunk
        ).values_list(*columns):
            row = digests[digest]
            if (keys[row.key], row.type, row.text, row.comment) == (key, kind, text, comment):
                found[row] = pk
    return found


def _insert(rows: Sequence[tuple[int, ValueRow]], keys: dict[str, int]) -> None:
    columns: dict[str, tuple[str, list[Any]]] = {
        "digest": ("bigint", [digest for digest, _ in rows]),
        "key_id": ("bigint", [keys[row.key] for _, row in rows]),
        "type": ("text", [row.type for _, row in rows]),
        "text": ("text", [row.text for _, row in rows]),
        "word": ("text", [word_of(row.text) for _, row in rows]),
        "number": ("double precision", [number_of(row.type, row.text) for _, row in rows]),
        "comment": ("text", [row.comment for _, row in rows]),
    }
    insert_columns(CubeValue._meta.db_table, columns, "ON CONFLICT DO NOTHING")


def insert_columns(table: str, columns: dict[str, tuple[str, list[Any]]], more: str = "") -> None:
    """Insert many rows at once, given as columns of a PostgreSQL type and values.

    An object of Django for each would take longer than the rest of the work.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    lists = [values for _, values in columns.values()]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{kind}[]" for kind, _ in columns.values())
            cursor.execute(
                f'INSERT INTO "{table}" ({names}) SELECT * FROM unnest({arrays}) {more}',  # noqa: S608
                lists,
            )
        else:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(
                f'INSERT INTO "{table}" ({names}) VALUES ({places}) {more}',  # noqa: S608
                list(zip(*lists, strict=True)),
            )
