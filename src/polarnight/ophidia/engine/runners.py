"""Places to compute, kept between commands."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.cubes.running.runner import Runner

__all__ = ["Runners"]


class Runners:
    """Threads, processes of this machine or a cluster, as the settings say.

    Parameters
    ----------
    settings : Settings
        Of which ``cubes.scheduler`` and ``cubes.memory_fraction`` count.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.cubes
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, int], tuple[Runner, threading.Lock]] = {}

    @property
    def memory(self) -> str:
        """How much of it may be used; blocks are made to fit when cubes are."""
        return f"{100 * self._settings.memory_fraction:g} %"

    @contextmanager
    def get(
        self,
        ncores: int = 1,
        nthreads: int = 1,
        progress: Callable[[int, int], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> Iterator[Runner]:
        """Give a runner of so many processes of so many threads.

        On this machine no more processes than it has processors. They are kept for the next
        command of the same numbers; who else wants them waits.
        """
        from polarnight.cubes.running.runner import Runner

        memory, scheduler = self.memory, self._settings.scheduler
        if "://" not in scheduler:
            ncores = min(ncores, os.cpu_count() or 1)
            nthreads = min(nthreads, os.cpu_count() or 1)
        if scheduler == "threads":
            with Runner("threads", ncores, nthreads, memory, progress, cancelled) as runner:
                yield runner
            return
        with self._lock:
            if (ncores, nthreads) not in self._kept:
                made = Runner(scheduler, ncores, nthreads, memory)
                self._kept[ncores, nthreads] = (made, threading.Lock())
            runner, busy = self._kept[ncores, nthreads]
        with busy:
            runner.progress, runner.cancelled = progress, cancelled
            yield runner

    def close(self) -> None:
        """End the processes that were kept."""
        with self._lock:
            kept, self._kept = self._kept, {}
        for runner, _ in kept.values():
            runner.close()
