"""Addresses of pages that may not be there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

__all__ = ["page_url"]


def page_url(name: str, *arguments: Any, **query: Any) -> str:
    """Return the address of a page with a query string, ``""`` where there is no such page."""
    try:
        url = reverse(name, args=arguments)
    except NoReverseMatch:
        return ""
    given = {key: value for key, value in query.items() if value not in (None, "")}
    return f"{url}?{urlencode(given)}" if given else url
