"""Jobs: what runs, what ran, and starting, cancelling and repeating them."""

# No postponed annotations: ninja looks for their names where the decorators are.

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Body, Field, Path, Query, Router, Schema, Status
from ninja.pagination import paginate

from polarnight.config import get_settings
from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action, may_read_work
from polarnight.web.api.paging import Paging
from polarnight.web.jobs.joblog import tail
from polarnight.web.jobs.kinds import JobRequest, command_of
from polarnight.web.jobs.lost import mark_lost
from polarnight.web.jobs.starting import (
    cancel_job,
    resume_workflow,
    retry_failed,
    start_again,
    start_job,
)
from polarnight.web.models import Job

__all__ = ["job_out", "result_out", "router"]

router = Router()

_VIEW, _RUN = api_access(Action.VIEW), api_access(Action.RUN)

Number = Annotated[int, Path(ge=1, lt=1 << 63, description="number of the job")]
Reason = Annotated[
    str, Query(max_length=1000, pattern=r"^[^\x00-\x1f]*$", description="a reason, for the record")
]


class JobOut(Schema):
    """A job; times are UTC."""

    id: int
    kind: str
    title: str
    state: Literal["queued", "running", "done", "failed", "cancelled", "lost"]
    active: bool
    who: str
    why: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    seconds: float | None = Field(description="that it has run")
    stage: str = Field(description="what it does now, or waits for")
    remaining: float | None = Field(description="seconds of this stage, at the pace so far")
    n_done: int
    n_total: int | None = Field(description="of this stage, null where not known")
    cancel_asked: datetime | None
    cancelled_by: str
    nights: list[str]
    arguments: dict[str, Any]
    command: str = Field(description="that does the same, '' where there is none")
    exit_code: int | None = Field(description="of the command: 0 well, 1 some failed, 2 nothing")
    result: dict[str, Any] | None = Field(description="what came of it, by kind of job")
    error: str


_OF_WORKFLOWS = frozenset({"workflow", "answer"})
"""Results that hold names of sessions, processes and tasks: for the owner and readers of logs."""


def result_out(job: Job, user: Any) -> dict[str, Any] | None:
    """Return what came of a job, as far as a user may know it."""
    if job.result is None or may_read_work(user, job.who):
        return job.result
    return {name: value for name, value in job.result.items() if name not in _OF_WORKFLOWS}


def job_out(job: Job, user: Any) -> dict[str, Any]:
    """Return a job as the API tells it to a user."""
    end = job.finished or job.heartbeat
    names = (
        "kind", "title", "state", "active", "who", "why", "created", "started", "finished",
        "stage", "remaining", "n_done", "n_total", "cancel_asked", "cancelled_by", "nights",
        "exit_code", "error",
    )  # fmt: skip
    return {
        "id": job.pk,
        **{name: getattr(job, name) for name in names},
        "result": result_out(job, user),
        "seconds": (end - job.started).total_seconds() if end and job.started else None,
        "arguments": {name: value for name, value in job.arguments.items() if name != "text"},
        "command": command_of(job.kind, job.arguments),
    }


def _find(pk: int) -> Job:
    job = Job.objects.filter(pk=pk).first()
    if job is None:
        msg = f"there is no job {pk}"
        raise Http404(msg)
    return job


class _JobPaging(Paging):
    """Pages of jobs: only those of the page are told."""

    def paginate_queryset(
        self, queryset: Any, pagination: Any, request: HttpRequest, **params: Any
    ) -> dict[str, Any]:
        page = super().paginate_queryset(queryset, pagination, request, **params)
        return {**page, "items": [job_out(job, request.user) for job in page["items"]]}


@router.get("", response=list[JobOut], auth=_VIEW, summary="Jobs, the newest first")
@paginate(_JobPaging)
def list_jobs(
    request: HttpRequest,
    state: Annotated[
        Literal["", "active", "queued", "running", "done", "failed", "cancelled", "lost"], Query()
    ] = "",
    kind: Annotated[Literal["", "reduce", "ingest", "calibrate", "workflow"], Query()] = "",
    who: Annotated[str, Query(max_length=150, pattern=r"^[^\x00]*$")] = "",
) -> Any:
    """Return jobs; `active` are those that wait or run."""
    mark_lost()
    rows = Job.objects.all()
    if state:
        rows = rows.filter(state__in=Job.ACTIVE if state == "active" else (state,))
    if kind:
        rows = rows.filter(kind=kind)
    return rows.filter(who=who) if who else rows


@router.post("", response={201: JobOut}, auth=_RUN, summary="Start a job")
def start(request: HttpRequest, body: Annotated[JobRequest, Body()]) -> Any:
    """Put work into the queue; 409 where the same is queued or running already."""
    job = start_job(body, request.user, client_ip(request))
    return Status(201, job_out(job, request.user))


@router.get("/{pk}", response=JobOut, auth=_VIEW, summary="A job")
def get_job(request: HttpRequest, pk: Number) -> Any:
    """Return a job, with its progress while it runs and its result when it is done."""
    mark_lost()
    return job_out(_find(pk), request.user)


@router.get(
    "/{pk}/log", response=list[str], auth=api_access(Action.LOGS), summary="Last lines of its log"
)
def job_log(
    request: HttpRequest,
    pk: Number,
    lines: Annotated[int, Query(ge=1, le=2000)] = 300,
    level: Literal["", "INFO", "WARNING", "ERROR"] = "",
) -> Any:
    """Return the last lines that a job logged, plain text: of this level and those above."""
    return tail(get_settings(), _find(pk).log, lines, level)


@router.post("/{pk}/cancel", response=JobOut, auth=_RUN, summary="Cancel a job")
def cancel(request: HttpRequest, pk: Number, why: Reason = "") -> Any:
    """Cancel a job that waits or runs; what it has finished stays. 409 where it has ended."""
    return job_out(cancel_job(_find(pk), request.user, why, client_ip(request)), request.user)


@router.post("/{pk}/requeue", response={201: JobOut}, auth=_RUN, summary="Do it again")
def requeue(request: HttpRequest, pk: Number) -> Any:
    """Put the same work into the queue as a new job; 409 where this one has not ended."""
    return Status(
        201, job_out(start_again(_find(pk), request.user, client_ip(request)), request.user)
    )


@router.post("/{pk}/retry", response={201: JobOut}, auth=_RUN, summary="Try again what failed")
def retry(request: HttpRequest, pk: Number) -> Any:
    """Try the failed frames of a reduction again; what is current stays. 409 without any."""
    return Status(
        201, job_out(retry_failed(_find(pk), request.user, client_ip(request)), request.user)
    )


@router.post("/{pk}/resume", response={201: JobOut}, auth=_RUN, summary="Go on with a workflow")
def resume(
    request: HttpRequest,
    pk: Number,
    checkpoint: Annotated[
        str, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
    ] = "last",
) -> Any:
    """Go on where it stopped (`last`), anew (`all`), or from a checkpoint or task; else 409."""
    job = resume_workflow(_find(pk), checkpoint, request.user, client_ip(request))
    return Status(201, job_out(job, request.user))
