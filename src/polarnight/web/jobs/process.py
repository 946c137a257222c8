"""The process of a job, as its worker sees it: started, listened to, ended with all of its."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

__all__ = ["JobProcess"]

_GRACE = 3.0  # seconds between SIGTERM and SIGKILL


class JobProcess:
    """A process of `polarnight.web.jobs.child`, leader of a group of its own.

    Parameters
    ----------
    order : mapping
        What it is told.
    log : Path
        Where its standard error goes.

    Attributes
    ----------
    stage, done, total
        The newest that it said.
    end : dict or None
        What it said at its end.
    noted : dict
        What is to be kept, whatever becomes of it.
    """

    def __init__(self, order: Mapping[str, Any], log: Path) -> None:
        self.stage, self.done, self.total = "starting", 0, None
        self.end: dict[str, Any] | None = None
        self.noted: dict[str, Any] = {}
        environment = dict(os.environ)
        environment.pop("DJANGO_SETTINGS_MODULE", None)  # the pipeline needs no site
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "polarnight.web.jobs.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.daemon = True
        self._reader.start()
        with contextlib.suppress(OSError):
            self._input.write(json.dumps(order, default=str).encode() + b"\n")
            self._input.flush()  # and left open: its end tells the child that we are gone

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _read(self, lines: IO[bytes]) -> None:
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                told = json.loads(line)
                if "end" in told:
                    self.end = told
                elif "note" in told:
                    self.noted = {**self.noted, **told["note"]}
                else:
                    self.stage, self.done, self.total = told["stage"], told["done"], told["total"]

    def wait(self, seconds: float) -> bool:
        """Wait for its end; return whether it came."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._reader.join(2.0)
        return True

    @property
    def status(self) -> int | None:
        """How it ended: negative by a signal, None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End it and all that it started: SIGTERM, and SIGKILL to what is left."""
        self._signal(signal.SIGTERM)
        self.wait(_GRACE)
        self.sweep()

    def sweep(self) -> None:
        """Kill what is left of its group, and close the pipes."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self.wait(_GRACE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, number)
            elif self.status is None:
                self._process.terminate()
