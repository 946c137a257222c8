"""What every template knows: the navigation, the role of the user, the version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

import polarnight
from polarnight.web.access.roles import Action, allowed, role_of

__all__ = ["NAVIGATION", "Entry", "site"]


@dataclass(frozen=True)
class Entry:
    """One entry of the navigation."""

    title: str
    name: str
    action: Action


NAVIGATION = (
    Entry("Last night", "home", Action.VIEW),
    Entry("Nights", "nights", Action.VIEW),
    Entry("Plot", "plot", Action.VIEW),
    Entry("Data", "data", Action.VIEW),
    Entry("Sources", "sources", Action.VIEW),
    Entry("Quality", "quality", Action.VIEW),
    Entry("Cubes", "cubes", Action.VIEW),
    Entry("Jobs", "jobs", Action.VIEW),
    Entry("Logs", "logs", Action.LOGS),
    Entry("Admin", "admin:index", Action.ADMIN),
)
"""Titles, names of URLs and actions; a page that does not exist (yet) is left out."""


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the variables of all templates."""
    user = getattr(request, "user", None)
    if user is None:  # an error before the session was read
        return {"site_version": polarnight.__version__, "navigation": [], "may": {}, "role": ""}
    return {
        "site_version": polarnight.__version__,
        "navigation": _navigation(request),
        "role": role_of(user).label,
        "may": {action.value: allowed(user, action) for action in Action},
    }


def _navigation(request: HttpRequest) -> list[dict[str, Any]]:
    entries = []
    for entry in NAVIGATION:
        if not allowed(request.user, entry.action):
            continue
        try:
            url = reverse(entry.name)
        except NoReverseMatch:
            continue
        here = request.path == url or (entry.name != "home" and request.path.startswith(url))
        entries.append({"title": entry.title, "url": url, "here": here})
    return entries
