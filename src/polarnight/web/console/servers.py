"""The servers of commands, one for each user and process, and the jobs they run."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from polarnight.config import get_settings
from polarnight.ophidia.answers.response import Response
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.jobs import Background, Jobs
from polarnight.ophidia.server import Server

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db.models import CubeJob, CubeSession

__all__ = ["SiteJobs", "close_all", "letters_for", "server_of", "using"]

_USERS = 16  # whose servers are kept, with the processes that compute for them
_BACKGROUND = 4  # jobs of a user that go on in the background of one process
_LOOK = 0.5
_LETTER = "oph_letter"

_servers: OrderedDict[str, Server] = OrderedDict()
_of: list[Any] = [None]
_used: Counter[str] = Counter()
_lock = threading.Lock()


class SiteJobs(Jobs):
    """Jobs whose numbers are told to the thread that began them, and that may be cancelled
    from other processes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()

    def tell(self, begun: Callable[[CubeJob], None]) -> None:
        """Let `begun` know the next job that this thread starts."""
        self._here.begun = begun

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
        """Give a command its numbers; see `Jobs.start`."""
        job = super().start(session, name, request, workflow=workflow, parent=parent, user=user)
        begun, self._here.begun = getattr(self._here, "begun", None), None
        if begun is not None:
            begun(job)
        return job

    def in_background(self, name: str, work: Callable[[threading.Event], Response]) -> Background:
        """Run a job in the background; see `Jobs.in_background`.

        Raises
        ------
        OperatorFailed
            Where the user has too many already.
        """
        if len(self.running()) >= _BACKGROUND:
            msg = f"{_BACKGROUND} jobs of yours run in the background already"
            raise OperatorFailed(msg, "wait for one, or stop one: oph_cancel id=...")
        made = super().in_background(name, work)
        threading.Thread(
            target=_watch, args=(name, made), name=f"watch {name}", daemon=True
        ).start()
        return made


def _watch(name: str, job: Background) -> None:
    """Let a job of the background stop when a letter says so."""
    from django.db import connections

    code, _, numbers = name.rpartition("/sessions/")[2].partition("/experiment?")
    try:
        while job.response is None and not job.cancelled.wait(_LOOK):
            if letters_for(code, int(numbers.partition("#")[0])):
                job.cancelled.set()
    finally:
        connections.close_all()


def letters_for(code: str, workflow: int) -> bool:
    """Return whether a letter asks a single command to stop, and take it.

    Letters to workflows are taken by their own mailbox.
    """
    from polarnight.db.models import CubeJob

    rows = CubeJob.objects.filter(session__code=code, workflow=workflow)
    command = rows.filter(parent=None).exclude(name=_LETTER).order_by("marker").first()
    if command is None or command.request.lstrip().startswith("{"):
        return False
    letters = rows.filter(name=_LETTER, request__contains='"cancel"')
    return bool(letters.delete()[0])


def server_of(user: str) -> Server:
    """Return the server of a user of the site."""
    settings: Settings = get_settings()
    with _lock:
        if _of[0] is not settings:
            _close(list(_servers.values()))
            _servers.clear()
            _of[0] = settings
        found = _servers.get(user)
        if found is None:
            found = _servers[user] = Server(settings, user, at_site=True)
            found.jobs = SiteJobs()
        _servers.move_to_end(user)
        idle = [
            name
            for name, one in _servers.items()
            if name != user and not _used[name] and not one.jobs.running()
        ]
        old = [_servers.pop(name) for name in idle[: max(0, len(_servers) - _USERS)]]
    _close(old)
    return found


@contextmanager
def using(user: str) -> Iterator[Server]:
    """Give the server of a user, which stays open meanwhile."""
    with _lock:
        _used[user] += 1
    try:
        yield server_of(user)
    finally:
        with _lock:
            _used[user] -= 1


def close_all() -> None:
    """End the processes that compute for users."""
    with _lock:
        known = list(_servers.values())
        _servers.clear()
    _close(known)


def _close(servers: list[Server]) -> None:
    for server in servers:
        server.close()
