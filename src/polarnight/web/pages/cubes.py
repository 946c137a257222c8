"""Cubes: folders and containers with their cubes, and the search."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.db.models import CubeContainer, CubeFolder, DataCube
from polarnight.errors import ConfigError
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.cubes.searching import EXAMPLES, find_cubes, read_search
from polarnight.web.cubes.seeing import containers_of, cubes_of, folders_of, made_by, shown_source
from polarnight.web.cubes.tree import bring_up_to_date, unfolded
from polarnight.web.pages.paged import link, part_of

__all__ = ["cubes", "search"]

# Numbers are given in the order of making, and sorted by an index.
_SORTS = {"number": "pk", "measure": "measure", "level": "level", "created": "pk"}
_TITLES = {
    "number": "cube",
    "measure": "measure",
    "level": "level",
    "shape": "shape",
    "unit": "unit",
    "source": "source",
    "operator": "made by",
    "created": "created",
}


@needs(Action.VIEW)
def cubes(request: HttpRequest) -> HttpResponse:
    """Show the tree and the cubes of a folder or container.

    Raises
    ------
    Http404
        Where there is no such folder or container, or it is another user's.
    """
    container = _one(containers_of(request.user), request.GET.get("container"), "container")
    folder = _one(folders_of(request.user), request.GET.get("folder"), "folder")
    bring_up_to_date(folder, container)
    rows = _rows(request, folder, container)
    sort = request.GET.get("sort", "number")
    name = sort.removeprefix("-")
    if name not in _SORTS:
        sort = name = "number"
    order = ("-" if sort.startswith("-") else "") + _SORTS[name]
    count = rows.count()
    ordered = rows.select_related("container").order_by(order, *([] if "pk" in order else ["pk"]))
    part = part_of(request, count, lambda first, last: ordered[first:last])
    context = {
        "tree": unfolded(request.user, folder, container),
        "folder": folder,
        "container": container,
        "part": part,
        "lines": lines_of(part.rows),
        "heads": [_head(request, key, title, sort) for key, title in _TITLES.items()],
    }
    return render(request, "polarnight/cubes.html", context)


@needs(Action.VIEW)
def search(request: HttpRequest) -> HttpResponse:
    """Show the search, and what it finds."""
    text = request.GET.get("q", "").strip()
    anyone = request.GET.get("match") == "any"
    context: dict[str, Any] = {"q": text, "any": anyone, "examples": EXAMPLES, "error": ""}
    if text:
        try:
            found = find_cubes(request.user, read_search(text, together=not anyone))
        except ConfigError as error:
            context["error"] = str(error)
        else:
            part = part_of(request, len(found), found.rows)
            context |= {"part": part, "lines": lines_of(part.rows), "titles": _TITLES.values()}
    return render(request, "polarnight/cubes_search.html", context)


def _one(rows: QuerySet[Any], text: str | None, what: str) -> Any:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 19:
        found = rows.filter(pk=int(text)).first()
        if found is not None:
            return found
    msg = f"There is no such {what}, or it is another user's."
    raise Http404(msg)


def _rows(
    request: HttpRequest, folder: CubeFolder | None, container: CubeContainer | None
) -> QuerySet[DataCube]:
    if container is not None:
        return DataCube.objects.filter(container=container)
    if folder is not None:
        return DataCube.objects.filter(container__folder=folder)
    return cubes_of(request.user)


def _head(request: HttpRequest, key: str, title: str, sort: str) -> dict[str, str]:
    """Return a column with the link that sorts by it, and how it is sorted now."""
    if key not in _SORTS:
        return {"title": title, "link": "", "sort": ""}
    down = sort == key
    state = "ascending" if down else "descending" if sort == f"-{key}" else ""
    return {
        "title": title,
        "link": link(request, sort=f"-{key}" if down else key, page=None),
        "sort": state,
    }


def lines_of(rows: list[DataCube]) -> list[dict[str, Any]]:
    """Return what tables show of cubes."""
    operators = made_by(rows)
    return [
        {
            "pk": row.pk,
            "container": row.container,
            "measure": row.measure,
            "level": row.level,
            "shape": " × ".join(f"{dim['name']} {dim['size']}" for dim in row.dims),
            "unit": row.unit,
            "source": shown_source(row.source),
            "operator": operators.get(row.pk, ""),
            "created": row.created,
        }
        for row in rows
    ]
