"""The page of logs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.logs.files import list_logs
from polarnight.web.logs.reading import LEVELS

__all__ = ["logs"]


@needs(Action.LOGS)
def logs(request: HttpRequest) -> HttpResponse:
    """Show the page; which log, levels and text are in the query string."""
    files = list_logs()
    asked = request.GET.get("log_file", "")
    # IOP4 gives the name of a file, with or without directories before it.
    names = {file.name for file in files}
    chosen = asked if asked in names else asked.rpartition("/")[2]
    missing = bool(asked) and chosen not in names
    context = {
        "files": files,
        "chosen": "" if missing else chosen,
        "missing": missing,
        "levels": LEVELS,
        "level": set(request.GET.getlist("level")),
        "text": request.GET.get("text", "")[:200],
    }
    return render(request, "polarnight/logs.html", context, status=404 if missing else 200)
