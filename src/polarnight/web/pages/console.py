"""The console: commands of cubes typed in a browser, and workflows."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action, allowed
from polarnight.web.cubes.seeing import sessions_of

__all__ = ["console", "workflows"]


@needs(Action.OWN)
def console(request: HttpRequest) -> HttpResponse:
    """Show the console; viewers may run what only reads."""
    context = {
        "sessions": sessions_of(request.user)[:50],
        "writes": allowed(request.user, Action.CONSOLE),
    }
    return render(request, "polarnight/console.html", context)


@needs(Action.CONSOLE)
def workflows(request: HttpRequest) -> HttpResponse:
    """Show the page of workflows."""
    return render(request, "polarnight/workflows.html", {})
