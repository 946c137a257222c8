"""Turns: of a session one command at a time changes something, in whatever process."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO

if sys.platform != "win32":  # where one process serves
    import fcntl

__all__ = ["Busy", "turn"]

_LOOK = 0.05
_HERE: dict[str, threading.Lock] = {}
_GUARD = threading.Lock()


class Busy(Exception):
    """Another command of the session runs still."""


@contextmanager
def turn(directory: Path, session: str, patience: float) -> Iterator[None]:
    """Hold the turn of a session; it ends with the process, however that ends.

    Parameters
    ----------
    directory : Path
        Of the files that processes lock.
    session : str
        Its code.
    patience : float
        Seconds to wait for the turn.

    Raises
    ------
    Busy
        Where it does not come in time.
    """
    until = time.monotonic() + patience
    with _GUARD:
        here = _HERE.setdefault(session, threading.Lock())
    if not here.acquire(timeout=max(0.0, patience)):
        raise Busy
    try:
        if sys.platform == "win32":
            yield
            return
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = sha256(session.encode()).hexdigest()[:40]
        with (directory / f"{name}.turn").open("ab") as file:
            _lock(file, until)
            yield
    finally:
        here.release()


def _lock(file: IO[bytes], until: float) -> None:
    while sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                raise Busy from None
            time.sleep(_LOOK)
        else:
            return
