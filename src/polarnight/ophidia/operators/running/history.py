"""oph_resume: what was done in a session, and doing it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from polarnight.ophidia.answers.response import Grid, Item, Text, items_of
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob, CubeSession

__all__ = ["Resume"]

_COLUMNS = (
    *("WORKFLOW ID", "MARKER ID", "PARENT MARKER ID", "COMMAND", "STATUS"),
    *("BEGIN TIME", "END TIME"),
)
_STATES = (
    *("PENDING", "WAITING", "RUNNING", "UNSELECTED", "COMPLETED"),
    *("ERROR", "SKIPPED", "ABORTED"),
)
_LETTER = "oph_letter"


@operator
class Resume(Operator):
    """The history of commands."""

    name = "oph_resume"
    reading = {"execute": ("no",)}
    title = "Show what was done in a session, its answers, and do it again."
    text = (
        "Without id the commands of the session; with id the answer of one, or its request. "
        "execute=yes does it again; a workflow goes on from checkpoint: last where it stopped, all "
        "from the beginning, or the name of a checkpoint or task."
    )
    arguments = (
        Argument("session", default="this", help="Code or name of the session."),
        Argument("id", "int", 0, minimum=0, help="Number of a workflow or marker; 0 lists all."),
        Argument("id_type", "enum", "workflow", choices=("workflow", "marker"),
                 help="What id is the number of."),
        Argument("document_type", "enum", "response", choices=("response", "request"),
                 help="What is shown of it."),
        Argument("level", "int", 1, minimum=0, maximum=5,
                 help="0 progress, 1 commands, 2 their tasks too, from 3 on with their answers."),
        Argument("user", default="", help="Kept for old commands."),
        Argument("status_filter", default="11111111",
                 help="Eight digits, 1 shows: pending, waiting, running, unselected, completed, "
                 "error, skipped, aborted."),
        yes_no("execute", False, "Do it again."),
        Argument("checkpoint", default="all", help="Where a workflow goes on."),
    )  # fmt: skip
    objects = ("resume",)
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Show it, or do it again."""
        session = context.session
        if given["session"] not in {"this", "-", ""}:
            session = context.catalogue.sessions.get(given["session"], context.user)
        context.server.jobs.close_lost(session)
        number = given["id"]
        if not number:
            if given["execute"] == "yes":
                msg = f"{self.name}: execute=yes does not say what"
                raise BadValue(msg, "add id=<workflow>; oph_resume lists them")
            return Answer([self._list(session, given, context)])
        job = self._job(session, number, given)
        if given["execute"] == "yes":
            return self._again(job, given, context)
        if given["level"] == 0:
            return Answer(self._progress(job))
        if given["document_type"] == "request":
            return Answer([Text("resume", "Request", job.request)])
        objects = self._answer(job)
        if given["level"] >= 2:
            rows = [_cells(one) for one in self._jobs(session, given) if one.workflow == number]
            objects.append(Grid("resume_tasks", "Task List", _COLUMNS, rows))
        return Answer(objects)

    def _jobs(self, session: CubeSession, given: Given) -> Sequence[CubeJob]:
        flags = given["status_filter"]
        if len(flags) != len(_STATES) or set(flags) - {"0", "1"}:
            msg = f"{self.name}: status_filter={flags[:20]} is not eight digits 0 or 1"
            raise BadValue(msg, "11111111 shows all")
        wanted = tuple(name for name, flag in zip(_STATES, flags, strict=True) if flag == "1")
        rows = session.jobs.exclude(name=_LETTER).order_by("pk")
        if given["level"] < 2:
            rows = rows.filter(parent=None)
        prefix = "OPH_STATUS_"
        return [row for row in rows if row.status.removeprefix(prefix).split("_")[-1] in wanted]

    def _list(self, session: CubeSession, given: Given, context: Context) -> Item:
        jobs = [job for job in self._jobs(session, given) if job.pk != context.job.pk]
        name = context.catalogue.sessions.name_of(session)
        if given["level"] < 3:
            return Grid("resume", f"Commands of {name}", _COLUMNS, [_cells(job) for job in jobs])
        rows = [(*_cells(job), job.response) for job in jobs]
        return Grid("resume", f"Commands of {name}", (*_COLUMNS, "RESPONSE"), rows)

    def _job(self, session: CubeSession, number: int, given: Given) -> CubeJob:
        rows = session.jobs.exclude(name=_LETTER)
        if given["id_type"] == "marker":
            job = rows.filter(marker=number).first()
        else:
            job = rows.filter(workflow=number, parent=None).order_by("marker").last()
        if job is None:
            msg = f"{self.name}: there is no {given['id_type']} {number} in this session"
            raise BadValue(msg, "oph_resume lists the commands")
        return job

    def _progress(self, job: CubeJob) -> list[Item]:
        tasks = self._kept(job).get("tasks", {})
        done = sum(bool(one.get("end")) for one in tasks.values())
        over = job.finished is not None
        rate = 1.0 if over else (done / len(tasks) if tasks else 0.0)
        state = Text("resume_status", "Workflow Status", job.status)
        cells = (f"{job.created:%Y-%m-%d %H:%M:%S}", f"{rate:.4f}")
        columns = ("SUBMISSION DATE", "PROGRESS RATIO")
        return [state, Grid("resume_progress", "Workflow Progress Ratio", columns, [cells])]

    def _kept(self, job: CubeJob) -> dict[str, Any]:
        from polarnight.ophidia.workflow.serving.requests import kept_workflow

        try:
            return kept_workflow(job)
        except BadValue:
            return {}

    def _answer(self, job: CubeJob) -> list[Item]:
        try:
            kept = json.loads(job.response) if job.response else {}
        except ValueError:
            # Tasks of massive operations keep the text of their error.
            return [Text("resume", job.status, job.response)]
        if not kept:
            return [Text("resume", job.status, "the job has no answer (yet)")]
        try:
            return items_of(kept)
        except (AttributeError, TypeError, KeyError, ValueError):
            # Whatever wrote it, it is no response; it is shown as it is.
            return [Text("resume", job.status, job.response)]

    def _again(self, job: CubeJob, given: Given, context: Context) -> Answer:
        """Do a command again, or let a workflow go on."""
        from polarnight.ophidia.workflow.serving.requests import resume_workflow

        state = replace(context.state, exec_mode="sync")
        if self._kept(job):
            response = resume_workflow(
                context.server,
                job.workflow,
                given["checkpoint"],
                state,
                context.progress,
                context.cancelled,
            )
        else:
            response = context.server.submit(
                job.request, state, context.progress, cancelled=context.cancelled
            )
        if not response.ok:
            msg = f"{self.name}: {response.error}"
            raise OperatorFailed(msg)
        return Answer(
            response.objects,
            cube=state.cube or None,
            cwd=state.cwd,
            cdd=state.cdd,
            warnings=list(response.warnings),
        )


def _cells(job: CubeJob) -> tuple[Any, ...]:
    times = [f"{at:%Y-%m-%d %H:%M:%S}" if at else "" for at in (job.started, job.finished)]
    command = job.name if job.request.lstrip().startswith("{") else job.request
    return (job.workflow, job.marker, job.parent or "", command, job.status, *times)
