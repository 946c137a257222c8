"""What a file holds, told from as little of it as is safe.

The key of a view says what the pixels are, not where they lie: a file that was moved or copied
is the same one. Small files are hashed whole. Of large ones size, time of writing and samples
are: a file that another program wrote again is another one then, even where no sample differs;
so large files must be copied with their times (``mv``, ``cp -a``, ``rsync -a`` keep them).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from polarnight.errors import BadFrame

__all__ = ["content_of", "find_file", "searching"]

_WHOLE: Final = 1 << 18
_START: Final = 1 << 14
_SAMPLE: Final = 1 << 12
_SAMPLES: Final = 15

_ROOT: ContextVar[Path | None] = ContextVar("polarnight_files", default=None)


def content_of(path: str | Path) -> tuple[str, os.stat_result]:
    """Return a hash of what a file holds, and the state of the file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    content : str
        64 hexadecimal digits.
    state : os.stat_result

    Raises
    ------
    BadFrame
        Where it cannot be read, or changes meanwhile.
    """
    try:
        # A pipe in its place would keep us waiting.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BadFrame(path, f"cannot be read: {error.strerror}") from error
    try:
        state = os.fstat(file)
        if stat.S_ISFIFO(state.st_mode) or stat.S_ISCHR(state.st_mode):
            raise BadFrame(path, "is no regular file")
        size = state.st_size
        found = hashlib.sha256(size.to_bytes(8, "big"))
        if size <= _WHOLE:
            found.update(os.pread(file, _WHOLE, 0))
        else:
            found.update(state.st_mtime_ns.to_bytes(16, "big", signed=True))
            found.update(os.pread(file, _START, 0))
            for number in range(1, _SAMPLES + 1):
                found.update(os.pread(file, _SAMPLE, (size - _SAMPLE) * number // _SAMPLES))
        after = os.fstat(file)
    except OSError as error:
        raise BadFrame(path, f"cannot be read: {error.strerror}") from error
    finally:
        os.close(file)
    if (after.st_size, after.st_mtime_ns) != (size, state.st_mtime_ns):
        raise BadFrame(path, "is being written", "wait until it is complete")
    return found.hexdigest(), state


@contextmanager
def searching(root: Path) -> Iterator[None]:
    """Let `find_file` look for files that are gone below a directory, inside the block."""
    token = _ROOT.set(root)
    try:
        yield
    finally:
        _ROOT.reset(token)


def find_file(path: str, content: str) -> str:
    """Return where a file lies now: where it was, or moved with the directories around it.

    Parameters
    ----------
    path : str
        Where it was.
    content : str
        From `content_of`.

    Raises
    ------
    BadFrame
        Where there is none of that content.
    """
    try:
        changed = content_of(path)[0] != content
        reason = "has changed since the cube was made"
    except BadFrame as error:
        changed, reason = True, error.reason
    if not changed:
        return path
    for place in _elsewhere(path):
        if place.is_file() and content_of(place)[0] == content:
            return str(place)
    raise BadFrame(path, reason, "import the file again")


def _elsewhere(path: str) -> Iterator[Path]:
    """Yield places below the root with the same last directories, the most alike first."""
    root, parts = _ROOT.get(), Path(path).parts
    if root is None or ".." in parts:
        return
    for start in range(1, len(parts)):
        yield root.joinpath(*parts[start:])
