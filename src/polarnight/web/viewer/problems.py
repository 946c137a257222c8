"""What can be wrong with a request for a frame, each with the status of its answer."""

from __future__ import annotations

from typing import ClassVar

from polarnight.errors import BadFrame, PolarnightError

__all__ = ["BadRequest", "FileMissing", "NotFound", "Refused", "ViewerError", "status_of"]


class ViewerError(PolarnightError):
    """A request for a frame that cannot be answered; ``status`` is that of HTTP."""

    status: ClassVar[int] = 400


class BadRequest(ViewerError):
    """An argument is out of range."""


class NotFound(ViewerError):
    """There is no such row, plane or tile."""

    status = 404


class FileMissing(ViewerError):
    """The row is there and its file is not."""

    status = 404


class Refused(ViewerError):
    """The file is not one that may be given away."""

    status = 403


def status_of(error: PolarnightError) -> int:
    """Return the HTTP status that tells of an error; files that cannot be read are 422."""
    if isinstance(error, ViewerError):
        return error.status
    return 422 if isinstance(error, BadFrame) else 400
