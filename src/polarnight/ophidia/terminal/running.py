"""Long work in the terminal: progress, and stopping it without leaving."""

from __future__ import annotations

import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

from polarnight.ophidia.answers.tables import clean
from polarnight.ophidia.errors import OperatorFailed

__all__ = ["Progress", "Worker"]

_PATIENCE = 0.7  # seconds before progress is shown: short commands leave no trace
_EVERY = 0.1
_Result = TypeVar("_Result")


class Progress:
    """A line at the bottom of the screen that says how far work has come.

    Parameters
    ----------
    out : file, optional
        Where to; nothing is shown where it is no screen.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stderr
        self.on = self.out.isatty() and os.environ.get("TERM") != "dumb"
        self.begin = time.monotonic()
        self.text, self.fraction = "", 0.0
        self._shown = ""

    def __call__(self, text: str, fraction: float) -> None:
        """Take how far it is; called from the thread that works."""
        self.text, self.fraction = text, min(max(fraction, 0.0), 1.0)

    def show(self) -> None:
        """Draw the line; called from the thread of the terminal."""
        seconds = time.monotonic() - self.begin
        if not self.on or seconds < _PATIENCE:
            return
        width = shutil.get_terminal_size((80, 24)).columns
        bar = "#" * round(20 * self.fraction)
        line = f"[{bar:<20}] {100 * self.fraction:3.0f}% {seconds:5.0f} s  {clean(self.text)}"
        line = line[: width - 1]
        if line != self._shown:
            self.out.write(f"\r\x1b[K{line}")
            self.out.flush()
            self._shown = line

    def wipe(self) -> None:
        """Take the line away."""
        if self._shown:
            self.out.write("\r\x1b[K")
            self.out.flush()
            self._shown = ""

    def note(self, text: str) -> None:
        """Say something above the line."""
        self.wipe()
        self.out.write(f"{text}\n")
        self.out.flush()


class Worker:
    """Does work in a thread of its own, so that Ctrl-C stops the work and not the terminal."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._tasks = queue.SimpleQueue()
            self._thread = threading.Thread(
                target=_work, args=(self._tasks,), name="terminal", daemon=True
            )
            self._thread.start()

    def run(
        self,
        work: Callable[[Callable[[str, float], None], threading.Event], _Result],
        progress: Progress | None = None,
    ) -> _Result:
        """Do something and return what it gives.

        Parameters
        ----------
        work : callable
            Takes a callable for progress, and an event that is set where it should stop.
        progress : Progress, optional

        Raises
        ------
        OperatorFailed
            Where Ctrl-C was pressed twice: the work then goes on in the background.
        """
        shown = progress or Progress()
        stop, done = threading.Event(), threading.Event()
        result: list[Any] = []
        error: list[BaseException] = []

        def task() -> None:
            try:
                result.append(work(shown, stop))
            except BaseException as raised:  # noqa: BLE001
                # It belongs to whoever waits for the result, and is raised there.
                error.append(raised)
            finally:
                done.set()

        self._start()
        self._tasks.put(task)
        self._wait(done, stop, shown)
        if error:
            raise error[0]
        return result[0]  # type: ignore[no-any-return]

    def _wait(self, done: threading.Event, stop: threading.Event, shown: Progress) -> None:
        try:
            while not done.is_set():
                try:
                    done.wait(_EVERY)
                    shown.show()
                except KeyboardInterrupt:
                    if stop.is_set():
                        self._thread = None
                        msg = "left alone; it stops as soon as it can"
                        raise OperatorFailed(msg) from None
                    stop.set()
                    shown.note("stopping; press Ctrl-C again to leave it alone")
        finally:
            shown.wipe()

    def close(self) -> None:
        """End the thread, and its connection to the database."""
        if self._thread is not None and self._thread.is_alive():
            self._tasks.put(None)
            self._thread.join(5)


def _work(tasks: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    from django.db import connections

    try:
        while (task := tasks.get()) is not None:
            task()
    finally:
        connections.close_all()
