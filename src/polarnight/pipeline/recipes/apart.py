"""Stages of other packages run in a process of their own.

Such a stage may hang, eat the memory of the machine, write to standard output, end the process
or spoil what it was given. In a process beside the worker it harms nobody: what it gets is a
copy, what it takes is limited, and ending it costs the frame at hand and nothing else. The
process stays for the frames that follow; `polarnight.pipeline.recipes.stage_host` is what it runs.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from polarnight.errors import AlgorithmFailed
from polarnight.instruments.observatories import OBSERVATORIES
from polarnight.pipeline.recipes.messages import Answer, Call, Hello, receive, send

if TYPE_CHECKING:
    from polarnight.pipeline.recipes.stage import Product, Stage

__all__ = ["StageLimits", "run_apart"]

_HOST: Final = "polarnight.pipeline.recipes.stage_host"
_START_SECONDS: Final = 120.0
_GRACE_SECONDS: Final = 5.0
"""Longer than its limit a stage is waited for: the process says where it was and ends itself."""

_LINES_KEPT: Final = 60


@dataclass(frozen=True, slots=True)
class StageLimits:
    """What a stage of another package may take.

    Attributes
    ----------
    seconds : float
        Of wall-clock time for one frame, cycle or master.
    memory_fraction : float
        Of the memory of the machine.
    """

    seconds: float = 300.0
    memory_fraction: float = 0.25


_DEFAULT = StageLimits()


def run_apart(stage: Stage, product: Product, who: str, limits: StageLimits = _DEFAULT) -> Any:
    """Run a stage in the process beside this one; return what it returned.

    Parameters
    ----------
    stage : Stage
    product : Product
        Stays as it is, whatever the stage does to its copy.
    who : str
        How messages call the stage.
    limits : StageLimits

    Returns
    -------
    object
        A `Product`, if the stage is right. Values that it did not replace are those of `product`.

    Raises
    ------
    PolarnightError, OSError
        As the stage raised it.
    AlgorithmFailed
        Where the stage fails otherwise, takes too long or too much memory, or ends its process;
        names the stage, its package and the remedy.
    """
    host = _host()
    try:
        answer = host.ask(stage, product, who, limits)
    except BaseException:
        # Whoever was interrupted here does not know what the process is doing.
        _end()
        raise
    if answer.error is not None:
        raise answer.error
    if answer.failure:
        msg = f"{who} {answer.failure}"
        raise AlgorithmFailed(msg)
    return answer.made(product)


class _Host:
    """The process beside this one, and the pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", _HOST],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._path = tuple(sys.path)
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._told: deque[str] = deque(maxlen=_LINES_KEPT)
        readers = (
            threading.Thread(target=self._read_answers, args=(self._out,), daemon=True),
            threading.Thread(target=self._read_words, args=(self._process.stderr,), daemon=True),
        )
        for reader in readers:
            reader.start()
        self._words = readers[1]
        with contextlib.suppress(BrokenPipeError):
            send(self._in, pickle.dumps(Hello(self._path)))
        if self._answer(_START_SECONDS) is None:
            self.end()
            msg = f"the process for stages of other packages does not start: {self._last_words()}"
            raise AlgorithmFailed(msg)

    @property
    def _in(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def ready(self) -> bool:
        """Whether it can be asked: it runs, and finds the packages that this process finds."""
        return self._process.poll() is None and self._path == tuple(sys.path)

    def ask(self, stage: Stage, product: Product, who: str, limits: StageLimits) -> Answer:
        """Have a stage run; see `run_apart`."""
        import cloudpickle

        call = Call(
            stage, product, OBSERVATORIES.snapshot(), limits.seconds, limits.memory_fraction
        )
        self._told.clear()
        begun = time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # it died; its exit code says how
            # Classes of a notebook or script travel by value.
            send(self._in, cloudpickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL))
        answer = self._answer(limits.seconds + _GRACE_SECONDS)
        if isinstance(answer, Answer):
            return answer
        took = time.monotonic() - begun
        self.end()
        if took >= limits.seconds:
            raise AlgorithmFailed(self._too_long(stage, who, limits.seconds))
        raise AlgorithmFailed(self._died(who, limits.memory_fraction))

    def _answer(self, seconds: float) -> Any:
        """Return what comes next, None where nothing comes in time or the process ended."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None

    def _too_long(self, stage: Stage, who: str, seconds: float) -> str:
        place = self._place_of(stage)
        return (
            f"{who} did not end within {seconds:g} s and was stopped{place}; allow more with the "
            "setting stages.seconds and run with --retry-failed, or take the stage out of the "
            "recipe"
        )

    def _place_of(self, stage: Stage) -> str:
        """Return where the stage was when it was stopped, as the process has told."""
        self._words.join(1.0)
        file = str(getattr(sys.modules.get(type(stage).__module__), "__file__", None))
        lines = [line.strip() for line in self._told if line.lstrip().startswith("File ")]
        own = [line for line in lines if file in line] or lines
        return f" ({own[0].removeprefix('File ')})" if own else ""

    def _died(self, who: str, fraction: float) -> str:
        code = self._process.returncode
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return (
            f"{who} ended its process {how}: {self._last_words()}; it may take "
            f"{100 * fraction:g} % of the memory (setting stages.memory_fraction)"
        )

    def _last_words(self) -> str:
        self._words.join(1.0)
        said = [line.strip() for line in self._told if line.strip()]
        return said[-1] if said else "it said nothing"

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._in.close()

    def _read_answers(self, pipe: IO[bytes]) -> None:
        while True:
            try:
                answer = receive(pipe)
            except EOFError:
                answer = None
            except Exception as error:  # noqa: BLE001 - whatever unpickling raises
                answer = Answer(failure=f"returned what cannot be read: {error}")
            self._answers.put(answer)
            if answer is None:
                pipe.close()
                return

    def _read_words(self, pipe: IO[bytes]) -> None:
        """Keep the last lines that the stage writes; without a reader it would wait for one."""
        with pipe:
            for line in iter(lambda: pipe.readline(4096), b""):
                self._told.append(line.decode(errors="replace"))


_HOSTS = threading.local()  # a worker of Dask has several threads


def _host() -> _Host:
    host: _Host | None = getattr(_HOSTS, "host", None)
    if host is not None and not host.ready:
        _end()
        host = None
    if host is None:
        host = _HOSTS.host = _Host()
    return host


def _end() -> None:
    host: _Host | None = getattr(_HOSTS, "host", None)
    if host is not None:
        host.end()
        _HOSTS.host = None
