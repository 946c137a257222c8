"""Which database, and how it is spoken to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["database_of", "parse_database_url"]

_BUSY_SECONDS = 30
_KEPT_SECONDS = 60

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL;"  # readers never wait for the writer
    "PRAGMA synchronous=NORMAL;"  # safe with WAL; loses no consistency in a power cut
    f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000};"
    "PRAGMA cache_size=-65536;"  # KiB; searches go through more than the 2 MiB of the default
)


def database_of(settings: Settings) -> dict[str, Any]:
    """Return the Django description of the database that the settings select."""
    if settings.database_url:
        return parse_database_url(settings.database_url)
    return _sqlite(str(settings.data.db_path))


def parse_database_url(url: str) -> dict[str, Any]:
    """Return the Django description of ``postgresql://`` or ``sqlite:///`` URLs.

    Raises
    ------
    ConfigError
        For another scheme, or a URL without the name of a database.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        msg = f"key 'database_url': {error}"
        raise ConfigError(msg) from None
    name = unquote(parts.path)
    if parts.scheme == "sqlite" and name not in {"", "/"}:
        return _sqlite(name.removeprefix("/") if name.startswith("//") else name)
    if parts.scheme not in {"postgres", "postgresql"}:
        msg = (
            f"key 'database_url': scheme {parts.scheme!r} is not known; "
            "use postgresql://user:password@host:port/name"
        )
        raise ConfigError(msg)
    name = name.strip("/")
    if not name:
        msg = "key 'database_url' names no database; use postgresql://user@host:port/name"
        raise ConfigError(msg)
    try:
        port = parts.port
    except ValueError as error:
        msg = f"key 'database_url': {error}"
        raise ConfigError(msg) from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
        # A server asks again within a minute: a new connection costs more than most answers.
        "CONN_MAX_AGE": _KEPT_SECONDS,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": _BUSY_SECONDS,
            "init_command": _SQLITE_PRAGMAS,
            # A transaction that will write asks for the lock at once: one that read first
            # and then wants to write would fail without waiting.
            "transaction_mode": "IMMEDIATE",
        },
    }
