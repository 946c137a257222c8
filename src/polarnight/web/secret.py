"""The key that signs sessions: made once for each installation, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from polarnight.errors import ConfigError

__all__ = ["ensure_secret", "read_secret"]

_LEAST = 32  # characters; those that are made here have 86


def read_secret(path: Path) -> str:
    """Return the key of a file, ``""`` where there is none yet.

    Raises
    ------
    ConfigError
        Where the file cannot be read, or holds too little to be a key.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        msg = f"key 'web.key_file': {path} cannot be read: {error}"
        raise ConfigError(msg) from error
    if len(text) < _LEAST:
        msg = f"{path} is no key (less than {_LEAST} characters); remove it and a new one is made"
        raise ConfigError(msg)
    return text


def ensure_secret(path: Path) -> str:
    """Return the key of a file, which is made (mode 0600) where it is missing.

    Raises
    ------
    ConfigError
        Where it can be neither read nor written.
    """
    found = read_secret(path)
    if found:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64) + "\n")
        try:
            # link, not rename: of two processes that start at once the first one wins.
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    except OSError as error:
        msg = f"key 'web.key_file': {path} cannot be written: {error.strerror}"
        raise ConfigError(msg) from error
    return read_secret(path)
