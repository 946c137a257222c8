"""Rows that nobody else may change until the transaction ends, and those that somebody did.

SQLite has one writer at a time, and transactions begin by asking for that (see
`polarnight.db.connection`); PostgreSQL locks the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import IntegrityError, connection, models, transaction

from polarnight.errors import ConfigError

__all__ = ["locked", "unchanged"]

M = TypeVar("M", bound=models.Model)


def locked(model: type[M], pk: Any) -> M:
    """Return a row, locked until the transaction around it ends.

    Raises
    ------
    ConfigError
        Where it was deleted meanwhile.
    """
    rows = model._default_manager.all()
    if connection.features.has_select_for_update:
        rows = rows.select_for_update(of=("self",))
    row = rows.filter(pk=pk).first()
    if row is None:
        raise ConfigError(_gone(model))
    return row


@contextmanager
def unchanged(model: type[models.Model], pk: Any) -> Iterator[None]:
    """Run in a transaction in which a row stays that new rows refer to.

    Raises
    ------
    ConfigError
        Where it was deleted meanwhile.
    """
    try:
        with transaction.atomic():
            if not model._default_manager.filter(pk=pk).exists():
                raise ConfigError(_gone(model))
            yield
    except IntegrityError as error:  # PostgreSQL: deleted between the look and the end
        raise ConfigError(_gone(model)) from error


def _gone(model: type[models.Model]) -> str:
    what = {"DataCube": "cube", "CubeContainer": "container", "CubeFolder": "folder"}
    name = what.get(model.__name__, model.__name__)
    return f"the {name} was deleted meanwhile, by another command; list what is there"
