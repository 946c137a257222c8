"""Jobs whose worker is gone: found by their heartbeat, and by their process on this machine."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from polarnight.web.models import Job, JobLock, JobState

__all__ = ["SILENT_AFTER", "mark_lost", "worker_name"]

SILENT_AFTER = timedelta(seconds=60)
"""Time without a heartbeat after which a worker is dead; a busy database takes half of it."""

_GONE = (
    "its worker ended before the job did; what was finished is kept, start it again for the rest"
)


def worker_name() -> str:
    """Return the name of this process as a worker, ``host:pid``."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


def mark_lost() -> list[int]:
    """Mark running jobs whose worker is gone; return their numbers.

    Cheap where there is none: one query.
    """
    now = timezone.now()
    running = Job.objects.filter(state=JobState.RUNNING)
    lost = [
        job.pk
        for job in running.only("pk", "worker", "heartbeat", "started")
        if _silent(job, now - SILENT_AFTER) or _dead(job.worker)
    ]
    if not lost:
        return []
    marked = []
    for pk in lost:
        rows = Job.objects.filter(pk=pk, state=JobState.RUNNING)
        if rows.update(state=JobState.LOST, finished=now, error=_GONE, stage="", pid=None):
            marked.append(pk)
    JobLock.objects.filter(job__in=marked).filter(~Q(name="")).delete()
    return marked


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
