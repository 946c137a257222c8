"""The process beside this one that keeps a cluster of this machine: started, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from pathlib import Path
from typing import IO, Final

from polarnight.cubes.running.cluster_host import COMMAND
from polarnight.errors import ExternalService

__all__ = ["SECONDS_TO_START", "ClusterProcess"]

SECONDS_TO_START: Final = 60.0
_SECONDS_TO_END: Final = 10.0


class ClusterProcess:
    """The process of `polarnight.cubes.running.cluster_host`.

    Attributes
    ----------
    scratch : Path
        A directory that it removes in the end.
    certificate, tls_key : str
        What its scheduler wants to see, in PEM.
    """

    scratch: Path
    certificate: str
    tls_key: str

    def __init__(self, workers: int, threads: int, memory: int) -> None:
        options = {
            "path": [os.path.abspath(place) for place in sys.path],  # noqa: PTH100
            "workers": workers,
            "threads": threads,
            "memory": memory // workers,
            "parent": os.getpid(),
        }
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        # A session of its own: an interrupt from the keyboard is for the coordinator, which
        # may want to close in peace.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", COMMAND, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )
        self._end = weakref.finalize(self, _end, self._process, os.getpid(), self._complaints)

    def address(self) -> str:
        """Wait for the cluster and return its address.

        Raises
        ------
        ExternalService
            Where it does not start.
        """
        output = self._process.stdout
        timer = threading.Timer(SECONDS_TO_START, self._process.kill)
        timer.daemon = True
        timer.start()
        line = b"" if output is None else output.readline()
        timer.cancel()
        if not line:
            self._process.wait()
            self._complaints.seek(0)
            text = self._complaints.read().decode(errors="replace").strip()
            self.close()
            msg = f"the processes of scheduler = 'local' did not start: {text[-2000:]}"
            raise ExternalService(msg)
        started: dict[str, str] = json.loads(line)
        self.scratch = Path(started["scratch"])
        self.certificate, self.tls_key = started["certificate"], started["key"]
        return started["address"]

    def close(self) -> None:
        """End the process, and its workers with it."""
        self._end()


def _end(process: subprocess.Popen[bytes], owner: int, complaints: IO[bytes]) -> None:
    if os.getpid() != owner:  # a fork of the coordinator, whose cluster it is not
        return
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
    complaints.close()
