"""Who works on what alone."""

from __future__ import annotations

from django.db import models

__all__ = ["WorkLock"]


class WorkLock(models.Model):
    """A night, or another part of the archive, that one process alone may write.

    The row without a name is there to be locked while others are looked at; see
    `polarnight.db.locks`.
    """

    name = models.CharField(max_length=120, unique=True, help_text="such as a night")
    token = models.CharField(max_length=32, blank=True, default="", help_text="of the holder")
    holder = models.CharField(max_length=250, blank=True, default="", help_text="in words")
    process = models.CharField(max_length=200, blank=True, default="")
    job = models.BigIntegerField(null=True, blank=True, help_text="of the site, its number")
    since = models.DateTimeField(auto_now_add=True)
    heartbeat = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
