"""The log files that there are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from polarnight.config import get_settings

__all__ = ["LogFile", "find_log", "list_logs"]

_MOST = 2000
_ENDINGS = (".log", ".txt")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log.

    Attributes
    ----------
    name : str
        Relative to the directory of logs.
    path : Path
    size : int
        Bytes.
    modified : datetime
        UTC.
    """

    name: str
    path: Path
    size: int
    modified: datetime


def list_logs() -> list[LogFile]:
    """Return the logs, that of the site first, then the newest first."""
    data = get_settings().data
    found = {file.name: file for file in _walk(data.logs)}
    main = data.log_file
    if main.resolve().parent != data.logs.resolve() and (own := _file(main.name, main)):
        found.setdefault(own.name, own)
    return sorted(found.values(), key=lambda file: (file.path != main, -file.modified.timestamp()))


def find_log(name: str) -> LogFile | None:
    """Return the log that a name of the list means, None where there is none.

    Names are looked up, never made into paths: what is not in the list cannot be asked for.
    """
    return next((file for file in list_logs() if file.name == name), None)


def _walk(root: Path) -> Iterator[LogFile]:
    """Yield the files of a directory and of those in it; links lead elsewhere and are left out."""
    places, count = [root], 0
    for depth in range(2):
        inner: list[Path] = []
        for place in places:
            try:
                entries = sorted(os.scandir(place), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and depth == 0:
                    inner.append(Path(entry.path))
                elif entry.name.endswith(_ENDINGS):
                    path = Path(entry.path)
                    file = _file(path.relative_to(root).as_posix(), path)
                    if file is not None and path.resolve().is_relative_to(root.resolve()):
                        count += 1
                        yield file
                    if count >= _MOST:
                        return
        places = inner


def _file(name: str, path: Path) -> LogFile | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return LogFile(name, path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
