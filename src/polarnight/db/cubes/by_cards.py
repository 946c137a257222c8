"""The numbers of cubes with some cards, on SQLite.

SQLite would sort what every condition finds into a tree of its own, which takes longer than
reading it. Here lists of numbers leave the database as one text each and are intersected as
arrays; the cubes that are left are looked up in a covering index.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from polarnight.db.cubes.hits import CubeHits
from polarnight.db.cubes.matching import Sql
from polarnight.db.models import CubeCard, DataCube

__all__ = ["look_up", "numbers_with"]

_CUBES, _CARDS = DataCube._meta.db_table, CubeCard._meta.db_table

Numbers = NDArray[np.int64]


def numbers_with(wanted: Sequence[Sql], unwanted: Sequence[Sql]) -> Numbers:
    """Return the sorted numbers of the cubes that have a card of each of `wanted`.

    Parameters
    ----------
    wanted, unwanted : sequence of Sql
        ``IN (...)`` for the numbers of values; cubes with a card of any of `unwanted` are
        left out. At least one is wanted.
    """
    found = _cubes_of(wanted[0])
    for values in wanted[1:]:
        if not found.size:
            break
        found = np.intersect1d(found, _cubes_of(values), assume_unique=True)
    for values in unwanted:
        if not found.size:
            break
        found = np.setdiff1d(found, _cubes_of(values), assume_unique=True)
    return found


def look_up(numbers: Numbers, where: Sql, *, by_level: bool) -> CubeHits:
    """Return those of the cubes that pass a condition on ``c``, in order of number.

    Parameters
    ----------
    numbers : array of int
        Sorted.
    where : Sql
    by_level : bool
        Whether imported cubes come before derived ones.
    """
    if not numbers.size:
        return CubeHits([], [])
    columns = ["c.id", "c.container_id", *(["c.level > 0"] if by_level else [])]
    lists = ", ".join(f"json_group_array({column})" for column in columns)
    # The join is not reordered: each number is one look into the index, in their order.
    text = (
        f'SELECT {lists} FROM json_each(%s) j CROSS JOIN "{_CUBES}" c '  # noqa: S608
        f"INDEXED BY datacube_search ON c.id = j.value WHERE {where.text}"
    )
    cubes, containers, *derived = _lists(text, (json.dumps(numbers.tolist()), *where.parameters))
    keys = [*derived, cubes]
    if all(column == sorted(column) for column in keys):
        return CubeHits(containers, cubes)
    order = sorted(range(len(cubes)), key=lambda place: [column[place] for column in keys])
    return CubeHits([containers[place] for place in order], [cubes[place] for place in order])


def _cubes_of(values: Sql) -> Numbers:
    text = f'SELECT json_group_array(k.cube_id) FROM "{_CARDS}" k WHERE k.value_id {values.text}'  # noqa: S608
    return np.unique(np.array(_lists(text, values.parameters)[0], dtype=np.int64))


def _lists(text: str, parameters: Sequence[Any]) -> list[list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(text, list(parameters))
        return [json.loads(column) for column in cursor.fetchone()]
