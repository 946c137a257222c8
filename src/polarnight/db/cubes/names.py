"""Names and paths of folders and containers."""

from __future__ import annotations

import re

from polarnight.errors import ConfigError

__all__ = ["ARCHIVE", "check_name", "is_archive", "join_path", "split_parent"]

ARCHIVE = "archive"
"""The folder of every session under which the nights are."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+\- ]{0,198}", re.ASCII)
_LONGEST = 1000


def check_name(name: str, what: str) -> str:
    """Return a name of a folder or container, or refuse it.

    Parameters
    ----------
    name : str
    what : str
        What it names, for the error.

    Raises
    ------
    ConfigError
        Where it does not begin with a letter, a digit or ``_``, holds a character that has a
        meaning in paths and commands, or is too long.
    """
    if _NAME.fullmatch(name) is None or name != name.strip() or name.endswith("."):
        msg = (
            f"{name!r} cannot name a {what}: use letters, digits and _ . + - , beginning with a "
            "letter, a digit or _, at most 199 characters"
        )
        raise ConfigError(msg)
    return name


def join_path(cwd: str, path: str) -> str:
    """Return the absolute path of `path` seen from `cwd`, without ``.`` and ``..``.

    Raises
    ------
    ConfigError
        Where it leads out of the tree.
    """
    text = path.strip()
    whole = text if text.startswith("/") else f"{cwd}/{text}"
    parts: list[str] = []
    for part in whole.split("/"):
        if part in {"", "."}:
            continue
        if part == "..":
            if not parts:
                msg = f"path {path!r} leads out of the session; / is the top"
                raise ConfigError(msg)
            parts.pop()
        else:
            parts.append(part)
    joined = "/" + "/".join(parts)
    if len(joined) > _LONGEST:
        msg = f"path {joined[:60]!r}... is longer than {_LONGEST} characters"
        raise ConfigError(msg)
    return joined


def split_parent(path: str) -> tuple[str, str]:
    """Return (folder, name) of an absolute path.

    Raises
    ------
    ConfigError
        For the root, which has no name.
    """
    if path == "/":
        msg = "path '/' is the top of the session, it has no name of its own"
        raise ConfigError(msg)
    folder, _, name = path.rpartition("/")
    return folder or "/", name


def is_archive(path: str) -> bool:
    """Whether an absolute path lies in the mounted archive."""
    return path == f"/{ARCHIVE}" or path.startswith(f"/{ARCHIVE}/")
