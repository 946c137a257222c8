"""Locks of nights: of two that would write the same, one does, and the other is told who.

A lock is a row, so that commands, jobs and scripts of all machines that share the database see
it. It ends with the process that took it: at once where that ran on the machine of whoever asks,
and after `SILENT_AFTER` without a heartbeat where it ran elsewhere.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from polarnight.db.processes import is_gone, is_here, place_of, this_process, user_name
from polarnight.errors import PolarnightError
from polarnight.progress import announce

if TYPE_CHECKING:
    from polarnight.db.models import WorkLock

__all__ = [
    "INGEST",
    "POLARIZATION",
    "SILENT_AFTER",
    "Held",
    "WorkBusy",
    "WorkTaken",
    "free",
    "holding",
    "one_at_a_time",
    "who_holds",
    "working_as",
]

INGEST = "ingestion"
"""Name of the lock of whoever puts raw files into the archive."""

POLARIZATION = "instrumental polarization"
"""Name of the lock of whoever fits instrumental polarization."""

SILENT_AFTER = timedelta(seconds=90)
"""Time without a heartbeat after which a process of another machine has ended."""

_BEAT = 10.0  # seconds
_LOOK = 1.0
_SHOWN = 3

_job: list[tuple[int, str]] = []


class WorkBusy(PolarnightError):
    """Somebody else works on it; says who, since when, and what to do.

    Parameters
    ----------
    message : str
    jobs : sequence of int
        Numbers of the jobs of the site that are in the way.
    """

    def __init__(self, message: str, jobs: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.jobs = tuple(jobs)


class WorkTaken(PolarnightError):
    """A lock was lost while it was needed: this process was silent for too long."""


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let nobody else look at locks for a moment (a short transaction)."""
    from django.db import transaction

    from polarnight.db.models import WorkLock

    with transaction.atomic():
        # The row is there to be locked; SQLite locks everything, and at once.
        WorkLock.objects.get_or_create(name="")
        WorkLock.objects.select_for_update().get(name="")
        yield


@contextmanager
def working_as(job: int, words: str) -> Iterator[None]:
    """Let the locks of this process say that a job of the site holds them."""
    _job.append((job, words))
    try:
        yield
    finally:
        _job.pop()


def who_holds(names: Sequence[str]) -> list[WorkLock]:
    """Return the locks of these names whose holders live; those of others are removed."""
    from polarnight.db.models import WorkLock

    found = list(WorkLock.objects.filter(name__in=names).exclude(name="").order_by("name"))
    ended = [row.pk for row in found if _ended(row)]
    if ended:
        WorkLock.objects.filter(pk__in=ended).delete()
    return [row for row in found if row.pk not in ended]


def free(job: int) -> None:
    """Give back what a job of the site held whose processes have ended."""
    from polarnight.db.models import WorkLock

    WorkLock.objects.filter(job=job).delete()


@dataclass
class Held:
    """Locks that this process holds.

    Attributes
    ----------
    names : list of str
    token : str
    """

    names: list[str]
    token: str = field(default_factory=lambda: uuid4().hex)
    _over: threading.Event = field(default_factory=threading.Event)
    _gone: bool = False

    def check(self) -> None:
        """Make sure that they are still ours; cheap.

        Raises
        ------
        WorkTaken
            Where they are not.
        """
        if self._gone:
            msg = (
                f"{self.names[0]}: this process was silent for so long that it was thought to "
                "have ended, and its lock was given to another; run it again for the rest"
            )
            raise WorkTaken(msg)

    def beat(self) -> None:
        """Say that we live."""
        from django.db import DatabaseError
        from django.utils import timezone

        from polarnight.db.models import WorkLock

        # A database that is busy for long costs a heartbeat, not the work.
        with contextlib.suppress(DatabaseError):
            rows = WorkLock.objects.filter(token=self.token)
            self._gone = rows.update(heartbeat=timezone.now()) < len(self.names)

    def _beating(self) -> None:
        from django.db import connections

        try:
            while not self._over.wait(_BEAT):
                self.beat()
        finally:
            connections.close_all()


@contextmanager
def holding(names: Sequence[str], doing: str, *, wait: bool = False) -> Iterator[Held]:
    """Hold locks, all or none; they end with the block, and with the process.

    Parameters
    ----------
    names : sequence of str
        Nights as ``telescope/YYYY-MM-DD``, or `INGEST`, `POLARIZATION`.
    doing : str
        What for, such as ``"polarnight run"``.
    wait : bool
        Wait until they are free.

    Raises
    ------
    WorkBusy
        Where somebody else has one of them, and `wait` is False.
    """
    held = Held(list(dict.fromkeys(names)))
    if not held.names:
        yield held
        return
    _claim(held, doing, wait=wait)
    beats = threading.Thread(target=held._beating, name="heartbeat of locks", daemon=True)
    beats.start()
    try:
        yield held
    finally:
        held._over.set()
        _give_back(held)


def _claim(held: Held, doing: str, *, wait: bool) -> None:
    told = ""
    while taken := _attempt(held, doing):
        if not wait:
            raise WorkBusy(_told(taken), [row.job for row in taken if row.job is not None])
        now = f"waits for {taken[0].holder} ({taken[0].name})"
        if now != told:
            announce(now)
            told = now
        time.sleep(_LOOK)


def _attempt(held: Held, doing: str) -> list[WorkLock]:
    """Take all names, or none; return the locks of others that are in the way."""
    from polarnight.db.models import WorkLock

    with one_at_a_time():
        taken = who_holds(held.names)
        if taken:
            return taken
        job, words = _job[-1] if _job else (None, f"`{doing}` of {user_name()}")
        WorkLock.objects.bulk_create(
            WorkLock(
                name=name, token=held.token, holder=words[:250], process=this_process(), job=job
            )
            for name in held.names
        )
    return []


def _give_back(held: Held) -> None:
    from django.db import DatabaseError

    from polarnight.db.models import WorkLock

    # Where the database is gone, the end of this process does it.
    with contextlib.suppress(DatabaseError):
        WorkLock.objects.filter(token=held.token).delete()


def _ended(row: WorkLock) -> bool:
    from django.utils import timezone

    if is_here(row.process):
        return is_gone(row.process)  # one that is only stopped (Ctrl-Z) will go on
    return row.heartbeat < timezone.now() - SILENT_AFTER


def _told(taken: Sequence[WorkLock]) -> str:
    """Return who is in the way since when, and what to do about it."""
    first = taken[0]
    names = ", ".join(row.name for row in taken[:_SHOWN])
    more = f" and {len(taken) - _SHOWN} more" if len(taken) > _SHOWN else ""
    host, pid = place_of(first.process)
    how = (
        f"cancel job {first.job} on its page"
        if first.job is not None
        else f"end it there (Ctrl-C, or `kill {pid}`)"
    )
    return (
        f"{names}{more}: {first.holder} on {host}, process {pid}, works on it since "
        f"{first.since:%Y-%m-%d %H:%M:%S} UTC; wait for its end (--wait), or {how}"
    )
