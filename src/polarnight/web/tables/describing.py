"""What a column is, for pages and programs."""

from __future__ import annotations

from typing import Any

from polarnight.web.tables.columns import COLUMNS, Column
from polarnight.web.tables.filters import OPERATORS

__all__ = ["described_columns"]

_TOLD = ("name", "title", "kind", "unit", "ucd", "description", "visible", "sortable", "shown_unit",
         "scale", "digits")  # fmt: skip


def described_columns() -> list[dict[str, Any]]:
    """Return every column of results, with the operators that its filters know."""
    return [_described(column) for column in COLUMNS]


def _described(column: Column) -> dict[str, Any]:
    told = {name: getattr(column, name) for name in _TOLD}
    known = [name for name, (_, kinds) in OPERATORS.items() if column.kind in kinds]
    return {**told, "operators": known}
