"""Running a registered program: no shell, a clean environment, a time limit."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from polarnight.errors import Cancelled
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.files.guarding import exports

if TYPE_CHECKING:
    from polarnight.ophidia.context import Context

__all__ = ["Done", "Program", "environment", "session_directory", "split_words"]

_LONGEST = 1_000_000
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended.

    Attributes
    ----------
    code : int
    stdout, stderr : str
        At most a million characters of each.
    """

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Program:
    """A program that may run.

    Attributes
    ----------
    name : str
    path : Path
    timeout : float
        Seconds.
    """

    name: str
    path: Path
    timeout: float

    def run(
        self,
        arguments: Sequence[str],
        directory: Path,
        variables: dict[str, str],
        cancelled: threading.Event | None = None,
    ) -> Done:
        """Run it and wait for its end.

        Raises
        ------
        BadValue
            Where it cannot be started.
        OperatorFailed
            Where it took too long; it is stopped with everything that it started.
        Cancelled
        """
        if any("\x00" in one for one in arguments):
            msg = f"an argument of {self.name} holds a NUL character"
            raise BadValue(msg, "type it again without")
        try:
            process = subprocess.Popen(  # noqa: S603  (registered in the settings, no shell)
                [str(self.path), *arguments],
                cwd=directory,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            msg = f"{self.name} ({self.path}) cannot be started: {error.strerror}"
            raise BadValue(msg, "correct the setting cubes.scripts") from error
        readers = [_Reader(stream) for stream in (process.stdout, process.stderr) if stream]
        limit = time.monotonic() + self.timeout
        while True:
            try:
                code = process.wait(timeout=0.05)
                break
            except subprocess.TimeoutExpired:
                stopped = cancelled is not None and cancelled.is_set()
                if not stopped and time.monotonic() < limit:
                    continue
                _kill(process)
                if stopped:
                    msg = f"{self.name} was stopped"
                    raise Cancelled(msg) from None
                msg = f"{self.name} took longer than {self.timeout:g} seconds and was stopped"
                raise OperatorFailed(msg, "raise the setting cubes.script_timeout") from None
        # What it left running in the background has no business here.
        _kill(process)
        stdout, stderr = (reader.text() for reader in readers)
        return Done(code, stdout, stderr)


class _Reader(threading.Thread):
    """Reads a pipe to its end, and keeps the first million bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._kept = bytearray()
        self.start()

    def run(self) -> None:
        with self._stream as stream:
            while piece := stream.read(65536):
                self._kept += piece[: max(0, _LONGEST - len(self._kept))]

    def text(self) -> str:
        """Return what was read."""
        self.join(5.0)
        return bytes(self._kept).decode("utf-8", "replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def session_directory(context: Context) -> Path:
    """Return the export directory of the session, made if it is not there."""
    code = context.session.code
    place = exports(context.settings, context.user) / code / "misc"
    place.mkdir(parents=True, exist_ok=True)
    return place


def environment(context: Context, prefix: str, place: Path) -> dict[str, str]:
    """Return the environment of a program: the usual names, and those of Ophidia."""
    own = {name: os.environ[name] for name in _KEPT if name in os.environ}
    values = {
        "DATA_PATH": context.files.root.as_posix(),
        "SESSION_PATH": place.as_posix(),
        "SESSION_URL": context.state.session,
        "SESSION_CODE": context.session.code,
        "WORKFLOW_ID": str(context.workflow),
        "MARKER_ID": str(context.marker),
        "SERVER_HOST": "localhost",
        "SERVER_PORT": "0",
        "USER": context.user,
    }
    return own | {f"{prefix}{name}": value for name, value in values.items()}


def split_words(words: Sequence[str], *, whole: bool) -> list[str]:
    """Return arguments; blanks part them too, unless they are taken as a `whole`.

    Raises
    ------
    BadValue
        Where a quote is not closed.
    """
    given = [word for word in words if word.strip()]
    if whole:
        return given
    try:
        return [part for word in given for part in shlex.split(word)]
    except ValueError as error:
        msg = f"args={'|'.join(given)[:60]} cannot be parted: {error}"
        raise BadValue(msg, "close the quotes, or add space=yes") from error
