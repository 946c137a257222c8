"""Addresses of static files, below the path under which a proxy puts the site."""

from __future__ import annotations

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.urls import get_script_prefix

__all__ = ["BelowPrefix"]


class BelowPrefix(StaticFilesStorage):
    """Storage of static files whose addresses begin where the site does.

    Django adds the path to ``STATIC_URL`` by itself, but keeps what came of it at the first
    request, or before any.
    """

    def url(self, name: str | None) -> str:
        """Return the address of a file for the request at hand."""
        return get_script_prefix().rstrip("/") + super().url(name)
