"""Limits of the console: how long a command may take, and how long its answer may be."""

from __future__ import annotations

import json

from polarnight.config import get_settings
from polarnight.ophidia.answers.response import Response

__all__ = ["bounded", "overdue", "seconds_allowed"]

_MILLION = 1e6
_JOBS = "long work is for a job: put it into a workflow, and start that in the background"


def seconds_allowed() -> float:
    """Return how long a command may take."""
    return get_settings().web.console_minutes * 60.0


def overdue(response: Response) -> None:
    """Say in the answer of a command that was stopped for its time what happened."""
    minutes = get_settings().web.console_minutes
    told = f" ({response.error})" if response.error else ""
    response.error = (
        f"stopped after {minutes:g} minutes, the limit of the console{told}; {_JOBS} (Workflows), "
        "or raise web.console_minutes"
    )
    response.code = response.code or 1


def bounded(response: Response) -> Response:
    """Leave out what an answer has beyond the limit, and say so; what was done is done."""
    most = get_settings().web.console_bytes
    size = len(json.dumps(response.as_dict()))
    if size <= most:
        return response
    response.objects = []
    response.warnings = [
        *response.warnings[:10],
        f"the answer is left out: it has {size / _MILLION:.1f} MB, and {most / _MILLION:.1f} MB "
        "may be sent (web.console_bytes); ask for less of it (limit_filter=, subset_filter=), "
        "or export the cube (oph_exportnc)",
    ]
    return response
