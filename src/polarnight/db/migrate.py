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

__all__ = ["alone", "bring_up_to_date", "pending_migrations"]

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

    path = _file()
    if path is not None and not path.exists():
        return []  # looking into it would make an empty file
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if "django_migrations" not in tables:
            return []
        cursor.execute("SELECT name FROM django_migrations WHERE app = %s", ["polarnight"])
        return sorted(row[0] for row in cursor.fetchall())


def bring_up_to_date() -> list[str]:
    """Apply the migrations that are missing; one process at a time.

    A new SQLite file gets its name when it is complete. One that already holds tables, be
    they of an older version or of IOP4, is copied beside itself first.

    Returns
    -------
    list of str
        The migrations applied.
    """
    if not pending_migrations()[1]:
        return []
    from django.core.management import call_command
    from django.db import connection

    with alone():
        # Another process may have done it while this one waited, under a new file.
        connection.close()
        applied, pending = pending_migrations()
        if not pending:
            return []
        path = _file()
        if path is not None and not _has_tables(path):
            _create(path)
        else:
            if path is not None:
                _back_up(path, applied[-1] if applied else "before-polarnight")
            call_command("migrate", "polarnight", verbosity=0, interactive=False)
        _LOG.info("database: applied %s", ", ".join(pending))
    return pending


def _file() -> Path | None:
    """Return the SQLite file, None for PostgreSQL and for databases in memory."""
    from django.db import connection

    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or ":memory:" in name or "mode=memory" in name:
        return None
    return Path(name)


def _has_tables(path: Path) -> bool:
    from django.db import connection

    if not path.exists():
        return False
    with connection.cursor() as cursor:
        return bool(connection.introspection.table_names(cursor))


def _create(path: Path) -> None:
    """Make a new file under another name: a kill in between leaves no half database."""
    from django.core.management import call_command
    from django.db import connection

    for left in path.parent.glob(f".{path.name}.part*"):  # of a killed one, and its journals
        left.unlink()
    part = path.with_name(f".{path.name}.part")
    connection.close()
    connection.settings_dict["NAME"] = str(part)
    try:
        call_command("migrate", "polarnight", verbosity=0, interactive=False)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = str(path)
    part.replace(path)


def _back_up(path: Path, version: str) -> None:
    from django.db import connection

    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    copy = path.with_name(f"{path.name}.{version}.{stamp}.bak")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    _LOG.info("database: copied to %s before the upgrade", copy)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep other processes from migrating the same database meanwhile."""
    from django.db import connection

    if connection.vendor == "postgresql":
        # A transaction-free lock of the session, which ends with the connection: hence one
        # of its own, for the other is closed on the way.
        keeper = connection.copy()
        try:
            with keeper.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_NUMBER])
            yield
        finally:
            keeper.close()
        return
    path = _file()
    if path is None:
        yield
        return
    import fcntl

    # The directory itself is locked: a file for it would stay behind in the data directory.
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
