"""Creating and upgrading the tables."""

from __future__ import annotations

import contextlib
import logging
import os
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from polarnight.errors import ConfigError

__all__ = ["bring_up_to_date", "pending_migrations"]

_LOG = logging.getLogger(__name__)
_LOCK_NUMBER = 0x706F6C61  # any number that nobody else locks in PostgreSQL


def pending_migrations() -> tuple[list[str], list[str]]:
    """Return the migrations applied, and those still to apply, in order.

    Raises
    ------
    ConfigError
        Where the database has migrations that this version does not know.
    """
    from polarnight.db import migrations

    known = sorted(m.name for m in pkgutil.iter_modules(migrations.__path__) if m.name[0] == "0")
    applied = _applied()
    unknown = sorted(set(applied) - set(known))
    if unknown:
        msg = (
            "the database was made by a newer version of Polarnight "
            f"(it has {', '.join(unknown)}); install that version or another datadir"
        )
        raise ConfigError(msg)
    return applied, [name for name in known if name not in applied]


def _applied() -> list[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if "django_migrations" not in tables:
            return []
        cursor.execute("SELECT name FROM django_migrations WHERE app = %s", ["polarnight"])
        return sorted(row[0] for row in cursor.fetchall())


def bring_up_to_date() -> list[str]:
    """Apply the migrations that are missing; one process at a time.

    A SQLite file that already holds data is copied beside itself first.

    Returns
    -------
    list of str
        The migrations applied.
    """
    if not pending_migrations()[1]:
        return []
    from django.core.management import call_command
    from django.db import connection

    with _alone():
        # Another process may have done it while this one waited.
        applied, pending = pending_migrations()
        if not pending:
            return []
        if applied and connection.vendor == "sqlite":
            _back_up(applied[-1])
        call_command("migrate", verbosity=0, interactive=False)
        _LOG.info("database: applied %s", ", ".join(pending))
    return pending


def _back_up(version: str) -> None:
    from django.db import connection

    path = Path(str(connection.settings_dict["NAME"]))
    if not path.is_file():  # in memory
        return
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    copy = path.with_name(f"{path.name}.{version}.{stamp}.bak")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    _LOG.info("database: copied to %s before the upgrade", copy)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep other processes from migrating the same database meanwhile."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_NUMBER])
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_NUMBER])
        return
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or "mode=memory" in name:
        yield
        return
    import fcntl

    # The directory itself is locked: a file for it would stay behind in the data directory.
    handle = os.open(Path(name).parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
