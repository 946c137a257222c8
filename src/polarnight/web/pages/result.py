"""The page of one result, and that of one aperture."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from polarnight.db.models import AperPhotResult, PhotoPolResult
from polarnight.frames import describe_bits
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.links import page_url
from polarnight.web.results.showing import (
    cycle_or_reason,
    frames_of,
    methods_of,
    values_of,
    zero_point_or_reason,
)

__all__ = ["aperture", "result"]

_MOST_APERTURES = 64


@needs(Action.VIEW)
def result(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a result: values, flags and their history, diagnostics, frames, apertures."""
    row = get_object_or_404(PhotoPolResult.objects.select_related("epoch", "astrosource"), pk=pk)
    frames = frames_of(row)
    apertures = row.aperphotresults.select_related("reducedfit__epoch").order_by(
        "reducedfit__juliandate", "pairs"
    )
    context = {
        "row": row,
        "groups": values_of(row),
        "frames": frames,
        "apertures": apertures[:_MOST_APERTURES],
        "night": page_url("night", row.epoch.telescope, row.epoch.night.isoformat()),
        "plot": _plot(row),
        "all_methods": request.GET.get("methods") != "own",
        **_diagnostics(row),
    }
    return render(request, "polarnight/result.html", context)


def _plot(row: PhotoPolResult) -> str:
    """Return the address of the light curve with this point chosen."""
    return page_url("plot", srcname=row.astrosource.name, points=row.pk)


def _diagnostics(row: PhotoPolResult) -> dict[str, Any]:
    zero_point, no_zero_point = zero_point_or_reason(row)
    told: dict[str, Any] = {"zero_point": zero_point, "no_zero_point": no_zero_point}
    if row.reduction == "relpol":
        cycle, no_cycle = cycle_or_reason(row)
        told |= {
            "polarimetry": True,
            "cycle": cycle,
            "no_cycle": no_cycle,
            "methods": methods_of(cycle) if cycle is not None else [],
        }
    return told


@needs(Action.VIEW)
def aperture(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an aperture with its diagnostic."""
    rows = AperPhotResult.objects.select_related("astrosource", "reducedfit__epoch")
    row = get_object_or_404(rows, pk=pk)
    context = {
        "row": row,
        "bits": describe_bits(row.bits),
        "results": row.photopolresults.select_related("epoch").order_by("juliandate", "pk"),
    }
    return render(request, "polarnight/aperture.html", context)
