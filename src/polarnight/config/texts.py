"""Reading small text files that people write, of which nothing is known yet."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from polarnight.errors import ConfigError

__all__ = ["nearest", "parse_yaml", "read_text", "shown"]

_LARGEST = 64 << 20  # bytes of a file
_MOST_VALUES = 1_000_000
_DEEPEST = 50
_LONGEST_INTEGER = 1024  # bits; what is larger fits into no float

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 120


def shown(value: Any) -> str:
    """Return a value as messages show it, however long and deep it is."""
    return _SHORT.repr(value)


def nearest(name: Any, known: Iterable[str]) -> str:
    """Return the known name that looks most like `name`, ``""`` where none looks like it."""
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def read_text(path: Path, what: str, encoding: str = "utf-8") -> str:
    """Return the content of a text file.

    Parameters
    ----------
    path : Path
    what : str
        What the file is, for the message.
    encoding : str

    Raises
    ------
    ConfigError
        Where it cannot be read, is no text in that encoding, or is larger than any such
        file can be (a device never ends).
    """
    try:
        with path.open("rb") as handle:
            content = handle.read(_LARGEST + 1)
        text = content.decode(encoding)
    except OSError as error:
        msg = f"{what} {path} cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{what} {path} is no text in UTF-8: {error.reason} at byte {error.start}"
        raise ConfigError(msg) from error
    if len(content) > _LARGEST:
        msg = f"{what} {path} is larger than {_LARGEST >> 20} MiB"
        raise ConfigError(msg)
    return text


def parse_yaml(text: str, where: str, loader: type[Any] = yaml.SafeLoader) -> Any:
    """Return what a YAML text says.

    Parameters
    ----------
    text : str
    where : str
        Where it is from, for the message.
    loader : type
        A subclass of `yaml.SafeLoader`, so that no tag makes Python objects.

    Raises
    ------
    ConfigError
        Where it is no YAML, its aliases expand to more than fits (or never end), or a whole
        number has more digits than any quantity.
    """
    try:
        value = yaml.load(text, Loader=loader)  # noqa: S506 (a subclass of SafeLoader)
    except yaml.YAMLError as error:
        msg = f"{where} is not valid YAML: {' '.join(str(error).split())}"
        raise ConfigError(msg) from error
    except RecursionError:
        msg = f"{where} is nested too deeply"
        raise ConfigError(msg) from None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        # Values that look like a date, a number or a tag and are none, such as 2024-13-45.
        msg = f"{where} is not valid YAML: a value cannot be read: {error}"
        raise ConfigError(msg) from error
    _check_size(value, where)
    return value


def _check_size(value: Any, where: str) -> None:
    """Walk through a value as if its aliases were written out, and stop where it is too much."""
    level, count = [value], 0
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for entry in level:
            if isinstance(entry, int) and entry.bit_length() > _LONGEST_INTEGER:
                msg = f"{where}: a whole number of {entry.bit_length()} bits means nothing"
                raise ConfigError(msg)
            if isinstance(entry, dict):
                inner.extend((*entry, *entry.values()))
            elif isinstance(entry, list | tuple | set):
                inner.extend(entry)
            if len(inner) > _MOST_VALUES:
                break
        count += len(inner)
        if not inner:
            return
        if count > _MOST_VALUES:
            msg = f"{where} expands to more than {_MOST_VALUES} values"
            raise ConfigError(msg)
        level = inner
    msg = f"{where} is nested too deeply"
    raise ConfigError(msg)
