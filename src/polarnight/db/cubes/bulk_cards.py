"""Cards of many cubes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from polarnight.db.cubes.interning import ValueRow, insert_columns, intern_values, value_row
from polarnight.db.models import CubeCard
from polarnight.frames.cards import Card

__all__ = ["copy_cards", "insert_cards"]


def insert_cards(cards: Mapping[int, Sequence[Card]]) -> int:
    """Insert the cards of many new cubes, by number of cube; inside a transaction.

    Returns
    -------
    int
        How many.
    """
    # Frames of a night share most cards, so each is worked out once. The class counts: to
    # Python 1, 1.0 and True are one, and so are 0.0 and -0.0.
    known: dict[Any, ValueRow] = {}
    rows: list[ValueRow] = []
    for cube in cards.values():
        for card in cube:
            value = card.value
            name = (card.key, value.__class__, value or str(value), card.comment)
            row = known.get(name)
            if row is None:
                row = known[name] = value_row(card)
            rows.append(row)
    values = intern_values(known.values())
    numbers = [number for number, cube in cards.items() for _ in cube]
    if not numbers:
        return 0
    insert_columns(
        CubeCard._meta.db_table,
        {
            "cube_id": ("bigint", numbers),
            "value_id": ("bigint", [values[row] for row in rows]),
            "variable": ("text", [card.variable for cube in cards.values() for card in cube]),
            "user": ("text", [""] * len(numbers)),
        },
    )
    return len(numbers)


def copy_cards(source: int, target: int) -> int:
    """Give a cube the cards of another as well; return how many."""
    table = CubeCard._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" (cube_id, value_id, variable, "user") '  # noqa: S608
            f"SELECT %s, value_id, variable, '' FROM \"{table}\" WHERE cube_id = %s ORDER BY id",
            [target, source],
        )
        return int(cursor.rowcount)
