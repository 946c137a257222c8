"""Whether results have changed since they were read: triggers of the database tell.

What is kept in the memory of a server is as old as its stamps. Every way of writing counts,
also that of other programs and machines, for the database itself writes the stamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import connections

from polarnight.db.models import AstroSource, Epoch, PhotoPolResult
from polarnight.db.models.stamps import ResultsStamp

__all__ = ["Stamps", "install_triggers", "read_stamps", "remove_triggers"]

_HUMAN = ("human_set", "human_clear")
_TABLE = ResultsStamp._meta.db_table
_NAME = "polarnight_stamp"


@dataclass(frozen=True, slots=True)
class Stamps:
    """How new the results are.

    Attributes
    ----------
    rows : str
        Changes with all that is written but for flags of people.
    flags : str
        Changes with flags of people.
    """

    rows: str
    flags: str


def read_stamps() -> Stamps | None:
    """Return the stamps; None where there are none, so that nothing may be kept.

    To be read before what is kept under them: then that is as new as they are, or newer.
    """
    found: dict[str, str] = {}
    for kind, token in ResultsStamp._default_manager.values_list("kind", "token"):
        found[kind] = found.get(kind, "") + token
    return Stamps(found["rows"], found["flags"]) if len(found) == 2 else None


def remove_triggers(using: str = "default") -> None:
    """Take triggers and stamps away, so that nothing is kept: before tables are changed.

    SQLite would refuse to drop a column that a trigger names, and loses the triggers of a
    table that a migration rebuilds.
    """
    connection = connections[using]
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for name, model, _, _ in _watched():
            table = model._meta.db_table
            if table in tables:
                place = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {_NAME}_{name}{place}")
    if _TABLE in tables:
        ResultsStamp._default_manager.using(using).all().delete()


def install_triggers(using: str = "default") -> None:
    """Make the triggers that write stamps, and the first stamps, where they are missing."""
    connection = connections[using]
    if _TABLE not in connection.introspection.table_names():
        return  # somebody went back to a version without
    make = _for_postgresql if connection.vendor == "postgresql" else _for_sqlite
    known = "pg_trigger" if connection.vendor == "postgresql" else "sqlite_master"
    column = "tgname" if connection.vendor == "postgresql" else "name"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {known} WHERE {column} LIKE '{_NAME}_%%'")  # noqa: S608
        if len(cursor.fetchall()) < len(_watched()):
            for statement in make():
                cursor.execute(statement)
    for kind in ("rows", "flags"):
        ResultsStamp._default_manager.using(using).get_or_create(
            kind=kind, defaults={"token": uuid4().hex}
        )


def _watched() -> list[tuple[str, Any, str, str]]:
    """Return name, model, event and kind of each trigger."""
    written = [
        str(field.column)
        for field in PhotoPolResult._meta.concrete_fields
        if not field.generated and field.name not in _HUMAN
    ]
    return [
        ("made", PhotoPolResult, "INSERT", "rows"),
        ("gone", PhotoPolResult, "DELETE", "rows"),
        ("written", PhotoPolResult, f"UPDATE OF {', '.join(written)}", "rows"),
        ("judged", PhotoPolResult, f"UPDATE OF {', '.join(_HUMAN)}", "flags"),
        # Columns of the table of results that come from elsewhere.
        ("renamed", AstroSource, "UPDATE OF name", "rows"),
        ("moved", Epoch, "UPDATE OF telescope, night", "rows"),
    ]


def _for_sqlite() -> list[str]:
    statements = []
    for name, model, event, kind in _watched():
        # One writer at a time: there is never more than one row of a kind.
        statements += [
            f"DROP TRIGGER IF EXISTS {_NAME}_{name}",
            f"""CREATE TRIGGER {_NAME}_{name} AFTER {event} ON {model._meta.db_table} BEGIN
            UPDATE {_TABLE} SET token = hex(randomblob(16)) WHERE kind = '{kind}';
            INSERT INTO {_TABLE} (kind, token) SELECT '{kind}', hex(randomblob(16))
            WHERE NOT EXISTS (SELECT 1 FROM {_TABLE} WHERE kind = '{kind}');
            END""",  # noqa: S608  (names of this module)
        ]
    return statements


def _for_postgresql() -> list[str]:
    # A row that another transaction has locked is left to it, and another one taken or made:
    # no writer waits for another, and two cannot wait for each other.
    statements = [
        f"""CREATE OR REPLACE FUNCTION {_NAME}() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE mine bigint;
        BEGIN
            SELECT id INTO mine FROM {_TABLE} WHERE kind = TG_ARGV[0]
                ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
            IF mine IS NULL THEN
                INSERT INTO {_TABLE} (kind, token) VALUES (TG_ARGV[0], gen_random_uuid());
            ELSE
                UPDATE {_TABLE} SET token = gen_random_uuid() WHERE id = mine;
            END IF;
            RETURN NULL;
        END $$"""  # noqa: S608
    ]
    for name, model, event, kind in _watched():
        events = f"{event} OR TRUNCATE" if event == "DELETE" else event
        table = model._meta.db_table
        statements += [
            f"DROP TRIGGER IF EXISTS {_NAME}_{name} ON {table}",
            f"CREATE TRIGGER {_NAME}_{name} AFTER {events} ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {_NAME}('{kind}')",
        ]
    return statements
