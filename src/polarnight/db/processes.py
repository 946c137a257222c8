"""Which process does something, and whether it still does."""

from __future__ import annotations

import getpass
import os
import socket
from functools import lru_cache
from pathlib import Path

__all__ = ["is_gone", "is_here", "place_of", "this_process", "user_name"]

_PROC = Path("/proc")


def this_process() -> str:
    """Return what tells this process from all others: machine, number and start."""
    return _named(os.getpid())


def user_name() -> str:
    """Return who this process belongs to."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid {os.getuid()}"


def place_of(process: str) -> tuple[str, str]:
    """Return machine and number of a process of `this_process`, for people."""
    host, _, rest = process.partition(" ")
    return host, rest.partition(" ")[0]


def is_here(process: str) -> bool:
    """Whether a process of `this_process` is on this machine, where `is_gone` knows of it."""
    return place_of(process)[0] == socket.gethostname()


def is_gone(process: str) -> bool:
    """Whether a process of `this_process` was on this machine and has ended.

    Of other machines, and of jobs that do not say where they run, it is not known: False.
    """
    try:
        host, number, start = process.split(" ")
        pid = int(number)
    except ValueError:
        return False
    if host != socket.gethostname() or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it runs, for somebody else
    # The number may belong to another process by now.
    now = _start(pid)
    return bool(now) and start != now


@lru_cache(maxsize=8)
def _named(pid: int) -> str:
    return f"{socket.gethostname()} {pid} {_start(pid)}"


def _start(pid: int) -> str:
    """Return the boot of the machine and when the process began since; ``""`` if not known.

    The start is the 22nd value of ``/proc/<pid>/stat`` (proc(5)), in ticks of the clock; the
    second is a name in brackets that may hold anything.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        values = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A zombie holds its number until its parent asks how it ended.
    return "ended" if values[0] in {"Z", "X"} else f"{boot[:8]}-{values[19]}"
