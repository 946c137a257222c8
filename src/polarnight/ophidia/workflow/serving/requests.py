"""Workflows asked of the server: submitted, resumed, cancelled, looked at."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from polarnight.errors import PolarnightError
from polarnight.ophidia.answers.response import Response
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.filling import closed, failed, unforeseen
from polarnight.ophidia.workflow.running.record import Record, snapshot
from polarnight.ophidia.workflow.serving.live import running, send
from polarnight.ophidia.workflow.serving.service import Service, place_of
from polarnight.ophidia.workflow.shape.model import Status, Workflow
from polarnight.ophidia.workflow.showing.report import progress_objects
from polarnight.ophidia.workflow.text.reading import parse_workflow

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob, CubeSession
    from polarnight.ophidia.context import Progress
    from polarnight.ophidia.server import Server
    from polarnight.ophidia.state import State

__all__ = [
    "arguments_of",
    "cancel_workflow",
    "kept_workflow",
    "resume_workflow",
    "submit_workflow",
    "workflow_objects",
]


def arguments_of(operator: str) -> dict[str, Any] | None:
    """Return the declared arguments of an operator, None where there is none of that name."""
    from polarnight.ophidia.registry import operators

    found = operators().get(operator)
    return None if found is None else dict(found.declared())


def submit_workflow(
    server: Server,
    text: str,
    arguments: Sequence[str],
    state: State,
    progress: Progress | None = None,
    cancelled: threading.Event | None = None,
) -> Response:
    """Check a workflow, run it, and answer with the state of its tasks.

    Parameters
    ----------
    server : Server
    text : str
        JSON; comments are allowed.
    arguments : sequence of str
        For ``$1``, ``$2``, ...
    state : State
        Of the client; changed as by commands.
    progress : callable, optional
    cancelled : threading.Event, optional
        Set it to stop the workflow.

    Returns
    -------
    Response
        Never raises for what is wrong with the workflow.
    """

    def begun() -> tuple[Workflow, Record | None]:
        most = server.settings.cubes.workflow_tasks
        return parse_workflow(text, arguments, arguments_of, complete=True, most=most), None

    return _answered(server, text, state, progress, cancelled, begun)


def resume_workflow(
    server: Server,
    number: int,
    checkpoint: str,
    state: State,
    progress: Progress | None = None,
    cancelled: threading.Event | None = None,
) -> Response:
    """Run a workflow of the session again, without what is done already.

    Parameters
    ----------
    server : Server
    number : int
        The workflow.
    checkpoint : str
        ``last`` goes on where it stopped, ``all`` begins anew, the name of a checkpoint or task
        does that one and all behind it again.
    state : State
    progress : callable, optional
    cancelled : threading.Event, optional

    Returns
    -------
    Response
        As of `submit_workflow`; the run has a number of its own.
    """

    def begun() -> tuple[Workflow, Record | None]:
        session = server.resume(state)
        job = _job(session, number)
        kept = kept_workflow(job)
        if job.status == Status.RUNNING and running(session.code, number) is not None:
            msg = f"workflow {number} is still running"
            raise BadValue(msg, "oph_cancel stops it")
        most = server.settings.cubes.workflow_tasks
        workflow = parse_workflow(kept["source"], None, arguments_of, most=most)
        exists = Service(server, workflow, state, progress, cancelled).exists
        return workflow, Record.read(kept, workflow.tasks, checkpoint, exists)

    return _answered(server, "", state, progress, cancelled, begun)


def _answered(
    server: Server,
    text: str,
    state: State,
    progress: Progress | None,
    cancelled: threading.Event | None,
    begun: Callable[[], tuple[Workflow, Record | None]],
) -> Response:
    """Run what `begun` gives: a workflow, and what is done of it already."""
    start = time.perf_counter()
    response = Response(user=server.user, request=text)
    try:
        workflow, record = begun()
        Service(server, workflow, state, progress, cancelled).answer(response, record)
    except PolarnightError as error:
        failed(response, error)
    except Exception as error:  # noqa: BLE001 - as of commands: never a traceback
        unforeseen(response, error)
    closed(response, state, start, server.site)
    return response


def cancel_workflow(server: Server, number: int, kind: str, state: State) -> None:
    """Stop a workflow of the session, also one that another process runs.

    Raises
    ------
    PolarnightError
        Where there is none, or it has ended.
    """
    send(server.resume(state), number, "cancel", {"kind": kind})


def workflow_objects(server: Server, session: CubeSession, number: int) -> list[Any]:
    """Return status, progress and tasks of a workflow as objects of a response.

    Raises
    ------
    BadValue
        Where there is no such workflow.
    """
    job = _job(session, number)
    return progress_objects(kept_workflow(job), place_of(server, job))


def kept_workflow(job: CubeJob) -> dict[str, Any]:
    """Return what was kept of a run; see `record.snapshot`.

    Raises
    ------
    BadValue
        Where the job was no workflow.
    """
    here = running(job.session.code, job.workflow)
    if here is not None:
        return snapshot(here)
    try:
        kept = json.loads(job.response).get("workflow") if job.response else None
    except (ValueError, AttributeError):
        kept = None
    if not isinstance(kept, dict):
        msg = f"job {job.workflow} was a single command, no workflow"
        raise BadValue(msg, "oph_resume shows its answer")
    return kept


def _job(session: CubeSession, number: int) -> CubeJob:
    from polarnight.db.models import CubeJob

    rows = CubeJob.objects.filter(session=session, workflow=number, parent=None)
    job = rows.order_by("marker").last()
    if job is None:
        msg = f"there is no workflow {number} in this session"
        raise BadValue(msg, "oph_resume lists them")
    return job
