"""Jobs in the queue: put there, and put back when they have to wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from polarnight.web.models import Job, JobState

__all__ = ["MOST_CRASHES", "put_back", "put_into_queue"]

MOST_CRASHES = 3
"""Workers that may end under a job before it is given up: it may be what ends them."""


def put_into_queue(number: int, after: float = 0.0) -> None:
    """Let a worker take a job, at once or after some seconds."""
    from django_tasks_db.models import DBTaskResult

    from polarnight.web.jobs.tasks import run_job

    # What came of its earlier turns is known to the job, and nobody else asks.
    before = DBTaskResult.objects.finished().filter(task_path=run_job.module_path)
    before.filter(args_kwargs={"args": [number], "kwargs": {}}).delete()
    when = timezone.now() + timedelta(seconds=after) if after else None
    result = run_job.using(run_after=when).enqueue(number)
    Job.objects.filter(pk=number).update(task_id=str(result.id))


def put_back(rows: Any, number: int, why: str, after: float, **values: Any) -> bool:
    """Let a running job wait in the queue, its worker free for others.

    Parameters
    ----------
    rows : queryset
        The job as long as it is ours.
    number : int
    why : str
        Shown while it waits.
    after : float
        Seconds until a worker looks at it again.
    **values
        Other columns to set.

    Returns
    -------
    bool
        False where it is not ours any more, or was cancelled meanwhile.
    """
    with transaction.atomic():
        done = rows.filter(state=JobState.RUNNING, cancel_asked=None).update(
            state=JobState.QUEUED, stage=why[:200], worker="", pid=None, started=None,
            heartbeat=None, stage_since=None, n_done=0, n_total=None, **values,
        )  # fmt: skip
        if done:
            put_into_queue(number, after)
    return bool(done)
