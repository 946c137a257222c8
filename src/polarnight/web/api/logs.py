"""Logs of the site and of runs, by name from a list."""

# No postponed annotations: ninja looks for their names where the decorators are.

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema

from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.logs.files import find_log, list_logs
from polarnight.web.logs.reading import read_after, read_before

__all__ = ["router"]

router = Router()

_LOGS = api_access(Action.LOGS)
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Byte = Annotated[int | None, Query(ge=0, lt=1 << 62)]


class Log(Schema):
    """A log file."""

    name: str
    size: int = Field(description="bytes")
    modified: datetime


class LogLine(Schema):
    """A line: the byte where it begins, level, text."""

    at: int
    level: str
    text: str


class LogLines(Schema):
    """Lines of a log, and the bytes that were looked through for them."""

    lines: list[LogLine]
    begin: int = Field(description="ask with before= this for older lines; 0 at the beginning")
    end: int = Field(description="ask with after= this for newer lines")
    size: int


@router.get("", response=list[Log], auth=_LOGS, summary="Logs")
def list_all(request: HttpRequest) -> Any:
    """Return the logs, that of the site first."""
    return list_logs()


@router.get("/lines", response=LogLines, auth=_LOGS, summary="Lines of a log")
def lines(
    request: HttpRequest,
    name: Annotated[str, Query(max_length=300)],
    before: Byte = None,
    after: Byte = None,
    level: Annotated[list[Level], Query(max_length=5)] = [],  # noqa: B006  (ninja copies it)
    text: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> Any:
    """Return lines from the end, or before or after a byte, by level and text."""
    file = find_log(name)
    if file is None:
        msg = "there is no such log"
        raise Http404(msg)
    try:
        if after is not None:
            return read_after(file.path, after, most=limit, levels=level, text=text)
        return read_before(file.path, before, most=limit, levels=level, text=text)
    except OSError as error:
        msg = "the log is gone or cannot be read"
        raise Http404(msg) from error
