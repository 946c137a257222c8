"""Commands in, responses out: the part of a server that a client in this process needs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from polarnight.cubes.running.memory import limit
from polarnight.errors import Cancelled, PolarnightError
from polarnight.ophidia import jobs as states
from polarnight.ophidia.answers.response import Response, Text
from polarnight.ophidia.context import Context, Progress, nothing
from polarnight.ophidia.engine.runners import Runners
from polarnight.ophidia.engine.workbench import Workbench
from polarnight.ophidia.errors import refused_by_machine
from polarnight.ophidia.files.showing import from_data_directory
from polarnight.ophidia.filling import closed, failed, filled, mode, placed, source, unforeseen
from polarnight.ophidia.jobs import Jobs
from polarnight.ophidia.language.grammar import Command
from polarnight.ophidia.language.tolerant import read_command
from polarnight.ophidia.memory import last_cube, remember, resume
from polarnight.ophidia.operator import Answer, Operator
from polarnight.ophidia.registry import get_operator
from polarnight.ophidia.selection.massive import expand, run_on_hits, shown_hits
from polarnight.ophidia.state import State

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.cubes.running.runner import Runner
    from polarnight.cubes.store.store import CubeStore
    from polarnight.db.cubes import CubeCatalogue
    from polarnight.db.models import CubeJob, CubeSession

__all__ = ["Server"]


class Server:
    """Takes the commands of one user.

    Parameters
    ----------
    settings : Settings
    user : str
        Whose sessions they are.
    at_site : bool
        Whether the user is elsewhere: no programs run, and of the files of this machine only
        the raw archive and the user's exports are there; see `files.paths.Repository`.
    """

    def __init__(self, settings: Settings, user: str = "", *, at_site: bool = False) -> None:
        self.settings = settings
        self.user = user or "oph-user"
        self.at_site = at_site
        self.site = settings if at_site else None
        self.jobs = Jobs()
        self._runners = Runners(settings)

    @cached_property
    def catalogue(self) -> CubeCatalogue:
        """The database of cubes."""
        from polarnight.db.cubes import CubeCatalogue

        return CubeCatalogue(self.settings)

    @cached_property
    def store(self) -> CubeStore:
        """Where computed cubes are kept."""
        from polarnight.cubes.store.store import CubeStore

        return CubeStore(self.settings.data.cubes)

    @cached_property
    def workbench(self) -> Workbench:
        """Makes lazy cubes of what the catalogue knows."""
        return Workbench(self.catalogue, self.store, self.settings.data.root)

    def runner(
        self,
        ncores: int = 1,
        nthreads: int = 1,
        progress: Callable[[int, int], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> AbstractContextManager[Runner]:
        """Give a place to compute, as a context manager; see `Runners.get`."""
        return self._runners.get(ncores, nthreads, progress, cancelled)

    def close(self) -> None:
        """End the processes that were kept for computing."""
        self._runners.close()

    # -- commands ----------------------------------------------------------------------

    def submit(
        self,
        text: str,
        state: State | None = None,
        progress: Progress | None = None,
        *,
        workflow: int | None = None,
        parent: int | None = None,
        cancelled: threading.Event | None = None,
    ) -> Response:
        """Carry out one command.

        Parameters
        ----------
        text : str
            Such as ``oph_reduce2 operation=quantile;order=0.5;dim=z;``. What is missing of
            session, folders, cube, mode and cores is taken from `state`.
        state : State, optional
            Changed by what the command does: last cube, folders, session.
        progress : callable, optional
            Called with a text and a fraction while it runs.
        workflow, parent : int, optional
            Number of the workflow and marker of the task that the command is part of.
        cancelled : threading.Event, optional
            Set it to stop the command.

        Returns
        -------
        Response
            Never raises for what is wrong with the command: ``error`` says it, ``code`` is the
            exit code of the terminal.
        """
        state = state if state is not None else State()
        start = time.perf_counter()
        response = Response(user=self.user, request=text)
        try:
            command = read_command(text)
            session = self.resume(state, command.arguments.get("sessionid", ""))
            command = filled(command, state)
            response.request = command.text
            cls = get_operator(command.operator)
            exec_mode, strict = mode(cls, command, state)
            job = self.jobs.start(
                session, cls.name, command.text, workflow=workflow, parent=parent, user=self.user
            )
            context = Context(
                self,
                placed(state, command),
                self.user,
                cls.name,
                command.text,
                job.workflow,
                job.marker,
                strict,
                progress or nothing,
                cancelled or threading.Event(),
                session,
                job,
            )
            response.jobid = self.job_name(job)
            response.source = source(job, response.jobid)
            response.warnings += command.repairs
            if exec_mode == "async":
                self._check(cls, command, context)
                self._later(cls, command, context, response, state)
            else:
                self._now(cls, command, context, response, state)
        except PolarnightError as error:
            failed(response, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours is no reason for a traceback
            unforeseen(response, error)
        closed(response, state, start, self.site)
        return response

    def submit_workflow(
        self,
        text: str,
        arguments: Sequence[str] = (),
        state: State | None = None,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> Response:
        """Carry out a workflow given as JSON; see `polarnight.ophidia.workflow`."""
        from polarnight.ophidia.workflow import submit_workflow

        return submit_workflow(self, text, arguments, state or State(), progress, cancelled)

    def resume(self, state: State, name: str = "") -> CubeSession:
        """Return the session of a state; see `polarnight.ophidia.memory.resume`."""
        try:
            return resume(self.catalogue, self.user, state, name)
        except Exception as error:
            if (plain := refused_by_machine(error)) is not None:
                raise plain from error
            raise

    def last_cube(self, session: CubeSession) -> str:
        """Return the PID of the last cube of a session, ``""`` where it is gone."""
        return last_cube(self.catalogue, session)

    def wait(self, jobid: str, timeout: float | None = None) -> Response | None:
        """Wait for an asynchronous job; None where it still runs after `timeout` seconds."""
        return self.jobs.wait(jobid, timeout)

    def cancel(self, jobid: str) -> None:
        """Stop an asynchronous job; it ends with an error that says so."""
        self.jobs.cancel(jobid)

    # -- one command -------------------------------------------------------------------

    def _now(
        self,
        cls: type[Operator],
        command: Command,
        context: Context,
        response: Response,
        state: State,
    ) -> None:
        """Carry a command out and fill the response and the state."""
        status = ""
        try:
            with limit(self._runners.memory):
                answer = self._run(cls, command, context, response)
            response.objects = answer.objects
            response.warnings += answer.warnings
            remember(self.catalogue, self.user, answer, state, context.session)
            keys = command.arguments.get("objkey_filter", "all")
            response.select(keys.split("|"))
        except Cancelled as error:
            failed(response, error)
            status = states.ABORTED
        except PolarnightError as error:
            failed(response, error)
        except Exception as error:  # noqa: BLE001 - as in submit; threads have nobody to tell
            unforeseen(response, error)
        except BaseException:
            self.jobs.finish(context.job, states.ABORTED)
            raise
        if status != states.ABORTED:
            status = states.COMPLETED if response.ok else states.ERROR
        keep = command.arguments.get("save", "yes") != "no"
        closed(response, state, context.started, self.site)
        self.jobs.finish(context.job, status, response.to_json() if keep else "")

    def _check(self, cls: type[Operator], command: Command, context: Context) -> None:
        """Refuse at once what would be refused in the background, where nobody is looking."""
        try:
            arguments, hits = expand(cls, command.arguments, context)
            if hits is None:
                cls.typed(arguments, strict=context.strict)
            elif hits.run and hits.argument == cls.massive:
                given, _ = cls.typed({**arguments, hits.argument: hits[0]}, strict=context.strict)
                cls.approve(hits, given, context)
        except PolarnightError as error:
            self.jobs.finish(context.job, states.ERROR, from_data_directory(str(error), self.site))
            raise

    def _later(
        self,
        cls: type[Operator],
        command: Command,
        context: Context,
        response: Response,
        state: State,
    ) -> None:
        """Begin a command that goes on in the background."""
        own = replace(state)

        def work(cancelled: threading.Event) -> Response:
            context.cancelled = cancelled
            answer = replace(response, objects=[], warnings=[], extra={})
            self._now(cls, command, context, answer, own)
            return answer

        self.jobs.in_background(response.jobid, work)
        response.objects = [Text("jobid", "Job", response.jobid)]

    def _run(
        self, cls: type[Operator], command: Command, context: Context, response: Response
    ) -> Answer:
        arguments, hits = expand(cls, command.arguments, context)
        if hits is None or (hits.run and len(hits) == 1 and hits.argument == cls.massive):
            if hits is not None:
                arguments[hits.argument] = hits[0]
            given, warnings = cls.typed(arguments, strict=context.strict)
            if hits is not None:
                cls.approve(hits, given, context)
            answer = cls().run(given, context)
            answer.warnings[:0] = warnings
            return answer
        if not hits.run:
            return shown_hits(hits)
        return run_on_hits(cls, arguments, hits, context, response)

    # -- state and numbers -------------------------------------------------------------

    def job_name(self, job: CubeJob) -> str:
        """Return ``<session>?<workflow>#<marker>``."""
        name = self.catalogue.sessions.name_of(job.session)
        return f"{name}?{job.workflow}#{job.marker}"
