"""Values of columns as an eye wants them, in the unit of their headings; files have all digits."""

from __future__ import annotations

import math
from typing import Any

from polarnight.web.tables.columns import Column

__all__ = ["heading", "shown"]


def heading(column: Column) -> str:
    """Return what stands above a column."""
    return f"{column.title} ({column.shown_unit})" if column.shown_unit else column.title


def shown(column: Column, value: Any) -> str:
    """Return a value as text, ``""`` for none.

    Parameters
    ----------
    column : Column
    value : object
        As rows of results have it.
    """
    if value is None:
        return ""
    if column.kind in ("time", "moment"):
        return str(value)[:19].replace("T", " ")
    if not isinstance(value, float) or column.kind == "integer":
        return str(value)
    if not math.isfinite(value):
        return ""
    if column.digits is None:
        return f"{value:.4g}"
    return f"{value * column.scale:.{column.digits}f}"
