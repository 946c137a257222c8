"""The workflows that run in this process, and messages to those in others."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from polarnight.errors import PolarnightError
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.workflow.shape.model import Status

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob, CubeSession
    from polarnight.ophidia.workflow.running.runner import Run

__all__ = ["Mailbox", "running", "send", "this_process"]

_LOOK_EVERY = 0.5  # seconds between two looks for messages of other processes
_RUNNING: dict[tuple[str, int], Run] = {}
_LOCK = threading.Lock()
_LETTER = "oph_letter"


def running(code: str, workflow: int) -> Run | None:
    """Return a workflow that runs in this process, None where none does."""
    with _LOCK:
        return _RUNNING.get((code, workflow))


def send(session: CubeSession, workflow: int, what: str, content: Mapping[str, Any]) -> None:
    """Tell a running workflow something, wherever it runs.

    Parameters
    ----------
    session : CubeSession
    workflow : int
    what : {"cancel", "input"}
    content : mapping
        Keywords of `Run.cancel` or `Run.provide`.

    Raises
    ------
    BadValue
        Where there is no such workflow in the session.
    OperatorFailed
        Where it has ended, or no task of it waits.
    """
    from polarnight.db.models import CubeJob

    here = running(session.code, workflow)
    if here is not None:
        _deliver(here, what, content)
        return
    job = CubeJob.objects.filter(session=session, workflow=workflow, parent=None).first()
    if job is None:
        msg = f"there is no workflow {workflow} in this session"
        raise BadValue(msg, "oph_resume lists them")
    if job.status not in {Status.RUNNING, Status.WAITING, Status.PENDING}:
        state = job.status.removeprefix("OPH_STATUS_").lower()
        msg = f"workflow {workflow} does not run any more ({state})"
        raise OperatorFailed(msg)
    if _is_gone(job):
        msg = f"the process that ran workflow {workflow} is gone"
        remedy = f"oph_resume id={workflow};execute=yes;checkpoint=last; goes on with it"
        raise OperatorFailed(msg, remedy)
    marker = -(CubeJob.objects.filter(session=session, workflow=workflow).count() + 1)
    CubeJob.objects.create(
        session=session,
        workflow=workflow,
        marker=marker,
        parent=job.marker,
        name=_LETTER,
        user=job.user,
        status=Status.PENDING,
        request=json.dumps({"what": what, "content": dict(content)}),
    )


def this_process() -> dict[str, Any]:
    """Return where a workflow runs, for those who want to know whether it still does."""
    return {"host": socket.gethostname(), "pid": os.getpid()}


def _is_gone(job: CubeJob) -> bool:
    """Return whether the process of a workflow was on this machine and has ended."""
    try:
        process = json.loads(job.response)["workflow"]["process"]
        if process["host"] != socket.gethostname() or process["pid"] == os.getpid():
            return False
        os.kill(int(process["pid"]), 0)
    except ProcessLookupError:
        return True
    except (ValueError, KeyError, TypeError, PermissionError):
        return False
    return False


def _deliver(run: Run, what: str, content: Mapping[str, Any]) -> None:
    if what == "cancel":
        run.cancel(str(content.get("kind", "kill")))
    else:
        variables = {str(k): str(v) for k, v in content.get("variables", {}).items()}
        run.provide(str(content.get("task", "")), str(content.get("action", "")), variables)


class Mailbox:
    """Makes a run known here, and brings it what other processes send; a context manager.

    Parameters
    ----------
    run : Run
    job : CubeJob
        Of the workflow.
    beat : callable
        Called about twice a second, from a thread of its own.
    """

    def __init__(self, run: Run, job: CubeJob, beat: Callable[[], None]) -> None:
        self.run = run
        self.job = job
        self.beat = beat
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, name="workflow mailbox", daemon=True)

    @property
    def _key(self) -> tuple[str, int]:
        return self.job.session.code, self.job.workflow

    def __enter__(self) -> Mailbox:
        with _LOCK:
            _RUNNING[self._key] = self.run
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()
        with _LOCK:
            _RUNNING.pop(self._key, None)

    def _look(self) -> None:
        from django.db import connections

        try:
            while not self._closed.wait(_LOOK_EVERY):
                self.collect()
                self.beat()
        finally:
            connections.close_all()

    def collect(self) -> None:
        """Take what has been sent since the last time."""
        from polarnight.db.models import CubeJob

        rows = CubeJob.objects.filter(
            session=self.job.session, workflow=self.job.workflow, name=_LETTER
        )
        for row in rows.order_by("pk"):
            letter = json.loads(row.request)
            try:
                _deliver(self.run, letter["what"], letter["content"])
            except PolarnightError as error:
                self.run.warnings.append(str(error))
            row.delete()
