"""Answers of the API that are no JSON: bytes with tags, and errors of frames as problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from ninja.errors import HttpError

from polarnight.errors import AlgorithmFailed, BadFrame, ConfigError
from polarnight.web.viewer.problems import ViewerError, status_of

__all__ = ["frame_errors", "rows_with", "shown_if_there", "tagged", "unchanged"]

Row = TypeVar("Row", bound=Model)
Operation = TypeVar("Operation", bound=Callable[..., Any])


def rows_with(rows: QuerySet[Row], columns: Mapping[str, Any]) -> QuerySet[Row]:
    """Return the rows whose columns have these values; None and empty texts ask for nothing."""
    given = {name: value for name, value in columns.items() if value not in ("", None)}
    if any(isinstance(value, str) and "\x00" in value for value in given.values()):
        return rows.none()  # PostgreSQL takes no NUL, and no row holds one
    return rows.filter(**given)


def frame_errors(operation: Operation) -> Operation:
    """Let an operation answer what is wrong with a frame by the status that it has."""

    @wraps(operation)
    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return operation(*args, **kwargs)
        except (ViewerError, BadFrame, ConfigError) as error:
            raise HttpError(status_of(error), str(error)) from error

    return cast("Operation", answered)


def shown_if_there(operation: Operation) -> Operation:
    """Let an operation answer 404 where there is nothing to compute what it shows from."""

    @wraps(operation)
    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return operation(*args, **kwargs)
        except AlgorithmFailed as error:
            raise Http404(str(error)) from error

    return cast("Operation", answered)


def unchanged(request: HttpRequest, tag: str) -> HttpResponse | None:
    """Return the answer 304 where the browser has what bears this tag, else None."""
    found = get_conditional_response(request, etag=tag)
    if found is not None:
        _private(found, tag)
    return found


def tagged(content: bytes, kind: str, tag: str, seconds: int = 0) -> HttpResponse:
    """Return bytes that the browser of this user alone may keep.

    Parameters
    ----------
    content : bytes
    kind : str
        Media type.
    tag : str
        Strong ETag.
    seconds : int
        How long they may be used without asking.
    """
    response = HttpResponse(content, content_type=kind)
    _private(response, tag, seconds)
    return response


def _private(response: HttpResponse, tag: str, seconds: int = 0) -> None:
    response["ETag"] = tag
    response["Cache-Control"] = f"private, max-age={seconds}" if seconds else "private, no-cache"
    response["Vary"] = "Cookie, Authorization"
