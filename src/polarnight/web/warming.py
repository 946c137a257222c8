"""What the first visitor would wait for, done before there is one."""

from __future__ import annotations

from importlib import import_module

__all__ = ["warm"]

_SLOW = (
    "astropy.io.fits",
    "astropy.visualization",
    "astropy.wcs",
    "polarnight.web.plots.document",
    "polarnight.web.viewer.tiles",
)
"""Modules that views import when they need them; none of them starts threads."""

_TEMPLATES = ("home", "plot", "data", "frame", "login")


def warm() -> None:
    """Load views, what they import later, the empty plot and templates.

    Nothing here asks the database, so that a process may fork afterwards.
    """
    from django.template.loader import get_template
    from django.urls import get_resolver

    get_resolver().url_patterns  # noqa: B018  (imports all views)
    for name in _SLOW:
        import_module(name)
    document = import_module("polarnight.web.plots.document").document
    for theme in ("light", "dark"):
        document(theme)
    for name in _TEMPLATES:
        get_template(f"polarnight/{name}.html")
