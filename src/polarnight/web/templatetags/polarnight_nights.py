"""Filters of the pages of nights and jobs: ``{% load polarnight_nights %}``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template

__all__ = ["took", "ut"]

register = template.Library()
_UNIX_JD = 2440587.5


@register.filter
def ut(jd: float | None) -> str:
    """Write the time of day of a Julian date (UTC): ``23:59:58``."""
    if jd is None:
        return ""
    try:
        when = datetime.fromtimestamp(round((jd - _UNIX_JD) * 86400.0), UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return f"{when:%H:%M:%S}"


@register.filter
def took(job: Any) -> str:
    """Write how long a job ran: ``12 s``, ``3 min 5 s``."""
    if job.started is None or job.finished is None:
        return ""
    seconds = round((job.finished - job.started).total_seconds())
    return (
        f"{seconds}\u00a0s" if seconds < 60 else f"{seconds // 60}\u00a0min {seconds % 60}\u00a0s"
    )
