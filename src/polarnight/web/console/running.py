"""Carrying a command out while a request waits, and going on when it cannot wait longer."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from polarnight.config import get_settings
from polarnight.errors import PolarnightError
from polarnight.ophidia.answers.response import Response
from polarnight.ophidia.filling import closed, failed, unforeseen
from polarnight.ophidia.language.tolerant import read_command
from polarnight.ophidia.registry import get_operator
from polarnight.ophidia.state import State
from polarnight.web.console.desk import Desk
from polarnight.web.console.limits import bounded, overdue, seconds_allowed
from polarnight.web.console.rights import STEERING, is_workflow
from polarnight.web.console.servers import SiteJobs, letters_for, using
from polarnight.web.console.turns import Busy, turn

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob
    from polarnight.ophidia.server import Server

__all__ = ["Refused", "answer_of", "begin", "stop"]

_MOST = 4  # commands of a user that run at once in one process
_PATIENCE = 20.0  # seconds to wait for the turn of a session
_QUICK = 1.0  # seconds after which others may want to know how far a command is
_LOOK = 0.5
_POLL = 0.2

_BUSY = (
    "another command of this session is running; wait for it, stop it by oph_cancel, or open "
    "another session by oph_manage_session action=new"
)

_running: dict[tuple[str, str], Running] = {}
_counts: Counter[str] = Counter()
_guard = threading.Lock()


class Refused(Exception):
    """A request that is not carried out; ``status`` is that of HTTP."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status = status


@dataclass
class Running:
    """One command that runs in this process."""

    user: str
    run: str
    text: str
    desk: Desk
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    what: str = ""
    fraction: float = 0.0
    session: str = ""
    jobid: str = ""
    job: tuple[str, int] | None = None
    answer: dict[str, Any] | None = None
    until: float = field(default_factory=lambda: time.monotonic() + seconds_allowed())
    overdue: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the answer, or how far it is."""
        if self.answer is not None:
            return self.answer
        return {
            "state": "RUNNING",
            "run": self.run,
            "jobid": self.jobid,
            "session": self.session,
            "what": self.what,
            "fraction": self.fraction,
        }

    def note(self) -> None:
        """Let other processes know."""
        self.desk.note(self.user, self.run, self.as_dict())


def begin(
    user: str, text: str, place: dict[str, str], *, run: str = "", wait: float = 20.0
) -> dict[str, Any]:
    """Begin a command or workflow, and wait for its end for so long.

    Parameters
    ----------
    user : str
        Name of the user of the site: whose sessions they are.
    text : str
    place : dict of str
        ``session``, and ``cwd``, ``cdd``, ``cube`` as far as the client knows them.
    run : str
        A name for it that nobody guesses; one is made unless given.
    wait : float
        Seconds.

    Returns
    -------
    dict
        What is sent back; ``state`` is ``RUNNING`` where it goes on.

    Raises
    ------
    Refused
        For too many at once (429), a name that is taken (409), a session that is busy (409).
    """
    desk = Desk(get_settings().datadir)
    name = run or secrets.token_urlsafe(24)
    if not Desk.is_name(name):
        raise Refused(400, "run: 16 to 64 letters, digits, - or _")
    running = Running(user, name, text, desk)
    with _guard:
        if (user, name) in _running or desk.read(user, name) is not None:
            raise Refused(409, "run: this name is taken; make another one for every command")
        if _counts[user] >= _MOST:
            raise Refused(429, f"{_MOST} commands of yours run already; wait for one, or stop one")
        _counts[user] += 1
        _running[user, name] = running
    ready: list[Refused] = []
    started = threading.Event()
    thread = threading.Thread(
        target=_work, args=(running, place, started, ready), name=f"command of {user}", daemon=True
    )
    thread.start()
    started.wait()
    if ready:
        raise ready[0]
    return _waited(running, wait)


def _waited(running: Running, wait: float) -> dict[str, Any]:
    until = time.monotonic() + wait
    if running.over.wait(min(wait, _QUICK)):
        return running.as_dict()
    if not running.over.is_set():
        running.note()
    running.over.wait(max(0.0, until - time.monotonic()))
    return running.as_dict()


def answer_of(user: str, run: str, wait: float = 20.0) -> dict[str, Any] | None:
    """Return what came of a run, waiting for so long; None where there is none of that name."""
    with _guard:
        here = _running.get((user, run))
    if here is not None:
        here.over.wait(wait)
        return here.as_dict()
    desk, until = Desk(get_settings().datadir), time.monotonic() + wait
    while True:
        noted = desk.read(user, run)
        if noted is None:
            return None
        if noted["state"] == "LOST":
            return _lost(user, run, noted)
        if noted["state"] != "RUNNING" or time.monotonic() >= until:
            return noted
        time.sleep(_POLL)


def _lost(user: str, run: str, noted: dict[str, Any]) -> dict[str, Any]:
    response = Response(user=user, jobid=str(noted.get("jobid", "")), code=1)
    response.error = "the process that ran it has ended; run the command again"
    return _told(response, run, str(noted.get("session", "")))


def stop(user: str, run: str) -> bool:
    """Ask a run to stop; return whether there is one of that name."""
    with _guard:
        here = _running.get((user, run))
    if here is not None:
        here.cancelled.set()
        return True
    desk = Desk(get_settings().datadir)
    if desk.read(user, run) is None:
        return False
    desk.ask_to_stop(user, run)
    return True


def _work(
    running: Running, place: dict[str, str], started: threading.Event, ready: list[Refused]
) -> None:
    """Carry the command out, in a thread with a connection to the database of its own."""
    from django.db import connections

    try:
        with using(running.user) as server:
            state = _state_of(server, place)
            _in_turn(running, server, state, started)
    except Busy:
        ready.append(Refused(409, _BUSY))
    except Exception as error:  # noqa: BLE001 - nobody would be told
        _end(running, _failed(running, error))
    finally:
        with _guard:
            _counts[running.user] -= 1
            _running.pop((running.user, running.run), None)
        running.over.set()
        started.set()
        connections.close_all()


def _failed(running: Running, error: Exception) -> Response:
    response = Response(user=running.user, request=running.text)
    if isinstance(error, PolarnightError):
        failed(response, error)
    else:
        unforeseen(response, error)
    closed(response, State(session=running.session), time.perf_counter(), get_settings())
    return response


def _state_of(server: Server, place: dict[str, str]) -> State:
    """Return where the client is; what it does not say is where its session was last.

    Raises
    ------
    PolarnightError
        Where the session is not there, or another user's.
    """
    known = State()
    server.resume(known, place.get("session", ""))
    given: dict[str, Any] = {k: place[k] for k in ("cwd", "cdd", "cube") if k in place}
    # A client that begins, as in this process, is where its user was last.
    return replace(known, **given) if place.get("session") else known


def _in_turn(running: Running, server: Server, state: State, started: threading.Event) -> None:
    running.session = state.session
    if _is_free(running.text):
        started.set()
        _submit(running, server, state)
        return
    code = server.catalogue.sessions.code_of(_session_of(running.text) or state.session)
    with turn(get_settings().datadir / "web-console", code, _PATIENCE):
        started.set()
        _submit(running, server, state)


def _is_free(text: str) -> bool:
    """Return whether a command need not wait for others: it only reads, or speaks to them."""
    if is_workflow(text):
        return False
    try:
        command = read_command(text)
        cls = get_operator(command.operator)
    except PolarnightError:
        return True  # its answer says what is wrong
    return cls.name in STEERING or cls.only_reads(command.arguments)


def _session_of(text: str) -> str:
    """Return the session that a command names itself."""
    if is_workflow(text):
        return ""
    given = read_command(text).arguments.get("sessionid", "")
    return given if "/sessions/" in given else ""


def _submit(running: Running, server: Server, state: State) -> None:
    assert isinstance(server.jobs, SiteJobs)

    def begun(job: CubeJob) -> None:
        running.jobid = server.job_name(job)
        running.job = (job.session.code, job.workflow)

    def progress(what: str, fraction: float) -> None:
        running.what, running.fraction = what, min(1.0, max(0.0, float(fraction)))

    server.jobs.tell(begun)
    watch = threading.Thread(target=_watch, args=(running,), name="watch", daemon=True)
    watch.start()
    if is_workflow(running.text):
        response = server.submit_workflow(running.text, (), state, progress, running.cancelled)
    else:
        response = server.submit(running.text, state, progress, cancelled=running.cancelled)
    _end(running, response)


def _end(running: Running, response: Response) -> None:
    if running.overdue:
        overdue(response)
    session = response.extra.get("sessionid", running.session)
    running.answer = _told(bounded(response), running.run, session)
    if running.desk.read(running.user, running.run) is not None:
        running.note()
    running.over.set()


def _told(response: Response, run: str, session: str) -> dict[str, Any]:
    return {
        "state": "DONE",
        "run": run,
        "response": response.as_dict(),
        "jobid": response.jobid,
        "session": session,
        "code": response.code,
    }


def _watch(running: Running) -> None:
    """While it runs: note how far it is, and look whether somebody wants it to stop."""
    from django.db import connections

    if running.over.wait(_QUICK):
        return
    try:
        while not running.over.wait(_LOOK):
            if running.desk.is_to_stop(running.user, running.run) or (
                running.job is not None and letters_for(*running.job)
            ):
                running.cancelled.set()
            if time.monotonic() > running.until and not running.cancelled.is_set():
                running.overdue = True
                running.cancelled.set()
            if running.answer is None:
                running.note()
    finally:
        if running.answer is not None:
            running.note()
        connections.close_all()
        if secrets.randbelow(50) == 0:
            running.desk.tidy()
