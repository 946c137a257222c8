"""The files that a filter of ``src_path`` finds."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.selection.filters import Filter

if TYPE_CHECKING:
    from polarnight.ophidia.context import Context
    from polarnight.ophidia.files.paths import Repository

__all__ = ["find_files"]

_MOST_FILES = 100_000


def find_files(wanted: Filter, context: Context) -> list[str]:
    """Return the paths of the files that a filter of ``src_path`` matches, by name.

    Raises
    ------
    BadValue
        Where there is no such directory, or the filter has conditions on cubes.
    """
    if wanted.conditions or wanted.ranges:
        msg = f"{context.operator}: a filter of files has path, file, recursive, depth and run"
        raise BadValue(msg, "for example [path=/dir;file=*.fits]")
    repository = context.files
    start = repository.find(wanted.path if wanted.path is not None else ".", context.cdd)
    if start.is_file():
        return [repository.virtual(start)]
    levels = (wanted.depth + 1 if wanted.depth else None) if wanted.recursive else 1
    found = []
    for place in _walk(start, levels, repository):
        name = place.name
        if wanted.files and not any(fnmatch.fnmatchcase(name, p) for p in wanted.files):
            continue
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted.excluded_files):
            continue
        found.append(repository.virtual(place))
        if len(found) > _MOST_FILES:
            msg = f"{context.operator}: the filter matches more than {_MOST_FILES} files"
            raise OperatorFailed(msg, "narrow it by path= and file=")
    return sorted(found)


def _walk(top: Path, levels: int | None, repository: Repository) -> Iterator[Path]:
    """Yield the files of a directory and of so many levels; names with a dot are hidden."""
    try:
        entries = sorted(os.scandir(top), key=lambda entry: entry.name)
    except OSError as error:
        msg = f"{top} cannot be read: {error.strerror}"
        raise OperatorFailed(msg) from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and repository.hides(Path(entry.path)):
            continue
        if entry.is_file():
            yield Path(entry.path)
        elif entry.is_dir(follow_symlinks=False) and levels != 1:
            deeper = None if levels is None else levels - 1
            yield from _walk(Path(entry.path), deeper, repository)
