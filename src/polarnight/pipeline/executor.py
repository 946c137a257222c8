"""Where the work of a night runs: this process, a pool of processes, or a Dask cluster.

Tasks are pure: a module-level function and plain arguments, files in, plain results out.
Only the coordinating process keeps the books, so a worker that dies costs time and
nothing else: its task is sent once more, to a fresh pool, and only then given up.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from polarnight.errors import (
    AlgorithmFailed,
    BadFrame,
    ConfigError,
    ExternalService,
    PolarnightError,
)
from polarnight.instruments.observatories import OBSERVATORIES, Snapshot

__all__ = ["Outcome", "Task", "WorkPool"]

_PROCESS: Final = uuid4().hex
"""Tells this process from others, also on other machines."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work: ``function(*arguments)``, known to its sender by `key`."""

    key: Any
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: a result, or the error and where it arose; how long it took."""

    key: Any
    result: Any = None
    error: Exception | None = None
    trace: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the task returned."""
        return self.error is None

    @property
    def expected(self) -> bool:
        """Whether an error is one of ours: a statement about the data, not a bug."""
        return isinstance(self.error, PolarnightError)

    def reason(self, path: str | Path = "") -> str:
        """Return why the task failed, for a reader who knows that it is about `path`."""
        if isinstance(self.error, BadFrame) and self.error.path == str(path):
            remedy = self.error.remedy
            return self.error.reason + (f" ({remedy})" if remedy else "")
        return str(self.error)


def _call(task: Task) -> Outcome:
    begun = time.perf_counter()
    try:
        result = task.function(*task.arguments)
        return Outcome(task.key, result=result, seconds=time.perf_counter() - begun)
    except Exception as error:  # noqa: BLE001
        # The night goes on past a bad frame: every error travels home as a value, with
        # its traceback, and is counted, stored and shown by the coordinator.
        trace = traceback.format_exc()
        if not isinstance(error, PolarnightError):
            # Foreign exceptions may not survive pickling; their text does.
            error = AlgorithmFailed(f"{type(error).__name__}: {error}")
        return Outcome(task.key, error=error, trace=trace, seconds=time.perf_counter() - begun)


def _call_elsewhere(task: Task, declared: Snapshot, sender: str) -> Outcome:
    """Run a task of another process with the observatories that that one knows.

    The files that declare them may be nowhere near, and the worker's settings others.
    """
    if sender != _PROCESS:
        OBSERVATORIES.adopt(declared)
    return _call(task)


def _prepare_worker(threads: int, coordinator: int) -> None:
    # The pool itself is the parallelism; libraries must not each start a thread a core.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARNIGHT_THREADS"):
        os.environ[name] = str(threads)
    threading.Thread(target=_end_with, args=(coordinator,), daemon=True).start()


def _end_with(coordinator: int) -> None:
    """End this worker when its coordinator is gone: nobody would ever take its results."""
    while os.getppid() == coordinator:
        time.sleep(1.0)
    os._exit(1)


class WorkPool(AbstractContextManager["WorkPool"]):
    """Run tasks and hand back their outcomes as they come.

    Parameters
    ----------
    scheduler : str
        ``"serial"``: in this process, for debugging and notebooks; ``"local"``: a pool
        of processes on this machine; ``"tcp://host:port"``: a Dask scheduler.
    processes : int
        Number of local processes; one means ``"serial"``.
    threads : int
        Threads inside each local process.

    Raises
    ------
    ConfigError
        Where the scheduler is none of these.
    ExternalService
        Where a Dask scheduler does not answer.
    """

    def __init__(self, scheduler: str = "local", processes: int = 2, threads: int = 1) -> None:
        if scheduler not in {"serial", "local"} and "://" not in scheduler:
            msg = f"scheduler = {scheduler!r}: use 'serial', 'local' or 'tcp://host:port'"
            raise ConfigError(msg)
        self.scheduler = "serial" if scheduler == "local" and processes < 2 else scheduler
        self.processes = processes
        self.threads = threads
        self._executor: Any = None
        self._death = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close(wait=kind is None)

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Run the tasks; yield an `Outcome` for each, in order of completion.

        Parameters
        ----------
        tasks : sequence of Task

        Yields
        ------
        Outcome
            Exactly one for each task, whatever happened to it.
        """
        if self.scheduler == "serial" or (self.scheduler == "local" and len(tasks) == 1):
            yield from map(_call, tasks)
            return
        lost: list[Task] = []
        for task, future in self._submit(tasks):
            outcome = self._collect(task, future)
            if outcome is None:
                lost.append(task)
            else:
                yield outcome
        if lost:
            self._close(wait=False)
            # One task may be killing every pool; alone, it takes nobody with it.
            yield from self._run_one_by_one(lost)

    def _run_one_by_one(self, tasks: list[Task]) -> Iterator[Outcome]:
        for task in tasks:
            for _, future in self._submit([task]):
                outcome = self._collect(task, future)
                if outcome is None:
                    self._close(wait=False)
                    error = AlgorithmFailed(
                        f"the worker process died twice on this task; out of memory? {self._death}"
                    )
                    outcome = Outcome(task.key, error=error)
                yield outcome

    def _submit(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Any]]:
        executor = self._executor or self._open()
        futures: dict[Any, Task] = {}
        for task in tasks:
            try:
                futures[self._send(executor, task)] = task
            except BrokenProcessPool as error:
                failed: Future[Outcome] = Future()
                failed.set_exception(error)
                futures[failed] = task
        for future in self._as_completed(list(futures)):
            yield futures[future], future

    def _send(self, executor: Any, task: Task) -> Any:
        declared = OBSERVATORIES.snapshot()
        if self.scheduler == "local":
            return executor.submit(_call_elsewhere, task, declared, _PROCESS)
        # Not pure: a task that is sent again shall run again, and no two be taken for one.
        return executor.submit(_call_elsewhere, task, declared, _PROCESS, pure=False)

    def _as_completed(self, futures: list[Any]) -> Iterable[Any]:
        if self.scheduler == "local":
            return as_completed(futures)
        from distributed import as_completed as dask_as_completed

        finished: Iterable[Any] = dask_as_completed(futures, loop=self._executor.loop)
        return finished

    def _collect(self, task: Task, future: Any) -> Outcome | None:
        try:
            outcome: Outcome = future.result()
        except BrokenProcessPool as error:
            self._death = " ".join(str(error).split())
            return None
        except Exception as error:  # noqa: BLE001 - whatever the scheduler raises
            if type(error).__name__ == "KilledWorker":
                self._death = " ".join(str(error).split())
                return None
            return Outcome(task.key, error=AlgorithmFailed(f"{type(error).__name__}: {error}"))
        return outcome

    def _open(self) -> Any:
        if self.scheduler == "local":
            from loky import ProcessPoolExecutor

            # Clean interpreters (no inherited database connection or lock) that do not
            # import the caller's script again, which needs no __main__ guard therefore.
            self._executor = ProcessPoolExecutor(
                self.processes,
                initializer=_prepare_worker,
                initargs=(self.threads, os.getpid()),
            )
            return self._executor
        from distributed import Client

        try:
            self._executor = Client(self.scheduler, timeout=10, set_as_default=False)
        except OSError as error:
            msg = f"the Dask scheduler at {self.scheduler} does not answer: {error}"
            raise ExternalService(msg) from error
        return self._executor

    def _close(self, *, wait: bool) -> None:
        if self._executor is None:
            return
        if self.scheduler == "local":
            self._executor.shutdown(wait=wait, kill_workers=not wait)
        else:
            self._executor.close()
        self._executor = None
