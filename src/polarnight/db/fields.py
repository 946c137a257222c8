"""Columns that take what computing code hands over: numpy numbers, NaN, paths, dates."""

from __future__ import annotations

import math
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _FloatColumn = models.FloatField[Any, Any]
else:
    _FloatColumn = models.FloatField

__all__ = ["EvidenceField", "NumberField", "jsonable"]


def jsonable(value: Any) -> Any:
    """Return `value` in types that JSON knows; numbers that are not finite become None.

    Raises
    ------
    TypeError
        For an object that is none of the usual ones.
    """
    if value is None or isinstance(value, (str, bool)):
        return str(value) if isinstance(value, Enum) else value
    if isinstance(value, dict):
        return {str(key): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(entry) for entry in value]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (Path, date, datetime)):
        return value.isoformat() if isinstance(value, date) else str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays, without importing numpy
        return jsonable(value.tolist())
    msg = f"{type(value).__name__} cannot be stored as JSON: {value!r}"
    raise TypeError(msg)


class EvidenceField(models.JSONField):
    """JSON that also takes numpy numbers, tuples, paths, and NaN (as null)."""

    def get_prep_value(self, value: Any) -> Any:
        """Clean the value before it is encoded."""
        if hasattr(value, "as_sql"):  # an expression, made by Django itself
            return super().get_prep_value(value)
        return super().get_prep_value(jsonable(value))


class NumberField(_FloatColumn):
    """A measured number, or NULL; what is not finite is stored as NULL.

    SQLite would make NULL of NaN by itself while PostgreSQL keeps it and sorts it above all
    numbers; so that a query means the same on both, NaN never reaches the database.
    """

    if TYPE_CHECKING:
        # What the plugin for mypy allows in the constructor of a model: also None and numpy.
        _pyi_private_set_type: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def get_prep_value(self, value: Any) -> Any:
        """Turn what is not finite into NULL."""
        number = super().get_prep_value(value)
        if isinstance(number, float) and not math.isfinite(number):
            return None
        return number
