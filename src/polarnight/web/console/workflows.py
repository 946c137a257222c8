"""Workflows for the console: what is wrong with one, its graph, the states of its tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from polarnight.errors import ConfigError, PolarnightError
from polarnight.ophidia.workflow.serving.requests import arguments_of, kept_workflow
from polarnight.ophidia.workflow.shape.model import Workflow
from polarnight.ophidia.workflow.shape.structure import Structure
from polarnight.ophidia.workflow.showing.picture import layout
from polarnight.ophidia.workflow.showing.tree import statuses_of, worst
from polarnight.ophidia.workflow.text.document import InvalidWorkflow
from polarnight.ophidia.workflow.text.reading import parse_workflow

__all__ = ["check_workflow", "parts_of_run", "state_of_workflow"]

_JOB = re.compile(r".*/sessions/(\w{1,60})/experiment\?(\d{1,9})#\d{1,9}", re.ASCII)
_PREFIX = "OPH_STATUS_"


def check_workflow(text: str, most: int, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Return whether a workflow can be run, all that is wrong with it, and its graph.

    Parameters
    ----------
    text : str
        JSON; comments are allowed.
    most : int
        Tasks that it may have.
    arguments : sequence of str
        For ``$1``, ``$2``, ...
    """
    try:
        workflow = parse_workflow(text, arguments, arguments_of, complete=True, most=most)
    except InvalidWorkflow as error:
        return {"ok": False, "faults": list(error.faults), "graph": None}
    except PolarnightError as error:
        return {"ok": False, "faults": [str(error)], "graph": None}
    return {"ok": True, "faults": [], "graph": _graph(workflow, {})}


def parts_of_run(jobid: str) -> tuple[str, int]:
    """Return the session and the number of a run, ``<session>?<workflow>#<marker>``.

    Raises
    ------
    ConfigError
        Where it is no name of a run.
    """
    match = _JOB.fullmatch(jobid)
    if match is None:
        msg = f"{jobid[:100]!r} is no run of a workflow; the page of its job has its name"
        raise ConfigError(msg)
    return jobid.partition("?")[0], int(match[2])


def state_of_workflow(user: str, jobid: str) -> dict[str, Any] | None:
    """Return how far a workflow of a user is, None where there is none of that name.

    Parameters
    ----------
    user : str
    jobid : str
        ``<session>?<workflow>#<marker>``.
    """
    from polarnight.db.models import CubeJob

    match = _JOB.fullmatch(jobid)
    if match is None:
        return None
    rows = CubeJob.objects.filter(session__code=match[1], session__user=user, parent=None)
    job = rows.filter(workflow=int(match[2])).order_by("marker").last()
    if job is None:
        return None
    try:
        kept = kept_workflow(job)
        workflow = parse_workflow(kept["source"], None)
    except PolarnightError:
        return None  # a single command
    tasks = kept.get("tasks", {})
    ended = sum(bool(one.get("end")) for one in tasks.values())
    return {
        "jobid": jobid,
        "name": workflow.name,
        "status": job.status.removeprefix(_PREFIX).lower(),
        "over": job.finished is not None,
        "fraction": 1.0 if job.finished is not None else ended / max(1, len(tasks)),
        "graph": _graph(workflow, statuses_of(workflow, kept)),
    }


def _graph(workflow: Workflow, statuses: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return places and states of tasks; a task is one wide, a layer one high."""
    structure = Structure(workflow.tasks)
    drawn = layout(structure)
    carrying = {
        (one.task, task.name) for task in workflow.tasks for one in task.dependencies if one.carries
    }
    nodes = [
        {
            "name": name,
            "operator": structure.tasks[name].operator,
            "x": x,
            "y": -y,
            "status": worst(statuses.get(name, [])).removeprefix(_PREFIX).lower(),
            "turns": len(statuses.get(name, [])),
        }
        for name, (x, y) in drawn.place.items()
    ]
    links = [
        {
            "from": parent,
            "to": child,
            "around": [[x, -y] for x, y in points],
            "carries": (parent, child) in carrying,
        }
        for parent, child, points in drawn.lines
    ]
    return {
        "name": workflow.name,
        "nodes": nodes,
        "links": links,
        "width": drawn.width,
        "height": drawn.height,
    }
