"""Explore: the light curve of a source, and the table of results."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.db.models import AstroSource, PhotoPolResult
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action, allowed
from polarnight.web.tables.describing import described_columns
from polarnight.web.tables.filters import OPERATORS

__all__ = ["data", "plot"]

_BANDS = ("U", "B", "V", "R", "I")


@needs(Action.VIEW)
def plot(request: HttpRequest) -> HttpResponse:
    """Show the page of light curves; all its state is in the query string."""
    return render(request, "polarnight/plot.html", {**_common(request), "bands": _BANDS})


@needs(Action.VIEW)
def data(request: HttpRequest) -> HttpResponse:
    """Show the page of the table; all its state is in the query string."""
    return render(request, "polarnight/data.html", _common(request))


def _common(request: HttpRequest) -> dict[str, Any]:
    return {
        "sources": AstroSource.objects.targets().values_list("name", "other_names"),
        "known": {
            "flags": {flag.name: int(flag) for flag in PhotoPolResult.FLAGS},
            "flagger": allowed(request.user, Action.FLAG),
            "personal": allowed(request.user, Action.OWN),
            "operators": {name: words for name, (words, _) in OPERATORS.items()},
            "columns": described_columns(),
        },
    }
