"""What a store does with files and directories."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from polarnight.errors import CubeError
from polarnight.frames.atomic import flush_to_disk

__all__ = ["bytes_of", "flush_all", "writing"]


@contextlib.contextmanager
def writing(root: Path) -> Iterator[None]:
    """Tell errors of the disk as what they are."""
    try:
        yield
    except OSError as error:
        raise CubeError(f"{root}: cannot be written: {error.strerror}") from error


def flush_all(directory: Path) -> None:
    """Wait until all files below a directory, and their names, are on the disk."""
    for folder, _, names in os.walk(directory):
        for name in names:
            flush_to_disk(Path(folder, name))
        flush_to_disk(Path(folder))


def bytes_of(directory: Path) -> int:
    """Return the bytes of all files below a directory."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(folder, name).stat().st_size
    return total
