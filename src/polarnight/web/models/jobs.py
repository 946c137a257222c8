"""Work in the background."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

__all__ = ["Job", "JobState"]


class JobState(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


class Job(models.Model):
    """One piece of work that the queue does: who asked for it, how far it is, what came of it.

    The queue itself is django-tasks; a job is what people see of a task, and survives it.
    """

    ACTIVE: ClassVar[tuple[str, ...]] = (JobState.QUEUED, JobState.RUNNING)

    kind = models.CharField(max_length=30, help_text="such as reduce or ingest")
    title = models.CharField(max_length=200, help_text="in words")
    arguments = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    state = models.CharField(
        max_length=10, choices=JobState.choices, default=JobState.QUEUED, db_index=True
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="polarnight_jobs",
    )
    who = models.CharField(max_length=150, help_text="stays when the user is gone")
    why = models.TextField(blank=True, default="")
    task_id = models.CharField(max_length=64, blank=True, default="", help_text="in the queue")
    worker = models.CharField(max_length=100, blank=True, default="", help_text="host:pid")
    pid = models.IntegerField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True, db_index=True)
    started = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    crashes = models.SmallIntegerField(default=0, help_text="workers that ended under it")
    cancel_asked = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=150, blank=True, default="")
    stage = models.CharField(max_length=200, blank=True, default="", help_text="what it does now")
    stage_since = models.DateTimeField(null=True, blank=True)
    n_done = models.IntegerField(default=0)
    n_total = models.IntegerField(null=True, blank=True)
    log = models.CharField(
        max_length=300, blank=True, default="", help_text="file, relative to the data directory"
    )
    result = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    exit_code = models.SmallIntegerField(
        null=True, blank=True, help_text="as of the command: 0 well, 1 some failed, 2 nothing done"
    )
    error = models.TextField(blank=True, default="", help_text="in one line, with the remedy")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.title} ({self.state})"

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in self.ACTIVE

    @property
    def fraction(self) -> float | None:
        """How much of its stage is done, None where that is not known."""
        if not self.n_total:
            return None
        return min(1.0, self.n_done / self.n_total)

    @property
    def remaining(self) -> float | None:
        """Seconds until the end of its stage at the pace so far, None where not known."""
        if not (self.stage_since and self.heartbeat and self.n_total and self.n_done):
            return None
        gone = (self.heartbeat - self.stage_since).total_seconds()
        return max(0.0, gone / self.n_done * (self.n_total - self.n_done))

    @property
    def nights(self) -> list[str]:
        """The nights it is about, as ``telescope/YYYY-MM-DD``."""
        return list(self.arguments.get("nights", ()))
