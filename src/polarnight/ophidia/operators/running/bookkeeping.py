"""oph_tasks, oph_loggingbk, oph_cancel, oph_service: what was done and is done."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from polarnight.ophidia.answers.response import Grid, Item, Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.language.patterns import matches_any
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob, CubeSession

__all__ = ["Cancel", "LoggingBk", "Service", "Tasks"]

_ALWAYS = "1900-01-01 00:00:00,2100-01-01 00:00:00"
_TIME = "%Y-%m-%d %H:%M:%S"
_FORMS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d %H", "%Y-%m-%d %H:%M", _TIME)


def _filter(name: str, what: str) -> Argument:
    return Argument(name, default="all", help=f"{what}; with wildcards % and *, or all.")


def _dates(name: str, what: str) -> Argument:
    return Argument(name, default=_ALWAYS, help=f"{what}: from,to as yyyy-mm-dd hh:mm:ss or less.")


@operator
class Tasks(Operator):
    """The record of operations."""

    name = "oph_tasks"
    reading = {}
    title = "List the operations that made cubes."
    text = "Deleted cubes are still named."
    arguments = (
        Argument("cube_filter", default="all", help="PID of a cube that went in or came out."),
        _filter("operator_filter", "Names of operators"),
        _filter("container", "Container of the cubes that came out"),
        Argument("path", default="-", help="Folder of these containers; - is any."),
    )
    objects = ("tasks",)
    kind = "U"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table."""
        from polarnight.db.cubes import cube_number

        catalogue = context.catalogue
        numbers = []
        if given["cube_filter"] not in {"all", "-", ""}:
            numbers = [cube_number(given["cube_filter"])]
        found = catalogue.tasks.find(context.session, numbers=numbers)
        inside = self._containers(given, context)

        def pid(place: str) -> str:
            return f"{catalogue.base}/{place}"

        rows = []
        for task in found:
            if not matches_any([given["operator_filter"]], task.operator, part=True):
                continue
            if inside is not None and task.output.split("/")[0] not in inside:
                continue
            places = [one.place for one in task.inputs.all()] or [""]
            rows += [(task.operator, pid(p) if p else "", pid(task.output)) for p in places]
        columns = ("OPERATOR", "INPUT DATACUBE", "OUTPUT DATACUBE")
        return Answer([Grid("tasks", "Task List", columns, list(rows))])

    def _containers(self, given: Given, context: Context) -> set[str] | None:
        """Return the numbers of the containers asked for, None for all."""
        wanted, path = given["container"], given["path"]
        if wanted == "all" and path == "-":
            return None
        containers = context.catalogue.containers.visible(context.session)
        if path != "-":
            folder = context.catalogue.folders.find(context.session, path, context.cwd)
            containers = containers.filter(folder=folder)
        return {str(one.pk) for one in containers if matches_any([wanted], one.name)}


@operator
class LoggingBk(Operator):
    """Sessions and jobs."""

    name = "oph_loggingbk"
    reading = {}
    title = "List sessions and the jobs in them."
    text = (
        "The mask has three digits: status, command, and times of begin and end of the jobs. "
        "oph_resume shows what a job answered."
    )
    arguments = (
        Argument("session_level", "int", 0, minimum=0, maximum=1,
                 help="1 shows when sessions were made."),
        Argument("job_level", "int", 0, minimum=0, maximum=2,
                 help="0 no jobs, 1 jobs, 2 with the time of submission."),
        Argument("mask", default="000", help="Three digits 0 or 1."),
        _filter("session_filter", "Names of sessions"),
        _filter("session_label_filter", "Labels of sessions"),
        _dates("session_creation_filter", "When sessions were made"),
        _filter("workflowid_filter", "Numbers of workflows"),
        _filter("markerid_filter", "Markers"),
        _filter("parent_job_filter", "Markers of parents; % shows only jobs that have one"),
        _dates("job_creation_filter", "When jobs were submitted"),
        _filter("job_status_filter", "Statuses"),
        _filter("submission_string_filter", "Commands"),
        _dates("job_start_filter", "When jobs began"),
        _dates("job_end_filter", "When jobs ended"),
        Argument("nlines", "int", 100, minimum=1, maximum=10000, help="The last so many lines."),
    )  # fmt: skip
    objects = ("loggingbk",)
    kind = "U"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table."""
        if not re.fullmatch("[01]{3}", given["mask"]):
            msg = f"{self.name}: mask={given['mask'][:20]} is not three digits 0 or 1"
            raise BadValue(msg, "for example mask=111")
        sessions = [
            one
            for one in reversed(context.catalogue.sessions.of_user(context.user))
            if self._wanted(one, given, context)
        ]
        if given["job_level"]:
            for one in sessions:
                context.server.jobs.close_lost(one)
        if given["job_level"] == 0:
            rows = [self._session(one, given, context) for one in sessions]
        else:
            rows = [
                (*self._session(one, given, context), *self._job(job, given, context))
                for one in sessions
                for job in self._jobs(one, given)
            ]
        grid = Grid("loggingbk", "Logging", self._columns(given), rows[-given["nlines"] :])
        return Answer([grid])

    def _columns(self, given: Given) -> list[str]:
        columns = ["SESSION ID", "SESSION LABEL"]
        columns += ["SESSION CREATION DATE"] * (given["session_level"] > 0)
        if given["job_level"]:
            columns += ["JOB ID", "PARENT JOB ID", "WORKFLOW ID", "MARKER ID"]
            columns += ["JOB SUBMISSION DATE"] * (given["job_level"] > 1)
            mask = given["mask"]
            columns += ["JOB STATUS"] * (mask[0] == "1")
            columns += ["SUBMISSION STRING"] * (mask[1] == "1")
            columns += ["JOB START DATE", "JOB END DATE"] * (mask[2] == "1")
        return columns

    def _wanted(self, session: CubeSession, given: Given, context: Context) -> bool:
        name = context.catalogue.sessions.name_of(session)
        return (
            matches_any([given["session_filter"]], name, part=True)
            and matches_any([given["session_label_filter"]], session.label)
            and self._between("session_creation_filter", given, session.created)
        )

    def _session(self, session: CubeSession, given: Given, context: Context) -> tuple[str, ...]:
        shown = (context.catalogue.sessions.name_of(session), session.label)
        return (*shown, f"{session.created:{_TIME}}") if given["session_level"] else shown

    def _jobs(self, session: CubeSession, given: Given) -> list[CubeJob]:
        found = list(session.jobs.order_by("-pk")[:10000])[::-1]
        parents = given["parent_job_filter"]
        return [
            job
            for job in found
            if matches_any([given["workflowid_filter"]], str(job.workflow))
            and matches_any([given["markerid_filter"]], str(job.marker))
            and (parents == "all" or job.parent is not None)
            and matches_any([parents], str(job.parent))
            and matches_any([given["job_status_filter"]], job.status, part=True)
            and matches_any([given["submission_string_filter"]], job.request, part=True)
            and self._between("job_creation_filter", given, job.created)
            and self._between("job_start_filter", given, job.started)
            and self._between("job_end_filter", given, job.finished)
        ]

    def _job(self, job: CubeJob, given: Given, context: Context) -> tuple[Any, ...]:
        name = context.server.job_name(job)
        above = name.split("#")[0] + f"#{job.parent}" if job.parent is not None else ""
        row: list[Any] = [name, above, job.workflow, job.marker]
        row += [f"{job.created:{_TIME}}"] * (given["job_level"] > 1)
        mask = given["mask"]
        row += [job.status] * (mask[0] == "1")
        row += [job.request] * (mask[1] == "1")
        if mask[2] == "1":
            row += [f"{one:{_TIME}}" if one else "" for one in (job.started, job.finished)]
        return tuple(row)

    def _between(self, key: str, given: Given, moment: datetime | None) -> bool:
        """Tell whether a time lies between the two of a filter; one that is open passes."""
        text = given[key]
        if text in {_ALWAYS, "all"}:
            return True
        start, comma, stop = text.partition(",")
        first, last = self._moment(key, start), self._moment(key, stop)
        if moment is None:
            return False
        until = last if comma else first
        return (first is None or moment >= first) and (until is None or moment <= until)

    def _moment(self, key: str, text: str) -> datetime | None:
        if not text.strip():
            return None
        for form in _FORMS:
            try:
                return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
            except ValueError:
                continue
        msg = f"{self.name}: {key}={text[:40]} holds no date"
        raise BadValue(msg, f"write from,to as 2026-11-20 or {_ALWAYS}")


@operator
class Cancel(Operator):
    """A workflow or a job that has to stop."""

    name = "oph_cancel"
    title = "Stop a workflow or a job."
    text = "What it made already stays. kill and abort stop at once, stop begins no further task."
    arguments = (
        Argument("id", mandatory=True, help="Number of the workflow, or name of the job."),
        Argument("type", "enum", "kill", choices=("kill", "abort", "stop"), help="How."),
    )
    objects = ("cancel",)
    kind = "U"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Ask it to stop."""
        from polarnight.ophidia.workflow.serving.live import running
        from polarnight.ophidia.workflow.serving.requests import cancel_workflow

        match = re.fullmatch(r"(?:(.*)\?)?(\d{1,9})(?:#(\d{1,9}))?", given["id"].strip())
        if match is None:
            msg = f"{self.name}: id={given['id'][:80]} is no workflow and no job"
            raise BadValue(msg, "oph_loggingbk job_level=1 lists them")
        number = int(match[2])
        start = f"{context.catalogue.sessions.name_of(context.session)}?{number}#"
        commands = [
            name
            for name in context.server.jobs.running()
            if name.startswith(start) or name == given["id"].strip()
        ]
        if commands and running(context.session.code, number) is None:
            for name in commands:
                context.server.cancel(name)
        else:
            cancel_workflow(context.server, number, given["type"], context.state)
        return Answer([Text("cancel", "Cancelled", f"workflow {number} was asked to stop")])


@operator
class Service(Operator):
    """The state of the server."""

    name = "oph_service"
    reading = {"enable": ("none",), "disable": ("none",), "status": ()}
    title = "Show whether the server works, and what runs."
    text = "It runs in the process of the client; there is nothing to switch on or off."
    arguments = (
        Argument("status", "enum", "", choices=("up", "down"), help="Kept for old commands."),
        Argument("level", "int", 1, minimum=1, maximum=2, help="2 lists what runs."),
        Argument("enable", default="none", help="Kept for old commands."),
        Argument("disable", default="none", help="Kept for old commands."),
    )
    objects = ("service_status", "service_tasks")
    kind = "S"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the state."""
        if given["status"] == "down":
            msg = f"{self.name}: there is no server to stop"
            raise BadValue(msg, "oph_cancel stops a workflow")
        objects: list[Item] = [Text("service_status", "Service Status", "up")]
        if given["level"] == 2:
            rows = [(name,) for name in context.server.jobs.running()]
            objects.append(Grid("service_tasks", "Running Tasks", ("JOB ID",), list(rows)))
        return Answer(objects)
