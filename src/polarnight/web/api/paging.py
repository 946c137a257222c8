"""Pages of lists: ``?limit=&offset=``, with the number of all rows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Field, Schema
from ninja.pagination import PaginationBase

__all__ = ["MAX_LIMIT", "Paging"]

MAX_LIMIT = 1000
_FARTHEST = 1_000_000_000  # beyond it databases overflow


class Paging(PaginationBase):
    """``@paginate(Paging)``: at most 1000 rows a page.

    The answer is ``{"items": [...], "count": all, "limit": ..., "offset": ...}``.
    """

    class Input(Schema):
        """What a request may say."""

        limit: int = Field(100, ge=1, le=MAX_LIMIT, description="rows of this page at most")
        offset: int = Field(0, ge=0, le=_FARTHEST, description="rows before this page")

    class Output(Schema):
        """What the answer holds."""

        items: list[Any]
        count: int = Field(description="rows of all pages")
        limit: int
        offset: int

    def paginate_queryset(
        self, queryset: Any, pagination: Any, request: HttpRequest, **params: Any
    ) -> dict[str, Any]:
        """Cut one page out of a queryset or list."""
        first = pagination.offset
        return {
            "items": queryset[first : first + pagination.limit],
            "count": self._items_count(queryset),
            "limit": pagination.limit,
            "offset": first,
        }
