"""Errors of the API as problem details (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from polarnight.errors import ConfigError, PolarnightError

__all__ = ["PROBLEM_TYPE", "ProblemMiddleware", "add_handlers", "problem"]

PROBLEM_TYPE = "application/problem+json"
_PREFIX = "/api/"
_LOG = logging.getLogger(__name__)


def problem(status: int, detail: str = "", **more: Any) -> HttpResponse:
    """Return an answer that says what is wrong.

    Parameters
    ----------
    status : int
        Of HTTP.
    detail : str
        What is wrong with this request, and the remedy.
    **more
        Further members, JSON-able.
    """
    members = {"type": "about:blank", "title": _title(status), "status": status}
    if detail:
        members["detail"] = detail
    text = json.dumps({**members, **more}, default=str)
    response = HttpResponse(text, status=status, content_type=PROBLEM_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="polarnight"'
    return response


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def add_handlers(api: NinjaAPI) -> None:
    """Let an API answer every error with problem details."""
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(ValidationError, _wrong_input)
    api.add_exception_handler(Http404, _not_found)
    api.add_exception_handler(PermissionDenied, _denied)
    api.add_exception_handler(SuspiciousOperation, _suspicious)
    api.add_exception_handler(PolarnightError, _ours)
    api.add_exception_handler(Exception, _fault)


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    detail = error.message
    if error.status_code == HTTPStatus.UNAUTHORIZED and detail == "Unauthorized":
        detail = "log in, or send a token: 'Authorization: Bearer <token>'"
    return problem(error.status_code, detail)


def _wrong_input(request: HttpRequest, error: Any) -> HttpResponse:
    errors = [
        {"where": ".".join(map(str, entry.get("loc", ()))), "what": entry.get("msg", "")}
        for entry in error.errors
    ]
    told = "; ".join(f"{entry['where']}: {entry['what']}" for entry in errors)
    return problem(422, told, errors=errors)


def _not_found(request: HttpRequest, error: Any) -> HttpResponse:
    return problem(404, str(error) or "there is no such object")


def _denied(request: HttpRequest, error: Any) -> HttpResponse:
    return problem(403, str(error))


def _suspicious(request: HttpRequest, error: Any) -> HttpResponse:
    return problem(400, "the request cannot be understood")


def _ours(request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error, ConfigError):
        return problem(400, str(error))
    return problem(409, str(error))


def _fault(request: HttpRequest, error: Any) -> HttpResponse:
    _LOG.error("fault in %s %s", request.method, request.path, exc_info=error)
    return problem(500, "a fault of Polarnight; its traceback is in the log")


class ProblemMiddleware:
    """Turn pages of errors under ``/api/`` into problem details, whoever made them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with problem details in place of a page of an error."""
        response = self.get_response(request)
        wrong = response.status_code >= HTTPStatus.BAD_REQUEST
        if not wrong or not request.path_info.startswith(_PREFIX):
            return response
        kind = str(response.get("Content-Type", "")).partition(";")[0]
        if kind in {PROBLEM_TYPE, "application/json"}:
            return response
        better = problem(response.status_code, _plain(response))
        for header in ("Allow", "Retry-After"):
            if response.has_header(header):
                better[header] = response[header]
        return better


def _plain(response: HttpResponseBase) -> str:
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"use {response.get('Allow', 'another method')}"
    if response.status_code == HTTPStatus.NOT_FOUND:
        return "there is nothing at this address; see /api/v1/docs"
    return ""
