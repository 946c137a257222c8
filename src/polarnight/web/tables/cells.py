"""Cells of tables that are opened in spreadsheets."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["harmless"]

_FORMULA = re.compile(r"[=+\-@\t\r]")


def harmless(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula; numbers are left alone."""
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value
