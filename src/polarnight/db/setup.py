"""Making the database ready: Django, connection, migrations."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from polarnight.db.connection import database_of
from polarnight.errors import ConfigError, ExternalService

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["setup_database"]

_SETTINGS_MODULE = "polarnight.db.settings"
_DAMAGED = "it is damaged: put a copy back, or move it away, ingest and run again"
_REMEDIES = {
    "not a database": _DAMAGED,
    "malformed": _DAMAGED,
    "unable to open": "SQLite must be able to write the file and its directory",
    "readonly": "SQLite must be able to write the file and its directory",
    "disk I/O error": "is the disk full?",
    "is full": "make space",
}


def setup_database(settings: Settings, interactive: bool | None = None) -> None:
    """Set Django up for the database that `settings` select, and create or upgrade it.

    Parameters
    ----------
    settings : Settings
    interactive : bool, optional
        Whether an event loop may be running while the database is used, as in Jupyter;
        found out where not given.

    Raises
    ------
    ConfigError
        Where Django is already set up for something else, or the database was made by a
        newer version.
    ExternalService
        Where the database does not answer.
    """
    if _under_event_loop() if interactive is None else interactive:
        # A person at a prompt does one thing at a time; Django cannot know that.
        os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", _SETTINGS_MODULE)
    import django
    from django.apps import apps
    from django.conf import settings as django_settings

    if not apps.ready:
        try:
            django.setup()
        except ImportError as error:
            module = os.environ["DJANGO_SETTINGS_MODULE"]
            msg = f"Django cannot be set up with DJANGO_SETTINGS_MODULE={module}: {error}; unset it"
            raise ConfigError(msg) from error
    if not apps.is_installed("polarnight.db"):
        msg = (
            "Django is set up without 'polarnight.db' in INSTALLED_APPS "
            f"(DJANGO_SETTINGS_MODULE={django_settings.SETTINGS_MODULE})"
        )
        raise ConfigError(msg)
    _connect(database_of(settings))
    _bring_up_to_date()


def _under_event_loop() -> bool:
    if "IPython" in sys.modules:
        return True
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _connect(database: dict[str, object]) -> None:
    """Turn the default connection to `database` where it points elsewhere."""
    from django.conf import settings as django_settings
    from django.db import connections

    current = connections.settings["default"]
    if all(current.get(key) == value for key, value in database.items()):
        return
    connections.close_all()
    if hasattr(connections._connections, "default"):  # type: ignore[attr-defined]
        del connections["default"]
    django_settings.DATABASES["default"] = dict(database)
    connections.settings["default"] = connections.configure_settings({"default": dict(database)})[
        "default"
    ]


def _bring_up_to_date() -> None:
    from django.db import DatabaseError

    from polarnight.db.migrate import bring_up_to_date

    try:
        bring_up_to_date()
    except (DatabaseError, UnicodeDecodeError) as error:
        from django.db import connection

        place = connection.settings_dict["NAME"]
        told = " ".join(str(error).split())
        remedy = next((text for part, text in _REMEDIES.items() if part in told), "")
        remedy = _DAMAGED if isinstance(error, UnicodeDecodeError) else remedy
        msg = f"the database {place} does not answer: {told}{remedy and f' ({remedy})'}"
        raise ExternalService(msg) from error
