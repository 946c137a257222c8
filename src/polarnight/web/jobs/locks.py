"""What a running job works on alone: no night is worked on by two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction

from polarnight.web.models import Job, JobLock

__all__ = ["claim", "one_at_a_time", "release"]


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let nobody else look at locks and jobs for a moment (a short transaction)."""
    with transaction.atomic():
        # The row is there to be locked; SQLite locks everything, and at once.
        JobLock.objects.get_or_create(name="", defaults={"job": None})
        JobLock.objects.select_for_update().get(name="")
        yield


def claim(job: Job, names: Sequence[str]) -> Job | None:
    """Take all names for a job, or none of them.

    Returns
    -------
    Job or None
        The job that has one of them; None where all are ours now.
    """
    with one_at_a_time():
        taken = JobLock.objects.filter(name__in=names).exclude(job=job).select_related("job")
        first = taken.first()
        if first is not None:
            return first.job
        own = set(JobLock.objects.filter(job=job).values_list("name", flat=True))
        JobLock.objects.bulk_create(
            JobLock(name=name, job=job) for name in dict.fromkeys(names) if name not in own
        )
    return None


def release(job: Job) -> None:
    """Give back all that a job has."""
    JobLock.objects.filter(job=job).delete()
