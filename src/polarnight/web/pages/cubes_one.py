"""The page of a cube: what it is, a look into it, its metadata, where it comes from."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from polarnight.config import get_settings
from polarnight.db.cubes import CubeCatalogue
from polarnight.db.cubes.provenance import Node
from polarnight.db.models import CubeTask, DataCube
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.cubes.graph import draw_provenance
from polarnight.web.cubes.looking import MOST_VALUES
from polarnight.web.cubes.seeing import cube_of, plain_query, shown_source

__all__ = ["cube"]

_MOST_CARDS = 5000


@needs(Action.VIEW)
def cube(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a cube.

    Raises
    ------
    Http404
        Where there is none, or it is another user's.
    """
    row = cube_of(request.user, pk)
    if row is None:
        msg = f"There is no cube {pk}, or it is another user's."
        raise Http404(msg)
    catalogue = CubeCatalogue(get_settings())
    graph = catalogue.provenance(row, "all", row.container.folder.session)
    drawn, left_out = draw_provenance(graph, row.place, _address)
    cards = catalogue.cards.read(row.pk)
    dims = [dim for dim in row.dims if dim["size"] > 0]
    task = CubeTask.objects.filter(number=row.pk).order_by("pk").first()
    context = {
        "row": row,
        "pid": catalogue.pid(row),
        "facts": _facts(row),
        "path": catalogue.folders.path_of(row.container.folder),
        "task": task,
        "query": "" if task is None else plain_query(task.query) or task.operator,
        "cards": cards[:_MOST_CARDS],
        "n_cards": len(cards),
        "graph": drawn,
        "left_out": left_out,
        "edges": [(one, shown_source(one.source)) for one in graph.edges],
        "picture": len(dims) == len(row.dims) and len(dims) >= 2,
        "others": [{"name": dim["name"], "last": dim["size"] - 1} for dim in row.dims],
        "table": row.n_elements <= MOST_VALUES,
    }
    return render(request, "polarnight/cube.html", context)


def _address(node: Node) -> str | None:
    return reverse("cube", args=(node.number,)) if node.exists else None


def _facts(row: DataCube) -> list[tuple[str, Any]]:
    facts = [
        ("Measure", row.measure),
        ("Type", row.dtype),
        ("Unit", row.unit or "unknown"),
        ("Level", row.level),
        ("Values", f"{row.n_elements:,}".replace(",", "\u2009")),
        ("Source", shown_source(row.source)),
        ("Description", row.description),
        ("Fragments", row.nfrag),
        ("Missing value", row.missing_value),
        ("Made", f"{row.created:%Y-%m-%d %H:%M:%S}"),
        ("By", row.user),
        ("Recipe", row.key[:16]),
    ]
    return [(title, value) for title, value in facts if value not in {None, ""}]
