"""Values of the API: numbers of rows in addresses, and numbers that JSON can hold."""

# No postponed annotations: ninja looks for their names where the decorators are.

import math
from collections.abc import Iterable
from typing import Annotated

from ninja import Path

__all__ = ["Key", "finite", "finites"]

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
"""The number of a row."""


def finite(value: float | None) -> float | None:
    """Return a number, None for what JSON does not know."""
    return float(value) if value is not None and math.isfinite(value) else None


def finites(values: Iterable[float]) -> list[float | None]:
    """Return numbers, None for those that are not finite."""
    return [finite(value) for value in values]
