"""What a command lacks and the client knows; what a response says when something fails."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from polarnight.errors import PolarnightError
from polarnight.ophidia.answers.response import Response
from polarnight.ophidia.errors import BadValue, OphidiaError, refused_by_machine
from polarnight.ophidia.files.showing import from_data_directory
from polarnight.ophidia.language.grammar import Command
from polarnight.ophidia.operator import Operator
from polarnight.ophidia.registry import get_operator
from polarnight.ophidia.state import State

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db.models import CubeJob

__all__ = ["closed", "failed", "filled", "mode", "placed", "source", "unforeseen"]

_LOG = logging.getLogger(__name__)


def failed(response: Response, error: PolarnightError) -> None:
    """Put an error into a response, with the exit code that the terminal gives it."""
    response.error = str(error) or type(error).__name__
    response.code = error.code if isinstance(error, OphidiaError) else 9


def unforeseen(response: Response, error: Exception) -> None:
    """Say what happened in one line; where it happened is in the log."""
    _LOG.error("%s", response.request[:2000], exc_info=error)
    if (plain := refused_by_machine(error)) is not None:
        failed(response, plain)
        return
    told = " ".join(str(error).split())[:300]
    response.error = f"{type(error).__name__}: {told} (unforeseen; the log says where)"
    response.code = 1


def closed(response: Response, state: State, start: float, site: Settings | None = None) -> None:
    """Put into a response where the client is now, and how long it took.

    Parameters
    ----------
    response : Response
    state : State
    start : float
        `time.perf_counter` when it began.
    site : Settings, optional
        Of a site, whose users are not told where its data directory is.
    """
    response.error = from_data_directory(response.error, site)
    response.warnings = [from_data_directory(text, site) for text in response.warnings]
    response.extra = {
        "execution_time": f"{time.perf_counter() - start:.2f}",
        "cube": state.cube,
        "cwd": state.cwd,
        "cdd": state.cdd,
        "sessionid": state.session,
    }


def filled(command: Command, state: State) -> Command:
    """Return a command with what the client knows and the user did not say."""
    cls = get_operator(command.operator)
    known = cls.declared()
    wants_cube = any(a.name == "cube" and a.type == "cube" for a in cls.arguments)
    values = {
        "sessionid": state.session,
        "exec_mode": state.exec_mode,
        "ncores": str(state.ncores),
        "nthreads": str(state.nthreads) if state.nthreads > 1 else "",
        "cwd": state.cwd,
        "cdd": state.cdd,
        "host_partition": state.host_partition,
        "project": state.project,
        "cube": state.cube if wants_cube and "cubes" not in command.arguments else "",
    }
    arguments = dict(command.arguments)
    for name, value in values.items():
        if name in known and value and not arguments.get(name, "").strip():
            arguments[name] = value
    return Command(command.operator, arguments, command.repairs)


def placed(state: State, command: Command) -> State:
    """Return where the command itself says that it is."""
    given = command.arguments
    return replace(
        state,
        cwd=given.get("cwd") or state.cwd,
        cdd=given.get("cdd") or state.cdd,
    )


def mode(cls: type[Operator], command: Command, state: State) -> tuple[str, bool]:
    """Return whether to wait for the end, and whether unknown arguments are refused."""
    known = cls.declared()
    mode = known["exec_mode"].parse(command.arguments.get("exec_mode") or "sync", cls.name)
    strict = known["strict"].parse(command.arguments.get("strict") or "no", cls.name)
    session = command.arguments.get("sessionid", "")
    if session and session not in {state.session, "null"} and "/sessions/" not in session:
        msg = f"{cls.name}: sessionid={session[:60]} is no session"
        raise BadValue(msg, "leave it out; oph_manage_session lists yours")
    return str(mode), state.strict or strict == "yes"


def source(job: CubeJob, name: str) -> dict[str, str]:
    """Return what a response says of its job."""
    return {
        "Session Code": job.session.code,
        "Workflow": str(job.workflow),
        "Marker": str(job.marker),
        "JobID": name,
    }
