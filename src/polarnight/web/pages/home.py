"""The first page: the last night of each telescope."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action

__all__ = ["home"]


@needs(Action.VIEW)
def home(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    return render(request, "polarnight/home.html", {})
