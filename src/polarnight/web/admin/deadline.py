"""Queries that are given up when they take too long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

__all__ = ["deadline"]

_EVERY = 2000  # instructions of SQLite between two looks at the clock


@contextmanager
def deadline(alias: str, seconds: float) -> Iterator[None]:
    """Let queries within it fail (`django.db.DatabaseError`) after some seconds.

    Parameters
    ----------
    alias : str
        Of the database.
    seconds : float
        For all queries together on SQLite, for each on PostgreSQL.
    """
    connection: Any = connections[alias]
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        end = time.monotonic() + seconds
        connection.connection.set_progress_handler(lambda: time.monotonic() > end, _EVERY)
        try:
            yield
        finally:
            connection.connection.set_progress_handler(None, 0)
        return
    if connection.vendor != "postgresql":
        yield
        return
    from django.db import transaction

    # In a transaction of its own: a query that was given up would spoil an outer one.
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true)", [str(int(1000 * seconds))]
        )
        yield
