"""One page of the table of results: sorted, counted, fast on a large table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy

from polarnight.db.models import PhotoPolResult
from polarnight.db.models.results import ERROR_SORTED
from polarnight.db.stamps import read_stamps
from polarnight.errors import ConfigError
from polarnight.web.tables.columns import Column, column_named
from polarnight.web.tables.filters import flags_in_force
from polarnight.web.tables.memory import Memory

__all__ = ["MAX_LIMIT", "Page", "page_of", "parse_sort", "rows_of"]

MAX_LIMIT = 1000
_MAX_SORT = 3
_MAX_OFFSET = 10_000_000

Results = QuerySet[PhotoPolResult, PhotoPolResult]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of the table, in the order of `columns`; `count` is how many there are in all."""

    columns: tuple[Column, ...]
    ids: tuple[int, ...]
    rows: list[tuple[Any, ...]]
    count: int
    offset: int


def parse_sort(text: str) -> list[OrderBy]:
    """Return the order that ``column,-column`` means; what is empty comes last.

    Raises
    ------
    ConfigError
        For unknown columns, those that cannot be sorted, or too many.
    """
    names = [name for name in text.split(",") if name] or ["-date"]
    if len(names) > _MAX_SORT:
        msg = f"at most {_MAX_SORT} columns to sort by"
        raise ConfigError(msg)
    orders = []
    for name in names:
        column = column_named(name.removeprefix("-"))
        if not column.sortable:
            msg = f"there is no order by column {column.name!r}"
            raise ConfigError(msg)
        orders.append(_order(column, name.startswith("-")))
    # Rows that are equal in all of these must not change places from page to page.
    return [*orders, OrderBy(F("pk"), orders[0].descending)]


def _order(column: Column, descending: bool) -> OrderBy:
    """Return the order by a column, such that an index has it."""
    value: Any = F(column.source)
    if column.kind == "flags":
        return OrderBy(flags_in_force(), descending)
    if column.name == "error":
        return OrderBy(ERROR_SORTED, descending)
    # Said of columns that are never empty, it would keep PostgreSQL from using their index.
    field: Any = PhotoPolResult._meta.get_field(column.source.partition("__")[0])
    return OrderBy(value, descending, nulls_last=True if field.null else None)


def rows_of(
    rows: Results, columns: Sequence[Column], chunk: int = 2000
) -> Iterator[tuple[Any, ...]]:
    """Yield the values of rows as they are shown, one after the other.

    Parameters
    ----------
    rows : QuerySet
    columns : sequence of Column
    chunk : int
        Rows that are read at once.
    """
    paths = tuple(dict.fromkeys(column.source for column in columns))
    places = [paths.index(column.source) for column in columns]
    steps = list(zip(places, (column.reader() for column in columns), strict=True))
    for values in rows.values_list(*paths).iterator(chunk_size=chunk):
        yield tuple(values[at] if read is None else read(values[at]) for at, read in steps)


def page_of(
    rows: Results, columns: Iterable[Column], *, sort: str = "", offset: int = 0, limit: int = 50
) -> Page:
    """Return a page of results.

    The keys of the page are found first, for which narrow indices suffice; only its own rows
    are read.

    Raises
    ------
    ConfigError
        For an order, a place or a length that is not possible.
    """
    if not 1 <= limit <= MAX_LIMIT or not 0 <= offset <= _MAX_OFFSET:
        msg = f"limit is 1 to {MAX_LIMIT}, offset 0 to {_MAX_OFFSET}"
        raise ConfigError(msg)
    chosen = tuple(columns)
    order = parse_sort(sort)
    ids = _keys(rows, order, offset, limit)
    whole = len(ids) < limit and (ids or not offset)
    count = offset + len(ids) if whole else _count(rows)
    key = column_named("id")
    by_id = {
        row[-1]: row[:-1]
        for row in rows_of(PhotoPolResult.objects.filter(pk__in=ids).order_by(), (*chosen, key))
    }
    kept = [pk for pk in ids if pk in by_id]  # a run may have deleted some in the meantime
    return Page(chosen, tuple(kept), [by_id[pk] for pk in kept], count, offset)


def _keys(rows: Results, order: Sequence[OrderBy], offset: int, limit: int) -> list[int]:
    """Return the keys of a page.

    In falling order, the rows with a value are asked for first, then those without: an index
    of PostgreSQL that is read backwards has those without at its beginning.
    """
    first, *others = order
    if not (first.descending and first.nulls_last):
        return _slice(rows.order_by(*order), offset, limit)
    rows = rows.alias(first=first.expression)
    known = rows.filter(first__isnull=False)
    falling = OrderBy(first.expression, descending=True)
    keys = _slice(known.order_by(falling, *others), offset, limit)
    if len(keys) == limit:
        return keys
    skipped = 0 if keys or not offset else max(0, offset - _count(known))
    empty = rows.filter(first__isnull=True).order_by(*others)
    return keys + _slice(empty, skipped, limit - len(keys))


def _slice(rows: Results, offset: int, limit: int) -> list[int]:
    return list(rows.values_list("pk", flat=True)[offset : offset + limit])


def _count(rows: Results) -> int:
    """Return how many there are, counted anew where results have changed."""
    try:
        question = rows.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    return _COUNTS.get(str(question), read_stamps(), rows.order_by().count, lambda _: _COUNT_SIZE)


_COUNT_SIZE = 1000  # bytes of an entry, mostly its question
_COUNTS: Memory[int] = Memory(1 << 20)
