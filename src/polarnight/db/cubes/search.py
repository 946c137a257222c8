"""Finding cubes by their cards and by what they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection

from polarnight.db.cubes.by_cards import look_up, numbers_with
from polarnight.db.cubes.folders import Folders
from polarnight.db.cubes.hits import CubeHit, CubeHits
from polarnight.db.cubes.matching import Sql, Term, matching_keys, values_query
from polarnight.db.cubes.pids import parse_subset
from polarnight.db.cubes.scope import Scope, containers_query
from polarnight.db.models import (
    CubeCard,
    CubeKey,
    CubeSession,
    CubeTask,
    CubeTaskInput,
    CubeValue,
    DataCube,
)

__all__ = ["CardHit", "CubeFilter", "CubeHit", "CubeHits", "Search"]

_FEW = 200  # values that are named one by one
_CUBES, _CARDS = DataCube._meta.db_table, CubeCard._meta.db_table
_VALUES, _KEYS = CubeValue._meta.db_table, CubeKey._meta.db_table
_TASKS, _INPUTS = CubeTask._meta.db_table, CubeTaskInput._meta.db_table


class CardHit(NamedTuple):
    """A card that was found, with its cube."""

    container: int
    cube: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class CubeFilter:
    """What cubes must be like; all of it, and every sequence means any of its entries.

    Parameters
    ----------
    terms : sequence of Term
        Conditions on cards, each of which some card must meet.
    together : bool
        Whether all terms must be met, or any.
    numbers : str
        Numbers of cubes as ``a``, ``a:b``, ``a:step:b``, ``a,b``; ``*`` for all.
    levels : sequence of int
    measures : sequence of str
    sources : sequence of str
        Parts of the source, with ``%`` and ``_``.
    parents : sequence of int
        Numbers of cubes they were made of.
    scope : Scope
    derived : bool, optional
        Whether cubes are found that were made of others (level 1 and more). Where it is not
        said, they are unless there are `terms` and no `levels`: what was derived carries the
        cards of what it was made of, and would answer for it.
    excluded : frozenset of str
        Names of the entries above that cubes must not be like.
    limit : int, optional
    """

    terms: Sequence[Term] = ()
    together: bool = True
    numbers: str = "*"
    levels: Sequence[int] = ()
    measures: Sequence[str] = ()
    sources: Sequence[str] = ()
    parents: Sequence[int] = ()
    scope: Scope = field(default_factory=Scope)
    derived: bool | None = None
    excluded: frozenset[str] = frozenset()
    limit: int | None = None

    @property
    def with_derived(self) -> bool:
        """Whether derived cubes are found; see `derived`."""
        if self.derived is not None:
            return self.derived
        return not self.terms or bool(self.levels)


class Search:
    """Finds cubes."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def find(self, session: CubeSession | None, wanted: CubeFilter) -> CubeHits:
        """Return the cubes that pass a filter: those of level 0 first, then in order of number.

        Raises
        ------
        ConfigError
            Where the filter names a path that does not exist, or numbers wrongly.
        """
        if wanted.limit is None and _by_cards(wanted) and connection.vendor == "sqlite":
            return self._by_cards(session, wanted)
        where = self._where(session, wanted)
        # The order is that of the numbers already; a sort by level is only paid for if needed.
        order = "c.level > 0, c.id" if wanted.with_derived else "c.id"
        cubes = _source(wanted)
        text = f"SELECT c.container_id, c.id FROM {cubes} WHERE {where.text} ORDER BY {order}"  # noqa: S608
        if wanted.limit is not None:
            text += f" LIMIT {int(wanted.limit)}"
        return CubeHits.of(_rows(text, where.parameters))

    def count(self, session: CubeSession | None, wanted: CubeFilter) -> int:
        """Return how many cubes pass a filter, whatever its `limit`."""
        where = self._where(session, wanted)
        text = f"SELECT count(*) FROM {_source(wanted)} WHERE {where.text}"  # noqa: S608
        return int(_rows(text, where.parameters)[0][0])

    def _by_cards(self, session: CubeSession | None, wanted: CubeFilter) -> CubeHits:
        # Before the cards are looked at, for it brings nights up to date.
        where = self._where(session, wanted, with_terms=False)
        positive = [_values(term) for term in wanted.terms if not term.negative]
        negative = [_values(term) for term in wanted.terms if term.negative]
        numbers = numbers_with(positive, negative)
        return look_up(numbers, where, by_level=wanted.with_derived)

    def cards(self, session: CubeSession | None, wanted: CubeFilter) -> list[CardHit]:
        """Return the cards that meet any of the terms, of the cubes that pass the filter.

        One row for a cube and a card, in the order of `find`; `limit` counts rows. Without
        terms it is every card of the cubes. Of a term with ``!=`` the cards of its key are
        told; a cube that has none is found by `find` alone.
        """
        where = self._where(session, wanted)
        told = [Term(t.key, like=t.like) if t.negative else t for t in wanted.terms]
        queries = [_values(term) for term in told]
        values = " OR ".join(f"k.value_id {query.text}" for query in queries) or "1 = 1"
        given = [p for query in queries for p in query.parameters]
        order = "c.level > 0, c.id, k.id" if wanted.with_derived else "c.id, k.id"
        meant = f"{where.text} AND ({values})"
        text = (
            f'SELECT c.container_id, c.id, n.name, v.text FROM "{_CUBES}" c '  # noqa: S608
            f'JOIN "{_CARDS}" k ON k.cube_id = c.id JOIN "{_VALUES}" v ON v.id = k.value_id '
            f'JOIN "{_KEYS}" n ON n.id = v.key_id WHERE {meant} ORDER BY {order}'
        )
        if wanted.limit is not None:
            text += f" LIMIT {int(wanted.limit)}"
        return [CardHit(*row) for row in _rows(text, [*where.parameters, *given])]

    def _where(
        self, session: CubeSession | None, wanted: CubeFilter, *, with_terms: bool = True
    ) -> Sql:
        """Return the condition on cubes ``c``."""
        # First, for it brings nights up to date, and with them what is looked for below.
        containers = containers_query(session, wanted.scope, self._folders)
        parts = [
            _not(name in wanted.excluded, part)
            for name, part in self._parts(wanted, with_terms)
            if part is not None
        ]
        if containers is not None:
            # By cards, cubes are found by their numbers: the sign keeps SQLite from looking
            # every one up once for each container, and PostgreSQL from reading them all.
            lite = connection.vendor == "sqlite"
            sign = "+" if _by_cards(wanted) and (lite or wanted.scope.path is None) else ""
            inside = Sql(f"{sign}c.container_id {_among(containers.text)}", containers.parameters)
            parts.append(_not("scope" in wanted.excluded, inside))
        if not wanted.with_derived:
            parts.append(Sql("c.level = 0"))
        parameters = tuple(p for part in parts for p in part.parameters)
        return Sql(" AND ".join(f"({part.text})" for part in parts) or "1 = 1", parameters)

    def _parts(self, wanted: CubeFilter, with_terms: bool) -> Iterable[tuple[str, Sql | None]]:
        if with_terms:
            yield "terms", _terms(wanted.terms, wanted.together)
        yield "numbers", _numbers(wanted.numbers)
        if wanted.levels:
            yield "levels", Sql(f"c.level IN ({', '.join(str(int(n)) for n in wanted.levels)})")
        if wanted.measures:
            places = ", ".join(["%s"] * len(wanted.measures))
            yield "measures", Sql(f"c.measure IN ({places})", tuple(wanted.measures))
        if wanted.sources:
            like = "ILIKE" if connection.vendor == "postgresql" else "LIKE"
            tests = " OR ".join([f"c.source {like} %s"] * len(wanted.sources))
            yield "sources", Sql(tests, tuple(f"%{part}%" for part in wanted.sources))
        if wanted.parents:
            given = ", ".join(str(int(number)) for number in wanted.parents)
            text = (
                f'c.id IN (SELECT t.number FROM "{_TASKS}" t JOIN "{_INPUTS}" i '  # noqa: S608
                f"ON i.task_id = t.id WHERE i.number IN ({given}))"
            )
            yield "parents", Sql(text)


def _terms(terms: Sequence[Term], together: bool) -> Sql | None:
    if not terms:
        return None
    parts: list[Sql] = []
    for term in terms:
        values = _values(term)
        sign = "NOT IN" if term.negative else "IN"
        text = f'c.id {sign} (SELECT k.cube_id FROM "{_CARDS}" k WHERE k.value_id {values.text})'  # noqa: S608
        parts.append(Sql(text, values.parameters))
    joined = (" AND " if together else " OR ").join(part.text for part in parts)
    return Sql(joined, tuple(p for part in parts for p in part.parameters))


def _values(term: Term) -> Sql:
    """Return ``IN (...)`` for the values that a term means.

    Where they are few, with their numbers: then the database knows how many cards have them,
    and how to go about it.
    """
    query = values_query(term, matching_keys(term))
    found = _rows(f"{query.text} LIMIT {_FEW + 1}", query.parameters)
    if len(found) <= _FEW:
        return Sql(f"IN ({', '.join(str(row[0]) for row in found) or '-1'})")
    return Sql(_among(query.text), query.parameters)


def _among(query: str) -> str:
    """Return ``IN`` of a query or a list; PostgreSQL asks such a query once, as an array."""
    if connection.vendor == "postgresql" and query.startswith("SELECT"):
        return f"= ANY(ARRAY({query}))"
    return f"IN ({query})"


def _numbers(text: str) -> Sql | None:
    if text.strip() in {"", "*", "all"}:
        return None
    tests = []
    for first, last, step in parse_subset(text):
        test = f"c.id >= {first}" + ("" if last is None else f" AND c.id <= {last}")
        tests.append(f"({test} AND (c.id - {first}) %% {step} = 0)" if step > 1 else f"({test})")
    return Sql(" OR ".join(tests))


def _not(wanted: bool, part: Sql) -> Sql:
    return Sql(f"NOT ({part.text})", part.parameters) if wanted else part


def _rows(text: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, list(parameters))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _by_cards(wanted: CubeFilter) -> bool:
    """Whether the cubes that are looked at are those of some cards."""
    positive = any(not term.negative for term in wanted.terms)
    return wanted.together and positive and "terms" not in wanted.excluded


def _source(wanted: CubeFilter) -> str:
    """Return the table of cubes, and how SQLite gets at those of which the numbers are found.

    The table has everything else of a cube between what is asked for, the index has not.
    """
    by_index = connection.vendor == "sqlite" and _by_cards(wanted)
    return f'"{_CUBES}" c' + (" INDEXED BY datacube_search" if by_index else "")
