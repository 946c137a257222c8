"""The log of a job: a file of its own, bounded, plain text."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from polarnight.config import Settings

__all__ = ["BoundedHandler", "log_name", "tail"]

LARGEST = 2 << 20
_TAIL = 64 << 10
_LEVEL = re.compile(r"\d\d:\d\d:\d\d ([A-Z]+) ")
_LEVELS = logging.getLevelNamesMapping()
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class BoundedHandler(logging.FileHandler):
    """Writes up to `LARGEST` bytes; the log of the site has all."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record while there is room."""
        if self.stream is not None and self.stream.tell() > LARGEST:
            return
        super().emit(record)


def log_name(number: int) -> str:
    """Return the place of the log of a job, relative to the data directory."""
    return f"logs/jobs/job-{number:06d}.log"


def tail(settings: Settings, name: str, lines: int = 300, level: str = "") -> list[str]:
    """Return the last lines of a log, without characters that steer terminals.

    Parameters
    ----------
    settings : Settings
    name : str
        Relative to the data directory, as `log_name` makes it.
    lines : int
        At most.
    level : str
        Only what has this level, such as ``WARNING``, or a higher one; all where ``""``.
    """
    if not name:
        return []
    with contextlib.suppress(OSError):
        path = Path(settings.data.root) / name
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            text = file.read(_TAIL).decode(errors="replace")
        told = text.split("\n")
        told = told[1:] if size > _TAIL else told
        plain = (_CONTROLS.sub("", line) for line in told if line.strip())
        return list(_of_level(plain, level))[-lines:]
    return []


def _of_level(lines: Iterable[str], level: str) -> Iterator[str]:
    """Pass lines of a level and above; those without one, as of tracebacks, go with the last."""
    least = _LEVELS.get(level, 0)
    now = 0
    for line in lines:
        match = _LEVEL.match(line)
        now = _LEVELS.get(match[1], 0) if match else now
        if now >= least:
            yield line
