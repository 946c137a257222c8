"""Cubes: lists, search, what is known of one, and a look into it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema
from ninja.errors import HttpError

from polarnight.config import get_settings
from polarnight.db.cubes import CubeCatalogue, format_pid
from polarnight.db.models import DataCube
from polarnight.errors import ConfigError, PolarnightError
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.answers import tagged, unchanged
from polarnight.web.api.paging import Paging
from polarnight.web.api.sending import attached
from polarnight.web.cubes.looking import TooLong, csv_of, slice_of, why_stale
from polarnight.web.cubes.searching import find_cubes, read_search
from polarnight.web.cubes.seeing import cube_of, cubes_of, shown_source

__all__ = ["router"]

router = Router()
_Operation = TypeVar("_Operation", bound=Callable[..., Any])
_FAR = 2**63 - 1


class CubeSummary(Schema):
    """A cube in a list."""

    id: int
    pid: str
    container: str
    measure: str
    unit: str
    dtype: str
    level: int
    shape: list[int] = Field(description="sizes of the dimensions, slowest first")
    dimensions: list[str]
    source: str = Field(description="the file that it shows, or came from")
    created: datetime
    user: str


class CubePage(Schema):
    """A page of a list."""

    items: list[CubeSummary]
    count: int = Field(description="cubes of all pages")
    limit: int
    offset: int


class PageAsked(Paging.Input):
    """Which page."""


class ListAsked(PageAsked):
    """Which cubes."""

    container: int | None = Field(None, ge=1, le=_FAR, description="number of a container")


class SearchAsked(PageAsked):
    """A search."""

    q: str = Field("", max_length=1000, description="conditions, such as OBJECT=BLLac EXPTIME>=10")
    any: bool = Field(False, description="one of the conditions is enough")


class SlicePlace(Schema):
    """Which two dimensions, and where in the others."""

    up: str = Field("", max_length=200, description="the dimension that goes up")
    right: str = Field("", max_length=200)
    at: list[str] = Field(
        default_factory=list, max_length=40, description="of each other, name:index from 0"
    )

    def read(self) -> tuple[dict[str, int], list[str]]:
        """Return the places and the dimensions that are shown.

        Raises
        ------
        ConfigError
        """
        places = {}
        for text in self.at:
            name, _, number = text.rpartition(":")
            if not (name and number.isascii() and number.isdigit() and len(number) < 12):
                msg = f"at={text[:60]!r} is no name:index; for example at=t:3"
                raise ConfigError(msg)
            places[name] = int(number)
        return places, [name for name in (self.up, self.right) if name]


def _told(operation: _Operation) -> _Operation:
    """Let an operation answer what is wrong by its status."""

    @wraps(operation)
    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return operation(*args, **kwargs)
        except TooLong as error:
            raise HttpError(503, str(error)) from error
        except ConfigError as error:
            raise HttpError(400, str(error)) from error
        except PolarnightError as error:
            raise HttpError(409, str(error)) from error

    return cast("_Operation", answered)


def summary(row: DataCube) -> dict[str, Any]:
    """Return what lists say of a cube."""
    base = get_settings().cubes.base_url.rstrip("/")
    return {
        "id": row.pk,
        "pid": format_pid(base, row.container_id, row.pk),
        "container": row.container.name,
        "measure": row.measure,
        "unit": row.unit,
        "dtype": row.dtype,
        "level": row.level,
        "shape": list(row.shape),
        "dimensions": [dim["name"] for dim in row.dims],
        "source": shown_source(row.source),
        "created": row.created,
        "user": row.user,
    }


def _find(request: HttpRequest, pk: int) -> DataCube:
    row = cube_of(request.user, pk)
    if row is None:
        raise HttpError(404, f"there is no cube {pk}, or it is another user's")
    return row


def _page(rows: list[DataCube], count: int, asked: PageAsked) -> dict[str, Any]:
    items = [summary(row) for row in rows]
    return {"items": items, "count": count, "limit": asked.limit, "offset": asked.offset}


@router.get("", response=CubePage, auth=api_access(Action.VIEW), summary="Cubes")
def all_cubes(request: HttpRequest, asked: Query[ListAsked]) -> dict[str, Any]:
    """Return the cubes of the user and of the archive, those of one container if asked for."""
    rows = cubes_of(request.user).select_related("container").order_by("pk")
    if asked.container is not None:
        rows = rows.filter(container=asked.container)
    return _page(list(rows[asked.offset : asked.offset + asked.limit]), rows.count(), asked)


@router.get("/search", response=CubePage, auth=api_access(Action.VIEW), summary="Search cubes")
@_told
def search(request: HttpRequest, asked: Query[SearchAsked]) -> dict[str, Any]:
    """Return the cubes that meet the conditions on their cards."""
    found = find_cubes(request.user, read_search(asked.q, together=not asked.any))
    return _page(found.rows(asked.offset, asked.offset + asked.limit), len(found), asked)


@router.get("/{int:pk}", auth=api_access(Action.VIEW), summary="A cube")
def cube(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Return what is known of a cube."""
    row = _find(request, pk)
    dims = [
        {"name": d["name"], "size": d["size"], "type": d["type"], "explicit": bool(d["explicit"])}
        for d in row.dims
    ]
    return {**summary(row), "description": row.description, "dims": dims, "recipe": row.key}


@router.get("/{int:pk}/cards", auth=api_access(Action.VIEW), summary="Its metadata")
def cards(request: HttpRequest, pk: int) -> list[dict[str, Any]]:
    """Return key, type and value of every card."""
    row = _find(request, pk)
    found = CubeCatalogue(get_settings()).cards.read(row.pk)
    return [{"key": one.key, "type": one.type, "value": one.text} for one in found]


@router.get("/{int:pk}/provenance", auth=api_access(Action.VIEW), summary="Where it comes from")
@_told
def provenance(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Return what it was made of and what was made of it."""
    row = _find(request, pk)
    graph = CubeCatalogue(get_settings()).provenance(row, "all", row.container.folder.session)
    return {
        "nodes": [
            {"id": n.number, "place": n.place, "source": n.source, "exists": n.exists}
            for n in graph.nodes
        ],
        "edges": [
            {"input": e.input, "operator": e.operator, "output": e.output} for e in graph.edges
        ],
    }


@router.get("/{int:pk}/stale", auth=api_access(Action.VIEW), summary="Why it is stale")
@_told
def stale(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Return why it would be another one if it were made now; no reasons where it would not."""
    return {"reasons": why_stale(_find(request, pk))}


@router.get("/{int:pk}/slice", auth=api_access(Action.VIEW), summary="A picture of a slice")
@_told
def picture_of_slice(request: HttpRequest, pk: int, place: Query[SlicePlace]) -> HttpResponse:
    """Return a PNG of two dimensions, grey from the 0.5th to the 99.5th percentile."""
    row = _find(request, pk)
    places, shown = place.read()
    tag = f'"{_digest(row.key, places, shown)}"'
    kept = unchanged(request, tag)
    if kept is not None:
        return kept
    made = slice_of(row, places, shown)
    if made.png is None:
        raise HttpError(404, "there is no picture of it: it has no two dimensions of values")
    return tagged(made.png, "image/png", tag)


@router.get("/{int:pk}/figures", auth=api_access(Action.VIEW), summary="Statistics of a slice")
@_told
def figures(request: HttpRequest, pk: int, place: Query[SlicePlace]) -> dict[str, str]:
    """Return minimum, median, mean, deviation and maximum of what the picture shows."""
    return slice_of(_find(request, pk), *place.read()).figures


@router.get("/{int:pk}/csv", auth=api_access(Action.VIEW), summary="Values as a table")
@_told
def as_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """Return coordinates and value of every element of a small cube."""
    row = _find(request, pk)
    response = HttpResponse(csv_of(row), content_type="text/csv; charset=utf-8")
    return attached(response, f"{row.measure}-{row.pk}", "csv")


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
