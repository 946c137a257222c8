"""What goes wrong with a command, with the exit code that the terminal gives it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from polarnight.errors import Cancelled, PolarnightError

__all__ = [
    "AccessRefused",
    "BadValue",
    "Cancelled",
    "NoServer",
    "OperatorFailed",
    "OphidiaError",
    "UnknownArgument",
    "UnknownOperator",
    "nearest",
    "refused_by_machine",
]


class OphidiaError(PolarnightError):
    """A command cannot be carried out.

    Parameters
    ----------
    message : str
        What is wrong, naming the operator and the argument.
    remedy : str, optional
        What to type instead.

    Attributes
    ----------
    code : int
        Exit code of the terminal: 1 in general, 3 unknown command, 5 no server, 6 unknown argument,
        7 access refused, 8 bad value, 9 the operator failed.
    """

    code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} ({remedy})" if remedy else message)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message, self.remedy))


class UnknownOperator(OphidiaError):
    """No operator has this name."""

    code = 3


class NoServer(OphidiaError):
    """The server that was named does not answer, or not as one."""

    code = 5


class UnknownArgument(OphidiaError):
    """The operator has no argument of this name, or the line is not a list of arguments."""

    code = 6


class AccessRefused(OphidiaError):
    """The path or the cube is not the user's to touch."""

    code = 7


class BadValue(OphidiaError):
    """The value of an argument cannot be used."""

    code = 8


class OperatorFailed(OphidiaError):
    """The operator ran and could not do what was asked."""

    code = 9


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like `name`, ``""`` where none is like it."""
    found = difflib.get_close_matches(name[:80], list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def refused_by_machine(error: Exception) -> OphidiaError | None:
    """Return in plain words what is no fault of ours: no room, no permission, no memory.

    None for anything else. What was begun is undone by then: the database knows whole
    commands only.
    """
    told = " ".join(str(error).split())[:300]
    if type(error).__module__.startswith("django.db"):
        remedy = "is the disk full, or may you only read it? polarnight doctor looks at it"
        return OperatorFailed(f"the database cannot be used: {told}", remedy)
    if isinstance(error, MemoryError):
        return OperatorFailed("there is not enough memory", "take a part of the cube, or ncores=1")
    if isinstance(error, OSError) and error.errno is not None:
        where = f"{error.filename}: " if error.filename else ""
        return OperatorFailed(f"the machine refuses: {where}{error.strerror or told}")
    return None
