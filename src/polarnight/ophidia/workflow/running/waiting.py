"""``oph_wait``: until a time, an answer, or a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.workflow.running.control import check_word, input_of

__all__ = ["Waiter"]

_LOOK_EVERY = 0.2  # seconds between two looks at a file or at the clock
_SETTLED = 1.0  # seconds that a file must not have changed: it may still be written
_DATES = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d %H", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")


class Waiter:
    """One task that waits.

    Parameters
    ----------
    arguments : mapping
        Of the task, with variables replaced.
    task : str
    find_file : callable
        Gives the path of a file of the data repository by its name; raises where it may not be
        looked at.

    Raises
    ------
    BadValue
        For arguments that cannot be used.
    """

    def __init__(
        self, arguments: Mapping[str, str], task: str, find_file: Callable[[str], Path]
    ) -> None:
        self.task = task
        self.arguments = dict(arguments)
        self.kind = check_word(arguments, "type", ("clock", "input", "file"), "clock", task)
        self.waits = check_word(arguments, "run", ("yes", "no"), "yes", task) == "yes"
        self.message = _given(arguments, "message")
        self.deadline = self._deadline()
        self.variables = input_of(arguments, task)
        self._answered = threading.Event()
        self._refused = ""
        self.file: Path | None = None
        self.reference: Path | None = None
        if self.kind == "file":
            name = _given(arguments, "filename")
            if not name:
                msg = f"task {task!r}: oph_wait type=file needs filename=..."
                raise BadValue(msg)
            self.file = find_file(name)
            reference = _given(arguments, "fileref")
            self.reference = find_file(reference) if reference else None

    def _deadline(self) -> float | None:
        """Return the end of waiting in seconds since 1970, None for never."""
        kind = check_word(
            self.arguments, "timeout_type", ("duration", "deadline"), "duration", self.task
        )
        given = self.arguments.get("timeout", "").strip() or "-1"
        if kind == "deadline" and given != "-1":
            for form in _DATES:
                try:
                    return datetime.strptime(given, form).replace(tzinfo=UTC).timestamp()
                except ValueError:
                    continue
            example = "2026-01-31 23:30:00 (UTC)"
            msg = f"task {self.task!r}: timeout={given!r} is no date such as {example}"
            raise BadValue(msg)
        try:
            seconds = float(given)
        except ValueError as error:
            msg = f"task {self.task!r}: timeout={given!r} is no number of seconds"
            raise BadValue(msg) from error
        return None if not seconds >= 0 else time.time() + seconds

    def answer(self, action: str, variables: Mapping[str, str]) -> None:
        """Take the answer of an ``oph_input``: ``continue``, ``abort`` or ``wait``."""
        self.variables |= variables
        if action == "abort":
            self._refused = "oph_input aborted it"
        if action != "wait":
            self._answered.set()

    def wait(self, stopped: threading.Event) -> dict[str, str]:
        """Wait, and return the variables that are set from now on.

        Raises
        ------
        OperatorFailed
            Where it was aborted or stopped, or what was waited for did not come in time.
        """
        while self.waits and not self._over():
            if stopped.is_set():
                msg = f"task {self.task!r}: stopped while it waited"
                raise OperatorFailed(msg)
            left = _LOOK_EVERY
            if self.deadline is not None:
                left = min(left, max(0.0, self.deadline - time.time()))
            self._answered.wait(left)
        if self._refused:
            msg = f"task {self.task!r}: {self._refused}"
            raise OperatorFailed(msg)
        return self.variables

    def _over(self) -> bool:
        if self._answered.is_set() or (self.kind == "file" and self._has_come()):
            return True
        if self.deadline is None or time.time() < self.deadline:
            return False
        if self.kind == "file":
            self._refused = f"the file {self.arguments['filename']!r} has not come in time"
        elif self.kind == "input" and not self.variables:
            self._refused = "nobody answered in time"
        return True

    def _has_come(self) -> bool:
        """Return whether the file is there, complete, and newer than its reference."""
        if self.file is None:
            return False
        try:
            changed = self.file.stat().st_mtime
            if self.reference is not None and self.reference.exists():
                return changed > self.reference.stat().st_mtime
        except OSError:
            return False
        return time.time() - changed >= _SETTLED or changed > time.time() + _SETTLED


def _given(arguments: Mapping[str, str], key: str) -> str:
    value = arguments.get(key, "").strip()
    return "" if value == "-" else value
