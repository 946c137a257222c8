"""Views of tables and plots that people keep."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from django.conf import settings
from django.db import models

__all__ = ["SavedView"]


class SavedView(models.Model):
    """The state of a page under a name: all of it is in the query string of its URL."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="polarnight_views"
    )
    page = models.CharField(max_length=20, help_text="such as plot or data")
    name = models.CharField(max_length=80)
    query = models.TextField(blank=True, default="", help_text="query string, without the ?")
    shared = models.BooleanField(default=False, help_text="others may see it, too")
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["page", "name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "page", "name"], name="one_view_per_name")
        ]

    def __str__(self) -> str:
        return f"{self.page}: {self.name}"
