"""Pages that say what went wrong, and what to do."""

from __future__ import annotations

import math
from typing import Any

from django.core.exceptions import BadRequest, DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from polarnight.web.access.failures import seconds_to_wait
from polarnight.web.problems import problem

__all__ = ["bad_request", "csrf_failure", "fault", "forbidden", "locked_out", "not_found"]


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        return problem(status, text)
    context = {"title": title, "text": text, "status": status}
    return render(request, "polarnight/error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    told = str(exception) if isinstance(exception, BadRequest) else ""
    text = told or "The request cannot be understood."
    if isinstance(exception, DisallowedHost):
        text = (
            "This site does not answer to that host name; who runs it adds names under which "
            "browsers may reach it to the setting web.allowed_hosts."
        )
    return _page(request, 400, "Bad request", text)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: the user may not."""
    told = str(exception)
    return _page(request, 403, "Not allowed", f"This {told}." if told else "This is not allowed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    told = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return _page(request, 404, "Not found", told or "There is nothing at this address.")


def fault(request: HttpRequest) -> HttpResponse:
    """500: without database and session, which may be what failed."""
    if request.path_info.startswith("/api/"):
        return problem(500, "a fault of Polarnight; its traceback is in the log")
    return render(None, "polarnight/fault.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without the token of our page, or an old one."""
    text = "The form was too old, or came from another site. Load its page again and send it anew."
    return _page(request, 403, "Form refused", text)


def locked_out(request: HttpRequest, *more: Any) -> HttpResponse:
    """429: too many wrong passwords."""
    seconds = seconds_to_wait(request)
    wait = f"{math.ceil(seconds / 60)} minutes" if seconds > 60 else f"{seconds} seconds"
    text = (
        f"Too many wrong passwords for this user, or from this address. Wait {wait} and "
        "try again, or ask an administrator (`polarnight user unlock NAME`)."
    )
    response = _page(request, 429, "Log-in paused", text)
    response["Retry-After"] = str(seconds)
    return response
