"""Workflows as clients take them: the text of one, whether it can run, how far it is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, TypeAlias

from polarnight.errors import PolarnightError

__all__ = ["Given", "fault_of", "progress_in", "workflow_text"]

Given: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any]"
"""The JSON of a workflow, a path of it, or what was parsed from it."""


def workflow_text(workflow: Any) -> str:
    """Return the JSON of a workflow.

    Parameters
    ----------
    workflow : str, path or mapping
        Anything else is refused.

    Raises
    ------
    RuntimeError
        Where it is none of the three, or the file cannot be read.
    """
    if isinstance(workflow, Mapping):
        try:
            return json.dumps(workflow)
        except (TypeError, ValueError, RecursionError) as error:
            msg = f"the workflow holds what JSON has no word for: {error}"
            raise RuntimeError(msg) from None
    if not isinstance(workflow, str | os.PathLike):
        kind = "None" if workflow is None else type(workflow).__name__
        msg = f"a workflow is a dict, its JSON or the path of a file, not {kind}"
        raise RuntimeError(msg)
    text = os.fspath(workflow)
    if isinstance(workflow, str) and text.lstrip().startswith(("{", "/*", "//")):
        return text
    from polarnight.ophidia.workflow import read_text

    try:
        return read_text(text)
    except PolarnightError as error:
        raise RuntimeError(str(error)) from error


def fault_of(workflow: Given) -> str:
    """Return why a workflow cannot run, ``""`` where it can."""
    from polarnight.ophidia.workflow import parse_workflow
    from polarnight.ophidia.workflow.serving.requests import arguments_of

    try:
        parse_workflow(workflow_text(workflow), arguments_of=arguments_of)
    except (PolarnightError, RuntimeError) as error:
        return str(error)
    return ""


def progress_in(response: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return date and rate of the answer of ``oph_resume level=0``, None where there are none."""
    for item in response["response"]:
        content = item["objcontent"][0]
        if item["objclass"] == "grid" and content["title"] == "Workflow Progress Ratio":
            date, rate = content["rowvalues"][0][:2]
            return {"submission date": date, "progress rate": float(rate)}
    return None
