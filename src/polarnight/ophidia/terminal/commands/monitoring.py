"""Local commands about sessions, jobs and workflows: watch, view, resume, check."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.ophidia.answers.response import Grid, Item, Response, Text
from polarnight.ophidia.errors import BadValue, OphidiaError
from polarnight.ophidia.terminal.aliases import words_of
from polarnight.ophidia.terminal.commands.declaration import local
from polarnight.ophidia.terminal.display import short_request
from polarnight.ophidia.transport import Local
from polarnight.ophidia.workflow.serving.requests import (
    arguments_of,
    kept_workflow,
    workflow_objects,
)
from polarnight.ophidia.workflow.shape.model import Status, Workflow
from polarnight.ophidia.workflow.showing.tree import kept_tree, workflow_tree
from polarnight.ophidia.workflow.text.document import read_text
from polarnight.ophidia.workflow.text.reading import parse_workflow

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob
    from polarnight.ophidia.terminal.shell import Shell

__all__: list[str] = []

_COMPACT = ("MARKER ID", "TASK NAME", "TYPE", "EXIT STATUS", "MESSAGE")
_CLASSIC = ("OPH JOB ID", "MARKER ID", "TASK NAME", "TYPE", "EXIT STATUS", "MESSAGE")


def _number(word: str, command: str) -> int:
    if not word.isascii() or not word.isdigit() or len(word) > 9:
        msg = f"{command}: {word[:40]!r} is no number"
        raise BadValue(msg, f"help {command} shows the usage")
    return int(word)


@local("watch [-n seconds] command", "Repeat a command until Ctrl-C, every 2 seconds.")
def _watch(shell: Shell, text: str) -> int:
    match = re.match(r"-n\s*(\d+(?:\.\d+)?)\s+", text)
    seconds = float(match.group(1)) if match else 2.0
    command = text[match.end() :].strip() if match else text.strip()
    if not command or command.startswith("-"):
        msg = "watch: a command is missing"
        raise BadValue(msg, "type watch -n 5 ll")
    step = shell.read(command)
    if step.name in {"watch", "quit", "exit"}:
        msg = f"{step.name} cannot be repeated"
        raise BadValue(msg, "watch a command such as ll")
    code = 0
    try:
        while True:
            if shell.display.out.isatty():
                shell.display.out.write("\x1b[H\x1b[2J")
            shell.display.plain(f"every {seconds:g} s: {command}")
            code = shell.execute(command)
            shell.history.pop()
            time.sleep(seconds)
    except KeyboardInterrupt:
        shell.display.line()
    return code


@local(
    "view [workflow[#marker] | -j jobid] [-s status] [-g picture] [times [seconds]]",
    "Show a workflow (the last one unless given) with its tasks, again every 5 seconds until it "
    "ends where times is 0; -g draws it into a file (.png, .svg, .pdf, .dot).",
)
def _view(shell: Shell, text: str) -> int:
    words = words_of(text)
    status = _option(words, "-s", "view")
    job = _option(words, "-j", "view")
    picture = _option(words, "-g", "view")
    marker = 0
    if job or (words and "#" in words[0]):
        match = re.search(r"(?:\?|^)(\d+)(?:#(\d+))?$", job or words.pop(0))
        if match is None:
            msg = f"view: {job!r} is no job such as http://.../experiment?3#17"
            raise BadValue(msg, "jobs lists them")
        number, marker = int(match.group(1)), int(match.group(2) or 0)
    else:
        number = _number(words.pop(0), "view") if words else 0
    if not isinstance(shell.transport, Local):
        return _asked(shell, number or shell.last_workflow)
    # ``view`` alone shows the last workflow; a first 0 stands for it as well.
    number = number or shell.last_workflow or _last_workflow(shell)
    times = _number(words.pop(0), "view") if words else 1
    seconds = _number(words.pop(0), "view") if words else 5
    shown = 0
    try:
        while True:
            shown += 1
            ended = _show_workflow(shell, number, marker, status)
            if picture:
                _draw(shell, number, picture)
            if ended or shown == times:
                return 0
            time.sleep(max(seconds, 1))
    except KeyboardInterrupt:
        shell.display.line()
        return 0


def _asked(shell: Shell, number: int) -> int:
    """Show what a site tells of a workflow."""
    if not number:
        msg = f"view: which workflow at {shell.transport.host}?"
        raise BadValue(msg, "type view with its number; jobs lists them")
    return shell.remote(f"oph_resume level=0;id={number};")


def _draw(shell: Shell, number: int, picture: str) -> None:
    from polarnight.ophidia.workflow.showing.picture import picture_of

    job = _jobs(shell, workflow=number, parent=None).first()
    file = picture_of(kept_workflow(job), Path(picture).expanduser())
    shell.display.line(f"drawn: {file}")


def _option(words: list[str], name: str, command: str) -> str:
    if name not in words:
        return ""
    place = words.index(name)
    if place + 1 >= len(words):
        msg = f"{command}: {name} needs a value"
        raise BadValue(msg, f"help {command} shows the usage")
    value = words[place + 1]
    del words[place : place + 2]
    return value


def _jobs(shell: Shell, **wanted: Any) -> Any:
    from polarnight.db.models import CubeJob

    session = shell.server.resume(shell.environment.state())
    return CubeJob.objects.filter(session=session, **wanted).order_by("marker")


def _last_workflow(shell: Shell) -> int:
    last = _jobs(shell, parent=None).last()
    if last is None:
        msg = "nothing has been submitted in this session"
        raise BadValue(msg, "type a command or the path of a workflow first")
    return int(last.workflow)


def _show_workflow(shell: Shell, number: int, marker: int, status: str) -> bool:
    """Show a workflow or a single command; return whether it has ended."""
    rows = _jobs(shell, workflow=number)
    job = (rows.filter(marker=marker) if marker else rows.filter(parent=None)).first()
    if job is None:
        msg = f"there is no job {number}{f'#{marker}' if marker else ''} in this session"
        raise BadValue(msg, "resume shows what there is")
    try:
        kept = kept_workflow(job)
    except OphidiaError:
        _show_job(shell, job)
    else:
        session = shell.server.resume(shell.environment.state())
        objects = [
            _narrowed(one, status, shell.environment.values["OPH_TERM_FORMAT"])
            for one in workflow_objects(shell.server, session, number)
        ]
        shell.display.objects(Response(objects).as_dict())
        shell.display.block(kept_tree(kept, shell.display.in_colour))
    return str(job.status) in Status.ENDED


def _narrowed(item: Any, status: str, form: str) -> Any:
    """Return the list of tasks as ``OPH_TERM_FORMAT`` and ``-s`` want it."""
    if not isinstance(item, Grid) or item.key != "workflow_list":
        return item
    columns = list(item.columns)
    if form.startswith("extended"):
        wanted = columns
    else:
        wanted = [name for name in columns if name in (_COMPACT if "compact" in form else _CLASSIC)]
    place = columns.index("EXIT STATUS")
    rows = [row for row in item.rows if status.upper() in str(row[place])]
    cut = [[row[columns.index(name)] for name in wanted] for row in rows]
    return Grid(item.key, item.title, wanted, [*cut])


def _show_job(shell: Shell, job: CubeJob) -> None:
    import json

    shell.display.plain(job.request)
    shell.display.line(job.status)
    shell.display.line()
    try:
        told = json.loads(job.response) if job.response else {}
    except ValueError:
        shell.display.plain(job.response)
        return
    shell.display.objects(told if isinstance(told, dict) else {})


@local(
    "resume [session] [n] [-v]",
    "Take up a session, and show its last n commands (10), whole with -v.",
)
def _resume(shell: Shell, text: str) -> int:
    words = words_of(text)
    whole = "-v" in words
    words = [word for word in words if word != "-v"]
    # Numbers of sessions are long; a short number is a count.
    session = words.pop(0) if words and (len(words[0]) > 9 or not words[0].isdigit()) else ""
    count = _number(words.pop(0), "resume") if words else 10
    if words:
        msg = f"resume: {words[0]!r} is too much"
        raise BadValue(msg, "help resume shows the usage")
    if session:
        shell.begin(session)
        shell.last_workflow = 0
    if not isinstance(shell.transport, Local):
        return shell.remote("oph_resume")
    rows = []
    for job in list(_jobs(shell, parent=None))[-count:] if count else []:
        request = job.request if whole else _short(job.request)
        when = f"{job.started:%Y-%m-%d %H:%M:%S}" if job.started else ""
        rows.append((str(job.workflow), str(job.marker), job.status, when, request))
    columns = ("WORKFLOW ID", "MARKER ID", "STATUS", "BEGIN TIME", "SUBMITTED COMMAND")
    objects: list[Item] = [
        Text("resume", "Current Session", shell.environment.values["OPH_SESSION_ID"]),
        Grid("resume_list", "Last Commands", columns, [*rows]),
    ]
    shell.display.objects(Response(objects).as_dict())
    return 0


def _short(request: str) -> str:
    """Return a command without what the client filled in."""
    if request.lstrip().startswith("{"):
        match = re.search(r'"name"\s*:\s*"([^"]{0,100})"', request)
        return f"workflow {match.group(1) if match else ''}".rstrip()
    return short_request(request)


@local("check [-m] file.json [arguments]", "Check a workflow; -m shows what its filters find.")
def _check(shell: Shell, text: str) -> int:
    words = words_of(text)
    massive = "-m" in words[:1]
    words = words[1:] if massive else words
    if not words:
        msg = "check: the path of a workflow is missing"
        raise BadValue(msg, "type check file.json")
    workflow = parse_workflow(read_text(Path(words[0])), words[1:], arguments_of)
    for warning in workflow.warnings:
        shell.display.warning(warning)
    shell.display.block(workflow_tree(workflow))
    code = _resolve(shell, workflow) if massive else 0
    count = len(workflow.tasks)
    tasks = "1 task" if count == 1 else f"{count} tasks"
    shell.display.plain(f"the workflow {workflow.name!r} is sound: {tasks}")
    return code


def _resolve(shell: Shell, workflow: Workflow) -> int:
    """Show what the filters of a workflow find now."""
    code = 0
    for task in workflow.tasks:
        for key, value in task.arguments:
            if not value.startswith("[") or "@" in value or "&" in value or task.controls:
                continue
            dry = f"{value.rstrip()[:-1].rstrip(';')};run=no]"
            others = "".join(f"{k}={v};" for k, v in task.arguments if k != key and "@" not in v)
            response = shell.submit(f"{task.operator} {key}={dry};{others}")
            shell.display.plain(f"{task.name}: {key}={value}")
            shell.display.objects(response.as_dict())
            if response.error:
                shell.display.error(response.error, response.code)
                code = response.code
    return code
