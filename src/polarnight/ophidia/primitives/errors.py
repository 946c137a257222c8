"""What is wrong with a query, and where."""

from __future__ import annotations

from collections.abc import Iterable

from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.errors import nearest as most_like

__all__ = ["QueryError", "check_length", "nearest"]

_AROUND = 24
_LONGEST_ROW = 1 << 24


def check_length(function: str, length: float) -> None:
    """Refuse to make rows that no memory holds.

    Raises
    ------
    QueryError
    """
    if not length <= _LONGEST_ROW:
        msg = f"{function}: rows of {length:.15g} values are too long, at most {_LONGEST_ROW}"
        raise QueryError(msg)


class QueryError(BadValue):
    """A query of oph_apply cannot be understood or does not fit the cube.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    query : str
        The whole text.
    at : int
        Place of the trouble, from 0.

    Attributes
    ----------
    place : int
        The place as people count: from 1.
    """

    def __init__(self, message: str, query: str = "", at: int = 0) -> None:
        super().__init__(message + (_mark(query, at) if query else ""))
        self.bare = message
        self.query = query
        self.place = at + 1

    def __reduce__(self) -> tuple[type[QueryError], tuple[str, str, int]]:
        # Workers send exceptions home by pickle, which would pass the message alone.
        return (type(self), (self.bare, self.query, self.place - 1))


def _mark(query: str, at: int) -> str:
    start, stop = max(0, at - _AROUND), min(len(query), at + _AROUND)
    before = ("..." if start else "") + query[start:at]
    after = query[at:stop] + ("..." if stop < len(query) else "")
    return f" (character {at + 1} of the query: {before}>>>{after})"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a sentence that names what `name` may have been meant to be, or nothing."""
    found = most_like(name.lower(), names)
    return f"; did you mean {found}?" if found else ""
