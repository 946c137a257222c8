"""Pages of lists with links to the others; all else of the address stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict

__all__ = ["Part", "link", "part_of"]

_FARTHEST = 10_000_000


@dataclass(frozen=True)
class Part:
    """One page of a list.

    Attributes
    ----------
    rows : list
    first, last, count : int
        Numbers of the first and last row of this page, from 1, and of all rows.
    before, after : str
        Addresses of the pages beside it, ``""`` where there is none.
    """

    rows: list[Any]
    first: int
    last: int
    count: int
    before: str
    after: str


def link(request: HttpRequest, **changes: Any) -> str:
    """Return the query string of a page with some values changed; None takes a value out."""
    query: QueryDict = request.GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


def part_of(
    request: HttpRequest, count: int, cut: Callable[[int, int], Any], size: int = 50
) -> Part:
    """Return the page that ``?page=`` asks for, counted from 1; the nearest one there is.

    Parameters
    ----------
    request : HttpRequest
    count : int
        Of all rows.
    cut : callable
        Takes the numbers of the first row and of the one after the last, returns the rows.
    size : int
        Rows of a page.
    """
    text = request.GET.get("page", "1")
    asked = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    pages = max(1, -(-min(count, _FARTHEST) // size))
    page = min(max(asked, 1), pages)
    first = (page - 1) * size
    rows = list(cut(first, first + size))
    return Part(
        rows,
        first + 1 if rows else 0,
        first + len(rows),
        count,
        link(request, page=page - 1) if page > 1 else "",
        link(request, page=page + 1) if page < pages else "",
    )
