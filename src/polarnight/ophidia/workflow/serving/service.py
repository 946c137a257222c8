"""One workflow of one client: its jobs in the database, its state kept, its messages."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.errors import PolarnightError
from polarnight.ophidia.answers.response import Response, Text, storable
from polarnight.ophidia.filling import unforeseen
from polarnight.ophidia.workflow.running.job import Hooks, Job
from polarnight.ophidia.workflow.running.plan import Instance
from polarnight.ophidia.workflow.running.record import Record, snapshot
from polarnight.ophidia.workflow.running.runner import Run
from polarnight.ophidia.workflow.serving.live import Mailbox, send, this_process
from polarnight.ophidia.workflow.shape.model import Status, Workflow
from polarnight.ophidia.workflow.showing.report import progress_objects, run_objects

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob
    from polarnight.ophidia.context import Progress
    from polarnight.ophidia.server import Server
    from polarnight.ophidia.state import State

__all__ = ["Service", "place_of"]

_SHARE = 10  # the database is written at most a tenth of the time


def place_of(server: Server, job: CubeJob) -> dict[str, str]:
    """Return the names and numbers of a workflow for its answers."""
    return {
        "session": server.catalogue.sessions.name_of(job.session),
        "code": job.session.code,
        "workflow": str(job.workflow),
        "marker": str(job.marker),
    }


@dataclass
class Service:
    """One workflow of one client."""

    server: Server
    workflow: Workflow
    state: State
    progress: Progress | None
    cancelled: threading.Event | None

    def answer(self, response: Response, record: Record | None = None) -> None:
        """Run the workflow and fill the response."""
        self.session = self.server.resume(self.state)
        source = json.dumps(self.workflow.source, ensure_ascii=False)
        response.request = response.request or source
        self.job = self.server.jobs.start(
            self.session, self.workflow.name, source, user=self.server.user
        )
        response.jobid = self.server.job_name(self.job)
        response.source = {
            "Session Code": self.session.code,
            "Workflow": str(self.job.workflow),
            "Marker": str(self.job.marker),
            "JobID": response.jobid,
        }
        self.markers: dict[str, int] = {}
        self._written = self._cost = 0.0
        self._dirty = False
        self._run: Run | None = None
        mode = self.workflow.defaults.get("exec_mode") or self.state.exec_mode
        if mode == "async":
            self._later(response, record)
        else:
            self._now(response, record)

    def _later(self, response: Response, record: Record | None) -> None:
        own = replace(self, state=replace(self.state))
        for name in ("session", "job", "markers", "_written", "_cost", "_dirty", "_run"):
            setattr(own, name, getattr(self, name))

        def work(cancelled: threading.Event) -> Response:
            own.cancelled = cancelled
            answer = replace(response, objects=[], warnings=[], extra={})
            own._now(answer, record)
            return answer

        self.server.jobs.in_background(response.jobid, work)
        response.objects = [Text("jobid", "Job", response.jobid)]

    def _now(self, response: Response, record: Record | None) -> None:
        hooks = Hooks(
            workflow_id=self.job.workflow,
            context=self._context(),
            changed=self._changed,
            find_file=self._find_file,
            one_by_one=_one_by_one,
            exists=self.exists,
            leave_thread=_leave_thread,
            set_elsewhere=self._set_elsewhere,
        )
        cores = max(os.cpu_count() or 1, self.state.ncores)
        most = self.server.settings.cubes.workflow_tasks
        run = self._run = Run(self.workflow, self._submit, self.state, cores, hooks, record, most)
        begin = replace(run.state)
        try:
            with Mailbox(run, self.job, lambda: self._late(run)), _Cancelling(run, self.cancelled):
                run.execute()
        except PolarnightError:
            raise
        except Exception as error:  # noqa: BLE001 - threads have nobody to tell
            unforeseen(response, error)
            run.error, run.code, run.status = response.error, response.code, Status.ERROR
        finally:
            response.objects = run_objects(run, self._kept(run), place_of(self.server, self.job))
            response.warnings += run.warnings
            response.error, response.code = run.error, run.code if run.error else 0
            self._keep(run, response)
        # What the workflow begins with is its own; the client goes where tasks went.
        for name in ("cube", "cwd", "cdd"):
            if (now := getattr(run.state, name)) != getattr(begin, name):
                setattr(self.state, name, now)

    def _submit(self, text: str, state: State, job: Job) -> Response:
        instance = job.instance

        def tell(what: str, fraction: float) -> None:
            instance.fraction = (job.number + fraction) / max(1, len(instance.commands))
            if self.progress is not None and self._run is not None:
                self.progress(f"{instance.id}: {what}", self._run.progress())

        response = self.server.submit(
            text,
            state,
            tell,
            workflow=self.job.workflow,
            parent=self.job.marker,
            cancelled=job.cancelled,
        )
        marker = response.source.get("Marker")
        if marker and job.number == 0:
            self.markers[instance.id] = int(marker)
        return response

    def _context(self) -> dict[str, str]:
        return {
            "OPH_SESSION_CODE": self.session.code,
            "OPH_USER": self.server.user,
            "OPH_OS_USER": self.server.user,
            "OPH_SERVER_HOST": "local",
            "OPH_SERVER_PORT": "",
            # No password is ever put into a command.
            "OPH_PASSWD": "",
            "NHOST": "1",
        }

    def _find_file(self, name: str) -> Path:
        from polarnight.ophidia.files.paths import Repository

        server = self.server
        files = Repository(server.settings, server.user, at_site=server.at_site)
        return files.place(name, self.state.cdd)

    def exists(self, pid: str) -> bool:
        """Return whether a cube is still there."""
        try:
            self.server.catalogue.get(pid)
        except PolarnightError:
            return _kind(pid) != "cube"
        return True

    def _set_elsewhere(
        self, number: int, task: str, action: str, variables: dict[str, str]
    ) -> None:
        content = {"task": task, "action": action, "variables": variables}
        send(self.session, number, "input", content)

    def _kept(self, run: Run) -> dict[str, Any]:
        kept = {**snapshot(run), "process": this_process()}
        for name, one in kept["tasks"].items():
            one["marker"] = self.markers.get(name, 0)
        return kept

    def _changed(self, run: Run, instance: Instance) -> None:
        if self.progress is not None:
            done = sum(one.ended for one in run.instances)
            state = instance.status.removeprefix("OPH_STATUS_").lower()
            what = f"{done} of {len(run.instances)} tasks, {instance.id} {state}"
            self.progress(what, run.progress())
        if time.monotonic() - self._written >= _SHARE * self._cost:
            self._keep(run)
        else:
            self._dirty = True

    def _late(self, run: Run) -> None:
        """Write what came too soon after the last writing."""
        if self._dirty:
            self._keep(run)

    def _keep(self, run: Run, response: Response | None = None) -> None:
        """Write the state of the run, so that it can be resumed whatever happens."""
        begin = time.monotonic()
        self._dirty = False
        kept = self._kept(run)
        answer = response or Response(progress_objects(kept, place_of(self.server, self.job)))
        text = json.dumps({**answer.as_dict(), "workflow": kept}, ensure_ascii=False)
        if response is None:
            self.job.response = storable(text)
            self.job.save(update_fields=["response"])
        else:
            self.server.jobs.finish(self.job, run.status, text)
        self._written = time.monotonic()
        self._cost = self._written - begin


class _Cancelling:
    """Hands the wish of the client to stop on to the run; a context manager."""

    def __init__(self, run: Run, cancelled: threading.Event | None) -> None:
        self.run = run
        self.cancelled = cancelled
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        if self.cancelled is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self.cancelled is not None:
            self._thread.join()

    def _look(self) -> None:
        assert self.cancelled is not None
        while not self._over.is_set():
            if self.cancelled.wait(0.1):
                self.run.cancel("kill")
                return


def _one_by_one(operator: str) -> list[str]:
    """Return the arguments that take one cube, unless the operator spreads several itself."""
    from polarnight.ophidia.registry import get_operator

    cls = get_operator(operator)
    return [a.name for a in cls.arguments if a.type == "cube" and a.name != cls.massive]


def _kind(pid: str) -> str:
    words = pid.rstrip("/").split("/")
    return "cube" if len(words) > 1 and words[-1].isdigit() and words[-2].isdigit() else "container"


def _leave_thread() -> None:
    from django.db import connections

    connections.close_all()
