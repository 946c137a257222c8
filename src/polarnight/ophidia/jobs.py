"""Jobs: the numbers of commands, their states, and those that run in the background."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polarnight.db.processes import is_gone, this_process
from polarnight.ophidia.answers.response import Response, Text, storable
from polarnight.ophidia.errors import BadValue

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob, CubeSession

__all__ = ["ABORTED", "COMPLETED", "ERROR", "RUNNING", "Background", "Jobs"]

PENDING = "OPH_STATUS_PENDING"
RUNNING = "OPH_STATUS_RUNNING"
COMPLETED = "OPH_STATUS_COMPLETED"
ERROR = "OPH_STATUS_ERROR"
ABORTED = "OPH_STATUS_ABORTED"
WAITING = "OPH_STATUS_WAITING"

LOST = "lost: the process that ran it was killed; run the command again"

_LONGEST_REQUEST = 100_000
_LONGEST_PROCESS = 200
_LONGEST_RESPONSE = 4_000_000
_KEPT = 100  # answers of jobs that are over, for those who ask late; the database has them all


@dataclass
class Background:
    """A job that runs while the client goes on.

    Attributes
    ----------
    thread : threading.Thread
    cancelled : threading.Event
    response : Response, optional
        When it is done.
    """

    cancelled: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    response: Response | None = None


class Jobs:
    """The history of a user's commands, and what runs now.

    A job is ``<session>?<workflow>#<marker>``; both numbers count up within a session.
    """

    def __init__(self) -> None:
        self._running: dict[str, Background] = {}
        self._lock = threading.Lock()

    def start(
        self,
        session: CubeSession,
        name: str,
        request: str,
        *,
        workflow: int | None = None,
        parent: int | None = None,
        user: str = "",
    ) -> CubeJob:
        """Give a command its numbers: a workflow of its own, or a marker inside one."""
        from django.db import transaction
        from django.db.models import F
        from django.utils import timezone

        from polarnight.db.models import CubeJob, CubeSession

        with transaction.atomic():
            rows = CubeSession.objects.filter(pk=session.pk)
            new = {} if workflow is not None else {"last_workflow": F("last_workflow") + 1}
            rows.update(last_marker=F("last_marker") + 1, **new)
            last, marker = rows.values_list("last_workflow", "last_marker").get()
            return CubeJob.objects.create(
                session=session,
                workflow=last if workflow is None else workflow,
                marker=marker,
                parent=parent,
                name=storable(name[:200])[:200],
                status=RUNNING,
                user=user,
                request=storable(request[:_LONGEST_REQUEST]),
                started=timezone.now(),
                process=this_process()[:_LONGEST_PROCESS],
            )

    def close_lost(self, session: CubeSession) -> int:
        """Close the jobs of a session whose processes were killed; return how many.

        What a workflow had written down stays.
        """
        from django.utils import timezone

        from polarnight.db.models import CubeJob

        rows = CubeJob.objects.filter(session=session, status__in=(PENDING, RUNNING, WAITING))
        closed = 0
        gone: dict[str, bool] = {}
        for job in rows.exclude(process="").only("pk", "process", "response"):
            if not gone.setdefault(job.process, is_gone(job.process)):
                continue
            ended = {"status": ERROR, "finished": timezone.now()}
            if not job.response:
                ended["response"] = LOST
            # It may have ended in the meantime, all by itself.
            closed += rows.filter(pk=job.pk).update(**ended)
        return closed

    def finish(self, job: CubeJob, status: str, response: str = "") -> None:
        """Keep how a job ended and what it answered."""
        from django.utils import timezone

        if len(response) > _LONGEST_RESPONSE:
            note = f"the answer of {len(response)} characters was not kept"
            response = json.dumps({"response": [Text("resume", "Answer", note).as_json()]})
        job.status, job.response, job.finished = status, storable(response), timezone.now()
        job.save(update_fields=["status", "response", "finished"])

    def in_background(self, name: str, work: Callable[[threading.Event], Response]) -> Background:
        """Run `work` in a thread with a connection to the database of its own."""
        from django.db import connections

        from polarnight.ophidia.filling import unforeseen

        running = Background()

        def run() -> None:
            try:
                running.response = work(running.cancelled)
            except Exception as error:  # noqa: BLE001 - such as a database that is full by now
                running.response = Response(jobid=name)
                unforeseen(running.response, error)
            finally:
                connections.close_all()

        running.thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            over = [key for key, job in self._running.items() if job.response is not None]
            for key in over[: max(0, len(over) - _KEPT)]:
                del self._running[key]
            self._running[name] = running
        running.thread.start()
        return running

    def wait(self, name: str, timeout: float | None = None) -> Response | None:
        """Wait for a job of the background; None where it is still running or not there."""
        running = self._running.get(name)
        if running is None or running.thread is None:
            return None
        running.thread.join(timeout)
        return running.response

    def cancel(self, name: str) -> None:
        """Ask a job of the background to stop.

        Raises
        ------
        BadValue
            Where none of that name runs in this process.
        """
        running = self._running.get(name)
        if running is None or running.response is not None:
            msg = f"no job {name!r} is running in this process"
            raise BadValue(msg, "oph_loggingbk job_level=1 lists the jobs of the session")
        running.cancelled.set()

    def running(self) -> list[str]:
        """Return the names of the jobs that run in the background."""
        return [name for name, job in self._running.items() if job.response is None]
