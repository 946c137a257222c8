"""The log of a job: a file of its own, bounded, plain text."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from pathlib import Path

from polarnight.config import Settings

__all__ = ["BoundedHandler", "log_name", "tail"]

LARGEST = 2 << 20
_TAIL = 64 << 10
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


def tail(settings: Settings, name: str, lines: int = 300) -> list[str]:
    """Return the last lines of a log, without characters that steer terminals.

    Parameters
    ----------
    settings : Settings
    name : str
        Relative to the data directory, as `log_name` makes it.
    lines : int
        At most.
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
        return [_CONTROLS.sub("", line) for line in told if line.strip()][-lines:]
    return []
