"""The catalogue: a table of sources, and a page for each."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import strip_tags
from django.views.decorators.http import require_POST

from polarnight.db.coordinates import format_dec, format_ra
from polarnight.db.models import AstroSource
from polarnight.errors import ConfigError
from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.catalogue.changing import FieldError, history, write_comment
from polarnight.web.catalogue.latest import Seen, last_seen
from polarnight.web.catalogue.searching import SORTS, search_sources
from polarnight.web.catalogue.sketch import sketch
from polarnight.web.links import page_url
from polarnight.web.pages.paged import link, part_of
from polarnight.web.viewer.comments import render_comment
from polarnight.web.viewer.finding import newest_frame

__all__ = ["comment", "source", "sources"]

_KINDS = {"targets": "targets", "calibrators": "calibrators", "all": "all"}
_RECENT = 10
_SHORT = 120  # characters of a comment in the table


@needs(Action.VIEW)
def sources(request: HttpRequest) -> HttpResponse:
    """Show the table; what is searched and how it is ordered is in the query string."""
    asked = {name: request.GET.get(name, "")[:200].replace("\x00", "") for name in ("q", "near")}
    kind = request.GET.get("kind", "targets")
    sort = request.GET.get("sort", "name")
    radius = request.GET.get("radius", "") or "5"
    error, status = "", 200
    found: Any = AstroSource.objects.none()
    try:
        found = search_sources(
            asked["q"], near=asked["near"], radius=_number(radius), kind=kind, sort=sort
        )
    except ConfigError as problem:
        error, status = str(problem), 422
    count = len(found) if isinstance(found, list) else found.count()
    part = part_of(request, count, lambda first, after: found[first:after])
    seen = last_seen(part.rows)
    context = {
        **asked,
        "radius": radius[:20],
        "kind": kind if kind in _KINDS else "targets",
        "kinds": _KINDS,
        "part": part,
        "rows": [_row(one, seen[one.pk]) for one in part.rows],
        "heads": [] if asked["near"] else _heads(request, sort),
        "error": error,
    }
    return render(request, "polarnight/sources.html", context, status=status)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        msg = f"the radius {text[:20]!r} is no number"
        raise ConfigError(msg) from None


def _heads(request: HttpRequest, sort: str) -> dict[str, tuple[str, str]]:
    """Return, by column, the link that orders by it and how it is ordered now."""
    heads = {}
    for name in SORTS:
        turned = f"-{name}" if sort == name or (name == "last" and sort != "-last") else name
        now = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
        heads[name] = (link(request, sort=turned, page=None), now)
    return heads


def _row(one: AstroSource, seen: Seen) -> dict[str, Any]:
    # As text: a table is no place for headings and links of a comment.
    words = " ".join(strip_tags(str(render_comment(one.comment))).split()) if one.comment else ""
    return {
        "source": one,
        "others": ", ".join(one.all_names[1:]),
        "seen": seen,
        "plot": page_url("plot", srcname=one.name),
        "comment": words if len(words) <= _SHORT else words[:_SHORT].rstrip() + "…",
    }


@needs(Action.VIEW)
def source(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a source."""
    return _show(request, get_object_or_404(AstroSource, pk=pk))


def _show(request: HttpRequest, row: AstroSource, status: int = 200, **more: Any) -> HttpResponse:
    results = row.photopolresults.select_related("epoch").order_by("-juliandate", "-pk")
    frame = newest_frame(row)
    context = {
        "source": row,
        "others": row.all_names[1:],
        "degrees": f"{row.ra:.6f} {row.dec:+.6f}",
        "sexagesimal": f"{format_ra(row.ra)} {format_dec(row.dec)}",
        "literature": _literature(row),
        "seen": last_seen([row])[row.pk],
        "calibrators": row.calibrators.order_by("name"),
        "calibrates": row.calibrates.order_by("name"),
        "results": [_result(one) for one in results[:_RECENT]],
        "n_results": row.photopolresults.count(),
        "frame": page_url("frame", "reduced", frame.pk) if frame is not None else "",
        "sketch": sketch(row),
        "plot": page_url("plot", srcname=row.name),
        "data": page_url("data", source=row.name),
        "comment_html": render_comment(row.comment) if row.comment else "",
        "history": history(row),
        **more,
    }
    return render(request, "polarnight/source.html", context, status=status)


def _result(one: Any) -> dict[str, Any]:
    percent = [None if v is None else 100.0 * v for v in (one.p, one.p_err, one.p_limit95)]
    return {
        "row": one,
        "mjd": None if one.juliandate is None else one.juliandate - 2400000.5,
        "night": page_url("night", one.epoch.telescope, one.epoch.night.isoformat()),
        "url": page_url("result", one.pk),
        "p": percent[0],
        "p_err": percent[1],
        "limit": percent[2],
    }


def _literature(row: AstroSource) -> list[tuple[str, float, float | None, str]]:
    """Return title, value, error and unit of what the catalogue knows of a source."""
    found = []
    for name in AstroSource.LITERATURE:
        value, error = getattr(row, name), getattr(row, f"{name}_err", None)
        if name.endswith("_err") or value is None:
            continue
        if name == "p":
            found.append(("p", 100.0 * value, None if error is None else 100.0 * error, "%"))
        else:
            title, unit = ("χ", "°") if name == "chi" else (name.removeprefix("mag_"), "mag")
            found.append((title, value, error, unit))
    return found


@needs(Action.COMMENT)
@require_POST
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace the comment of a source."""
    row = get_object_or_404(AstroSource, pk=pk)
    text = request.POST.get("comment", "")
    try:
        write_comment(row, text, who=request.user, ip=client_ip(request))
    except FieldError as error:
        return _show(request, row, 422, comment_error=str(error), comment_text=text[:50_000])
    return redirect("source", pk=pk)
