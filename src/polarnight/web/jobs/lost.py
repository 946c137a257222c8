"""Jobs whose worker is gone: found by their heartbeat, and by their process on this machine."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

from django.utils import timezone

from polarnight.db.locks import free
from polarnight.web.jobs.queueing import MOST_CRASHES, put_back
from polarnight.web.models import Job, JobState

__all__ = ["SILENT_AFTER", "mark_lost", "worker_name"]

SILENT_AFTER = timedelta(seconds=60)
"""Time without a heartbeat after which a worker is dead; a busy database takes half of it."""

_GONE = (
    f"its worker ended before the job did, {MOST_CRASHES} times: it may be what ends them (out of "
    "memory?); what was finished is kept, its log and that of the worker say more"
)
_AGAIN = 10.0  # seconds


def worker_name() -> str:
    """Return the name of this process as a worker, ``host:pid``."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


def mark_lost() -> list[int]:
    """Put jobs back into the queue whose worker is gone; return their numbers.

    What is current is not made again, so that they go on where they were. A job that lost
    `MOST_CRASHES` workers is marked as lost instead. Cheap where there is none: one query.
    """
    now = timezone.now()
    running = Job.objects.filter(state=JobState.RUNNING)
    fields = ("pk", "worker", "heartbeat", "started", "crashes", "cancel_asked")
    lost = [
        job
        for job in running.only(*fields)
        if _silent(job, now - SILENT_AFTER) or _dead(job.worker)
    ]
    return [job.pk for job in lost if _lose(job)]


def _lose(job: Job) -> bool:
    """Put a job back, or end it; return whether nobody else did."""
    rows = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, worker=job.worker)
    crashes = job.crashes + 1
    if _dead(job.worker):
        free(job.pk)  # of other machines, the heartbeat of the lock tells
    why = f"its worker ended; queued again ({crashes} of {MOST_CRASHES - 1})"
    if crashes < MOST_CRASHES and put_back(rows, job.pk, why, _AGAIN, crashes=crashes):
        return True
    state = JobState.CANCELLED if job.cancel_asked else JobState.LOST
    error = "" if job.cancel_asked else _GONE
    now = timezone.now()
    return bool(
        rows.update(state=state, finished=now, error=error, stage="", pid=None, crashes=crashes)
    )


def _silent(job: Job, before: object) -> bool:
    last = job.heartbeat or job.started
    return last is not None and last < before  # type: ignore[operator]


def _dead(worker: str) -> bool:
    """Return whether a worker of this machine is no process any more."""
    host, _, pid = worker.rpartition(":")
    if host != socket.gethostname()[:80] or not pid.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
