"""Marks by which a reader sees that results have changed."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from django.db import models

__all__ = ["ResultsStamp"]


class ResultsStamp(models.Model):
    """A random word that the database writes anew with each change; see `polarnight.db.stamps`.

    ``kind`` is what changed: ``rows`` or ``flags``. There are several rows of a kind where
    transactions wrote at the same time.
    """

    kind = models.CharField(max_length=10)
    token = models.CharField(max_length=40)

    class Meta:
        ordering = ["kind", "id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.token}"
