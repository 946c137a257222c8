"""How far the work has come: a live bar on a terminal, plain lines in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Meter", "announce", "heard_by", "track"]

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_LINES = 10.0
_LISTENERS: list[Callable[[str, int, int], None]] = []


@contextmanager
def heard_by(listener: Callable[[str, int, int], None]) -> Iterator[None]:
    """Let a function hear of all progress of this process: what, how many done, of how many."""
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def announce(what: str) -> None:
    """Say what goes on where nothing can be counted, such as waiting."""
    _LOG.info("%s", what)
    for listener in _LISTENERS:
        listener(what, 0, 0)


class Meter:
    """Show how many of how many are done; called with both numbers, as a callback is.

    Use it as a context manager, or call `close`: a bar that is left open hides the cursor.

    Parameters
    ----------
    what : str
        A few words for the line, such as ``"reducing frames"``.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task: TaskID | None = None
        self._started = self._last = time.monotonic()
        self._state = (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __call__(self, done: int, total: int) -> None:
        """Take note that `done` of `total` are done."""
        self._state = (done, total)
        for listener in _LISTENERS:
            listener(self.what, done, total)
        if self._bar is not None:
            if self._task is None:
                self._bar.start()
                self._task = self._bar.add_task(self.what, total=total)
            self._bar.update(self._task, completed=done, total=total)
            return
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES and done < total:
            self._last = now
            _LOG.info("%s: %d of %d, %.0f s", self.what, done, total, now - self._started)

    def close(self) -> None:
        """Say how it ended; nothing where nothing was ever told."""
        done, total = self._state
        if self._bar is not None:
            if self._task is not None:
                self._bar.stop()
        elif total:
            seconds = time.monotonic() - self._started
            _LOG.info("%s: %d of %d in %.1f s", self.what, done, total, seconds)


def track(items: Iterable[T], total: int, what: str, *, quiet: bool = False) -> Iterator[T]:
    """Pass items through and show how many of how many have gone.

    Parameters
    ----------
    items : iterable
    total : int
        How many are expected.
    what : str
        A few words for the line, such as ``"reducing frames"``.
    quiet : bool
        Show nothing at all.
    """
    if quiet or total == 0:
        yield from items
        return
    with Meter(what) as meter:
        meter(0, total)
        for done, item in enumerate(items, 1):
            yield item
            meter(done, total)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
    )
