"""What methods of a cube take and give, and how it is written in a command."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias, runtime_checkable

__all__ = ["Cubes", "HasPid", "Told", "Value", "text_of"]


@runtime_checkable
class HasPid(Protocol):
    """A cube."""

    pid: str | None


Value: TypeAlias = "str | int | float | None"
"""An argument as commands know it; None leaves it out."""

Cubes: TypeAlias = "str | HasPid | Iterable[str | HasPid] | None"
"""PIDs joined by ``|``, a filter in brackets, a cube, or several of either."""

Told: TypeAlias = "dict[str, Any] | None"
"""The answer of an operator that only tells something: None where it was printed."""


def text_of(value: Any) -> str:
    """Return an argument as text: cubes by their PIDs, several of anything joined by ``|``.

    Raises
    ------
    RuntimeError
        For a cube without PID, and for what no command can hold.
    """
    if isinstance(value, HasPid):
        if value.pid is None:
            msg = "a cube without PID cannot be an argument; make it with Cube(pid=...)"
            raise RuntimeError(msg)
        return value.pid
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, bytes | bytearray | memoryview | dict):
        msg = f"{type(value).__name__} is nothing that a command can hold; give a text"
        raise RuntimeError(msg)
    if isinstance(value, Iterable):
        return "|".join(text_of(entry) for entry in value)
    return str(value)
