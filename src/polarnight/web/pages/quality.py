"""The page of quality: seeing, zero points, sky and detectors against time, with warnings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.db.models import NightQuality
from polarnight.db.models.masters import MASTER_MODELS
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.pages.links import page_url
from polarnight.web.pages.nights import read_date, read_text
from polarnight.web.pages.quality_charts import charts_of, series_names

__all__ = ["Warned", "choose_quality", "quality", "warnings_of"]

_MOST = 20_000  # rows of one page: more cannot be told apart in a chart
_POOR = 0.7
_SHOWN = 50


@dataclass(frozen=True)
class Warned:
    """Something that an engineer should look at."""

    night: date
    telescope: str
    what: str
    text: str
    url: str


def choose_quality(
    telescope: str = "",
    instrument: str = "",
    band: str = "",
    first: date | None = None,
    last: date | None = None,
) -> Any:
    """Return figures of nights in order of time; those of detectors stay with every band."""
    wanted = {
        "epoch__telescope": telescope,
        "instrument": instrument,
        "epoch__night__gte": first,
        "epoch__night__lte": last,
    }
    given = {name: value for name, value in wanted.items() if value not in ("", None)}
    if any("\x00" in value for value in (*given.values(), band) if isinstance(value, str)):
        return NightQuality.objects.none()
    rows = NightQuality.objects.filter(**given).select_related("epoch")
    if band:
        rows = rows.filter(band__in=("", band))
    return rows.order_by("epoch__night", "epoch__telescope", "instrument", "band", "obsmode")


def warnings_of(rows: Any) -> list[Warned]:
    """Return what is out of the ordinary, the newest first.

    Parameters
    ----------
    rows : iterable of NightQuality
        Loaded.
    """
    epochs = {row.epoch_id: row.epoch for row in rows}
    cameras = {row.instrument for row in rows}
    found = []
    for row in rows:
        if row.throughput is not None and row.throughput < _POOR:
            text = f"throughput {100 * row.throughput:.0f} % of the usual"
            found.append(_warned(row.epoch, f"{row.instrument} {row.band}", text))
    for kind, model in MASTER_MODELS.items():
        masters = model._default_manager.filter(epoch__in=list(epochs), instrument__in=cameras)
        for master in masters:
            told = [*(master.warnings or []), *(master.comparison or {}).get("warnings", [])]
            turned = getattr(master, "rotangle", None)
            angle = "" if turned is None else f"{turned:g}°"
            words = (master.instrument, kind.lower(), getattr(master, "band", ""), angle)
            what = " ".join(filter(None, words))
            url = page_url("frame", kind.lower(), master.pk)
            found += [_warned(epochs[master.epoch_id], what, text, url) for text in told]
    return sorted(set(found), key=lambda one: (one.night, one.what), reverse=True)


def _warned(epoch: Any, what: str, text: str, url: str = "") -> Warned:
    night = page_url("night", epoch.telescope, epoch.night.isoformat())
    return Warned(epoch.night, epoch.telescope, what, str(text), url or night)


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
