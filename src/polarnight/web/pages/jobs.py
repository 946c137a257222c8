"""Pages of jobs: the list, and one of them."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.db.models import Epoch
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.api.jobs import job_out, result_out
from polarnight.web.jobs.lost import mark_lost
from polarnight.web.links import page_url
from polarnight.web.models import Job, JobState
from polarnight.web.nights.failures import words_of
from polarnight.web.pages.nights import PARTS
from polarnight.web.pages.paged import part_of

__all__ = ["job", "jobs"]

KINDS = {
    "reduce": "reductions",
    "ingest": "ingestion",
    "calibrate": "polarization",
    "workflow": "workflows",
}


@needs(Action.VIEW)
def jobs(request: HttpRequest) -> HttpResponse:
    """List jobs, the newest first; operators start others here."""
    mark_lost()
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    rows = Job.objects.all()
    if state == "active":
        rows = rows.filter(state__in=Job.ACTIVE)
    elif state in JobState.values:
        rows = rows.filter(state=state)
    if kind in KINDS:
        rows = rows.filter(kind=kind)
    part = part_of(request, rows.count(), lambda low, high: rows[low:high])
    context = {
        "part": part,
        "running": Job.objects.filter(state__in=Job.ACTIVE).exists(),
        "states": ["active", *JobState.values],
        "kinds": KINDS,
        "asked": {"state": state, "kind": kind},
        "parts": PARTS,
        "telescopes": Epoch.objects.order_by("telescope")
        .values_list("telescope", flat=True)
        .distinct(),
    }
    return render(request, "polarnight/jobs.html", context)


@needs(Action.VIEW)
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a job: how far it is, its log, what came of it, and the nights it was about.

    Raises
    ------
    Http404
        Where there is no such job.
    """
    mark_lost()
    row = Job.objects.filter(pk=pk).first() if pk < 1 << 63 else None
    if row is None:
        msg = f"there is no job {pk}"
        raise Http404(msg)
    context = {
        "job": row,
        "told": job_out(row, request.user),
        "nights": _nights(row),
        "result": _result(result_out(row, request.user) or {}),
        "resumable": bool(
            row.kind == "workflow"
            and not row.active
            and (row.result or {}).get("workflow")
            and row.who == request.user.get_username()
        ),
    }
    return render(request, "polarnight/job.html", context)


def _nights(row: Job) -> list[tuple[str, str]]:
    names = row.nights or (row.result or {}).get("nights", [])
    return [(name, page_url("night", *str(name).split("/", 1))) for name in names[:100]]


def _place(what: str) -> str | None:
    """Return where the night tells of a file, None for what is no file of a night."""
    parts = what.split("/")
    if len(parts) != 3:
        return None
    telescope, when, filename = parts
    address = page_url("night", telescope, when, text=filename)
    return address and f"{address}#frames"


def _result(result: dict[str, Any]) -> dict[str, Any]:
    """Return what came of a job for its table: parts, failures, other facts."""
    facts = {
        name: result[name]
        for name in ("new", "verdict", "file", "workflow")
        if result.get(name) not in (None, "")
    }
    return {
        "parts": result.get("parts", {}),
        "placed": result.get("placed", {}),
        "failed": [
            (what, *words_of("reduce", why), _place(what)) for what, why in result.get("failed", [])
        ],
        "n_failed": result.get("n_failed", 0),
        "warned": result.get("warned", []),
        "facts": facts,
    }
