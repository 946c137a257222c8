"""Pages of nights: the list, and one night with all of its frames."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.db.models import Epoch, RawFit
from polarnight.db.models.masters import MASTER_MODELS
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.models import Job
from polarnight.web.nights.frames import FRAME_STATES, SORTS, Asked, choose_frames, frame_rows
from polarnight.web.nights.last import night_of
from polarnight.web.nights.listing import STATES, choose_nights, find_night, jobs_of, night_rows
from polarnight.web.nights.sparkline import sparkline
from polarnight.web.nights.timings import timings_of
from polarnight.web.pages.paged import link, part_of

__all__ = ["PARTS", "night", "nights", "read_date", "read_text"]

PARTS = (
    ("", "all of it"),
    ("masters", "masters only"),
    ("reduce", "frames only"),
    ("photometry", "photometry only"),
    ("polarimetry", "polarimetry only"),
)
_OPTIONS = ("imgtype", "band", "instrument", "state", "text", "sort")
_FRAMES = 100


@needs(Action.VIEW)
def nights(request: HttpRequest) -> HttpResponse:
    """List nights, the newest first, by telescope, date and state."""
    asked = {name: read_text(request, name) for name in ("telescope", "first", "last", "state")}
    chosen = choose_nights(
        asked["telescope"], read_date(asked["first"]), read_date(asked["last"]), asked["state"]
    )
    part = part_of(request, chosen.count(), lambda low, high: chosen[low:high])
    rows = night_rows(part.rows)
    context = {
        "part": part,
        "rows": rows,
        "asked": asked,
        "states": STATES,
        "telescopes": Epoch.objects.order_by("telescope")
        .values_list("telescope", flat=True)
        .distinct(),
        "any_asked": any(asked.values()),
        "seeing": sparkline([(row.epoch.night, row.seeing) for row in reversed(rows)]),
    }
    return render(request, "polarnight/nights.html", context)


@needs(Action.VIEW)
def night(request: HttpRequest, telescope: str, when: str) -> HttpResponse:
    """Show a night: what failed, conditions, results, masters, and every frame.

    Raises
    ------
    Http404
        Where there is no such night.
    """
    epoch = find_night(telescope, when)
    asked = {name: read_text(request, name) for name in _OPTIONS}
    if asked["sort"].removeprefix("-") not in SORTS:
        asked["sort"] = "name"
    frames = choose_frames(epoch, Asked(**asked))
    part = part_of(request, frames.count(), lambda low, high: frames[low:high], _FRAMES)
    job = jobs_of([epoch.epochname]).get(epoch.epochname)
    own = RawFit.objects.filter(epoch=epoch).order_by()
    context = {
        "night": night_of(epoch),
        "epoch": epoch,
        "report": epoch.report or {},
        "neighbours": _neighbours(epoch),
        "masters": _masters(epoch),
        "part": part,
        "rows": frame_rows(part.rows),
        "asked": asked,
        "any_asked": any(value for name, value in asked.items() if name != "sort"),
        "previews": request.GET.get("previews") == "1",
        "toggle": link(request, previews=None if request.GET.get("previews") == "1" else 1),
        "sorts": {name: _sort_link(request, asked["sort"], name) for name in SORTS},
        "types": ("LIGHT", "FLAT", "DARK", "BIAS"),
        "bands": sorted(set(own.exclude(band="").values_list("band", flat=True))),
        "instruments": sorted(set(own.values_list("instrument", flat=True)) - {""}),
        "states": FRAME_STATES,
        "parts": PARTS,
        "job": job,
        "jobs": _earlier(epoch),
        "timings": timings_of(epoch),
    }
    return render(request, "polarnight/night.html", context)


def read_text(request: HttpRequest, name: str) -> str:
    """Return a value of the query string, bounded."""
    return request.GET.get(name, "").replace("\x00", "")[:100].strip()


def read_date(text: str) -> date | None:
    """Return the date that a form gave, None where it gave none.

    Raises
    ------
    BadRequest
        Where it is no date.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        msg = f"{text!r} is no date; write it as YYYY-MM-DD"
        raise BadRequest(msg) from None


def _sort_link(request: HttpRequest, now: str, name: str) -> dict[str, str]:
    """Return where the title of a column leads to, and how it is sorted now."""
    falling = now == name
    state = {name: "ascending", f"-{name}": "descending"}.get(now, "")
    return {"url": link(request, sort=f"-{name}" if falling else name, page=None), "state": state}


def _neighbours(epoch: Epoch) -> dict[str, Epoch | None]:
    """Return the nights of the telescope before and after."""
    own = Epoch.objects.filter(telescope=epoch.telescope)
    return {
        "before": own.filter(night__lt=epoch.night).order_by("-night").first(),
        "after": own.filter(night__gt=epoch.night).order_by("night").first(),
    }


def _masters(epoch: Epoch) -> list[dict[str, Any]]:
    """Return the masters of a night with what is to be said about them."""
    found = []
    for kind, model in MASTER_MODELS.items():
        for master in model._default_manager.filter(epoch=epoch):
            found.append(
                {
                    "kind": kind.lower(),
                    "pk": master.pk,
                    "key": " ".join(part for part in master.key.split("/")[2:] if part),
                    "n_used": master.n_used,
                    "rejected": master.rejected or [],
                    "warnings": [
                        *(master.warnings or []),
                        *(master.comparison or {}).get("warnings", []),
                    ],
                    "error": master.error,
                    "flags": master.flag_labels,
                }
            )
    return found


def _earlier(epoch: Epoch) -> list[Job]:
    """Return the last jobs of a night."""
    recent = Job.objects.filter(kind="reduce").exclude(state__in=Job.ACTIVE)[:200]
    return [job for job in recent if epoch.epochname in job.nights][:5]
