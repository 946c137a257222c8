"""The page of quality: seeing, zero points, sky and detectors against time, with warnings."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.db.models import NightQuality
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.nights.charts import charts_of, series_names
from polarnight.web.nights.quality import choose_quality, warnings_of
from polarnight.web.pages.nights import read_date, read_text

__all__ = ["quality"]

_MOST = 20_000  # rows of one page: more cannot be told apart in a chart
_SHOWN = 50


@needs(Action.VIEW)
def quality(request: HttpRequest) -> HttpResponse:
    """Show the page; its state is in the query string."""
    names = ("telescope", "instrument", "band", "first", "last")
    asked = {name: read_text(request, name) for name in names}
    chosen = choose_quality(
        asked["telescope"], asked["instrument"], asked["band"],
        read_date(asked["first"]), read_date(asked["last"]),
    )  # fmt: skip
    count = chosen.count()
    rows = list(chosen[max(0, count - _MOST) :])
    warned = warnings_of(rows)
    every = NightQuality.objects.order_by()
    context = {
        "charts": charts_of(rows),
        "series": series_names(rows),
        "asked": asked,
        "count": len({row.epoch_id for row in rows}),
        "warned": warned[:_SHOWN],
        "more": max(0, len(warned) - _SHOWN),
        "telescopes": sorted(set(every.values_list("epoch__telescope", flat=True))),
        "instruments": sorted(set(every.values_list("instrument", flat=True))),
        "bands": sorted(set(every.exclude(band="").values_list("band", flat=True))),
    }
    return render(request, "polarnight/quality.html", context)
