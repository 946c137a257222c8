"""Starting, cancelling and repeating jobs; who did it goes into the log of actions."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from polarnight.config import get_settings
from polarnight.db.locks import one_at_a_time
from polarnight.errors import PolarnightError
from polarnight.web.jobs import kinds
from polarnight.web.jobs.lost import mark_lost
from polarnight.web.jobs.queueing import put_into_queue
from polarnight.web.models import ActionLog, Job, JobState

__all__ = [
    "JobRefused",
    "cancel_job",
    "resume_workflow",
    "retry_failed",
    "start_again",
    "start_job",
]


class JobRefused(PolarnightError):
    """A job that cannot be started or cancelled as things stand."""


def start_job(request: Any, user: Any, ip: str = "") -> Job:
    """Put a job into the queue.

    Parameters
    ----------
    request : Reduce, Ingest, Calibrate or Workflow
    user : User
    ip : str, optional
        Of the client, for the record.

    Returns
    -------
    Job

    Raises
    ------
    ConfigError
        Where the arguments name something that is not there.
    JobRefused
        Where the same is queued or running already; the reason names the job.
    """
    arguments = request.settled(get_settings())
    mark_lost()
    with one_at_a_time():
        _refuse_twice(request.kind, arguments)
        job = Job.objects.create(
            kind=request.kind,
            title=kinds.title_of(request.kind, arguments),
            arguments=arguments,
            user=user,
            who=user.get_username(),
            why=request.why,
        )
        put_into_queue(job.pk)
        ActionLog.record(
            user, "job started", f"job {job.pk}", after={"kind": job.kind, **_short(arguments)},
            why=request.why, ip=ip,
        )  # fmt: skip
    job.refresh_from_db()
    return job


def start_again(job: Job, user: Any, ip: str = "") -> Job:
    """Put the same work into the queue as a new job.

    Raises
    ------
    JobRefused
        Where the job has not ended yet.
    """
    if job.active:
        raise JobRefused(_not_ended(job))
    return _start_like(job, {}, f"again, as job {job.pk}", user, ip)


def resume_workflow(job: Job, checkpoint: str, user: Any, ip: str = "") -> Job:
    """Go on with the workflow of a job as a new job.

    Parameters
    ----------
    job : Job
    checkpoint : str
        ``last``, ``all``, or the name of a checkpoint or task.
    user : User
    ip : str, optional

    Raises
    ------
    JobRefused
        Where it has not ended yet, never began, is no workflow, or another user's.
    """
    run = str((job.result or {}).get("workflow", ""))
    told = ""
    if job.kind != "workflow" or not run:
        told = f"job {job.pk} has no workflow that began; start it again instead"
    elif job.active:
        told = _not_ended(job)
    elif job.who != user.get_username():
        told = f"its cubes are those of {job.who}, who alone can go on with it; start it again"
    if told:
        raise JobRefused(told)
    changes = {"resume": run, "checkpoint": checkpoint}
    return _start_like(job, changes, f"goes on with job {job.pk}", user, ip)


def retry_failed(job: Job, user: Any, ip: str = "") -> Job:
    """Try again what failed in a reduction, and that alone, as a new job.

    Raises
    ------
    JobRefused
        Where it is no reduction, has not ended, or nothing failed.
    """
    if job.kind != "reduce" or job.active or not (job.result or {}).get("n_failed"):
        msg = f"job {job.pk} has no failed frames to try again"
        raise JobRefused(msg)
    changes = {"force": False, "retry_failed": True}
    return _start_like(job, changes, f"what failed in job {job.pk}", user, ip)


def cancel_job(job: Job, user: Any, why: str = "", ip: str = "") -> Job:
    """Cancel a job: at once where it waits, within two seconds where it runs.

    Raises
    ------
    JobRefused
        Where it has ended.
    """
    mark_lost()
    now, who = timezone.now(), str(user.get_username())
    rows = Job.objects.filter(pk=job.pk)
    asked = {"cancel_asked": now, "cancelled_by": who}
    done = rows.filter(state=JobState.QUEUED).update(
        **asked, state=JobState.CANCELLED, finished=now
    ) or rows.filter(state=JobState.RUNNING, cancel_asked=None).update(**asked)
    job.refresh_from_db()
    if not done and job.state != JobState.RUNNING:
        msg = f"job {job.pk} is {job.state}; there is nothing to cancel"
        raise JobRefused(msg)
    if done:
        ActionLog.record(user, "job cancelled", f"job {job.pk}", why=why, ip=ip)
    return job


def _start_like(job: Job, changes: dict[str, Any], why: str, user: Any, ip: str) -> Job:
    request = kinds.read_request(job.kind, {**job.arguments, **changes})
    request.why = why
    return start_job(request, user, ip)


def _not_ended(job: Job) -> str:
    return f"job {job.pk} is {job.state}; cancel it first, or wait for its end"


def _refuse_twice(kind: str, arguments: dict[str, Any]) -> None:
    """Refuse work that another job is about to do; other work on the same night waits."""
    same_part = {**arguments, "nights": None}
    wanted = _alone(kind, arguments)
    for job in Job.objects.filter(kind=kind, state__in=Job.ACTIVE):
        if {**job.arguments, "nights": None} != same_part:
            continue
        both = wanted & _alone(kind, job.arguments)
        if both:
            what = sorted(both)[0] if kind == "reduce" else "the same"
            msg = (
                f"job {job.pk} of {job.who} is {job.state} and does {what} already; "
                "wait for it, or cancel it first"
            )
            raise JobRefused(msg)


def _alone(kind: str, arguments: dict[str, Any]) -> set[str]:
    """Return what two jobs that do the same would do twice."""
    if kind == "workflow":
        return set()
    return set(arguments["nights"]) if kind == "reduce" else {kind}


def _short(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments without what is long."""
    return {name: value for name, value in arguments.items() if name != "text"}
