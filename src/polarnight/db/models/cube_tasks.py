"""Commands and operations on cubes: what was asked, and what was made of what.

Numbers of cubes and containers are never given twice, so tasks keep plain numbers: they go on
naming a cube that was deleted.
"""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from django.db import models
from django.utils import timezone

from polarnight.db.models.cubes import CubeSession

__all__ = ["CubeJob", "CubeTask", "CubeTaskInput"]


class CubeJob(models.Model):
    """A command or a task of a workflow, with what was asked and answered.

    ``process`` tells the process that runs it from all others.
    """

    session = models.ForeignKey(CubeSession, on_delete=models.CASCADE, related_name="jobs")
    workflow = models.IntegerField()
    marker = models.IntegerField()
    parent = models.IntegerField(null=True, blank=True, help_text="marker of the job it is of")
    name = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=40, default="OPH_STATUS_PENDING")
    user = models.CharField(max_length=150, blank=True, default="")
    request = models.TextField(blank=True, default="")
    response = models.TextField(blank=True, default="")
    created = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    process = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "workflow", "marker"], name="one_marker")
        ]

    def __str__(self) -> str:
        return f"{self.session.code}?{self.workflow}#{self.marker}"


class CubeTask(models.Model):
    """An operation that made a cube; ``output`` is its place, also when it is deleted."""

    session = models.ForeignKey(
        CubeSession, on_delete=models.SET_NULL, null=True, blank=True, related_name="tasks"
    )
    job = models.ForeignKey(
        CubeJob, on_delete=models.SET_NULL, null=True, blank=True, related_name="tasks"
    )
    operator = models.CharField(max_length=60)
    query = models.TextField(blank=True, default="")
    number = models.BigIntegerField(db_index=True, help_text="of the cube that was made")
    output = models.CharField(max_length=60)
    source = models.TextField(blank=True, default="")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.operator} {self.output}"


class CubeTaskInput(models.Model):
    """A cube that went into a task; ``place`` names it, also when it is deleted."""

    task = models.ForeignKey(CubeTask, on_delete=models.CASCADE, related_name="inputs")
    number = models.BigIntegerField(db_index=True)
    place = models.CharField(max_length=60)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.place
