"""The task of the queue: it runs one job, whatever its kind."""

from __future__ import annotations

from django_tasks import task

__all__ = ["run_job"]


@task()
def run_job(number: int) -> str:
    """Run a job, and return the state that it ended in."""
    from polarnight.web.jobs.running import Run

    return Run(number).to_the_end()
