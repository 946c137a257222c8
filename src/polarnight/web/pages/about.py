"""What runs here: versions, plug-ins and, for those who are logged in, the configuration."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings as django_settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

import polarnight
from polarnight.config import get_settings
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action, allowed

__all__ = ["about"]

_PACKAGES = ("Django", "django-ninja", "numpy", "scipy", "astropy", "sep", "dask", "bokeh")


@needs(Action.PUBLIC)
def about(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    context: dict[str, Any] = {"package_version": polarnight.__version__}
    if allowed(request.user, Action.VIEW):
        context |= {
            "packages": [(name, _version(name)) for name in _PACKAGES],
            "python": platform.python_version(),
            "database": _database(),
            "debug": django_settings.DEBUG,
        }
    if allowed(request.user, Action.LOGS):
        context["configuration"] = get_settings().describe()
    return render(request, "polarnight/about.html", context)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _database() -> str:
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    with connection.cursor() as cursor:
        query = (
            "SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version"
        )
        cursor.execute(query)
        row = cursor.fetchone()
    return f"{names.get(connection.vendor, connection.vendor)} {row[0] if row else ''}".strip()
