"""The first page: the last night of each telescope."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.links import page_url
from polarnight.web.models import Job, JobState
from polarnight.web.nights.last import last_nights

__all__ = ["home"]

_RECENT = timedelta(hours=24)
_MOST_JOBS = 10


@needs(Action.VIEW)
def home(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    recent = Q(state__in=(JobState.FAILED, JobState.LOST), finished__gte=timezone.now() - _RECENT)
    jobs = list(Job.objects.filter(Q(state__in=Job.ACTIVE) | recent)[:_MOST_JOBS])
    order = [JobState.RUNNING, JobState.QUEUED, JobState.FAILED, JobState.LOST]
    jobs.sort(key=lambda job: order.index(JobState(job.state)))
    context = {
        "nights": last_nights(),
        "jobs": [(job, page_url("job", job.pk)) for job in jobs],
        "running": any(job.active for job in jobs),
    }
    return render(request, "polarnight/home.html", context)
