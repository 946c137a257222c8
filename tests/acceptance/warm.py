"""Processes that start warm: forked from one that has imported the pipeline and made a database.

A night of the acceptance tests takes a process and a data directory of its own. To start Python,
import everything and create the tables takes longer than many such nights themselves; so one
process (this file as a script) does it once, and is forked for each. It has no night in its memory:
it imports, and knows no settings but those of an empty directory, of which each fork gets a copy.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Imported by functions where they are first needed.
_LATER = (
    "astropy.coordinates", "astropy.io.ascii", "astropy.table", "astropy.time", "scipy.linalg",
    "scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.spatial", "scipy.special",
    "scipy.stats",
)  # fmt: skip
_PACKAGES = (
    "astrometry", "calibration", "cli", "frames", "instruments", "photometry", "pipeline",
    "polarimetry", "simulation",
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """How a call ended, and what it printed."""

    status: int
    stdout: str
    stderr: str


def call(
    module: str, function: str, arguments: list[Any], place: Path, env: dict[str, str]
) -> Done:
    """Call a function of a script beside this one in a process of its own.

    Its data directory is ``place/data``, its environment that of a user who has set `env` and
    nothing else of Polarnight.
    """
    return _server().call(
        {
            "module": module,
            "function": function,
            "arguments": arguments,
            "place": str(place),
            "env": env,
        }
    )


_own = threading.local()  # each thread has a server, which does one thing at a time


def _server() -> _Server:
    # It ends with this process, however that ends: its input does.
    if not hasattr(_own, "server"):
        _own.server = _Server()
        atexit.register(_own.server.close)
    return _own.server


class _Server:
    def __init__(self) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("POLARNIGHT_", "DJANGO_"))}
        env |= {
            "POLARNIGHT_CONFIG": os.devnull,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )

    def call(self, job: dict[str, Any]) -> Done:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        status = stdout.readline()
        if not status:
            raise RuntimeError("the warm process is gone")
        place = Path(job["place"])
        return Done(int(status), *((place / name).read_text() for name in ("stdout", "stderr")))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


# -- in the warm process --------------------------------------------------------------------------


def _get_warm(template: Path) -> None:
    import polarnight

    polarnight.Config(config_db=True, datadir=template)
    for name in _LATER:
        importlib.import_module(name)
    for name in _PACKAGES:
        package = importlib.import_module(f"polarnight.{name}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    _read_earth_orientation()
    _compute_intervals()
    from django.db import connections

    connections.close_all()


def _read_earth_orientation() -> None:
    from polarnight.photometry.times import bjd_tdb

    bjd_tdb(2459841.5, 0.0, 0.0, longitude=0.0, latitude=0.0, height=0.0)


def _compute_intervals() -> None:
    # The tables of intervals of the degree of polarization are computed once in a process.
    import numpy as np

    from polarnight.polarimetry import degree_and_angle

    degree_and_angle(np.array([0.01]), np.array([0.0]), 1e-6 * np.eye(2)[None])


def _serve(template: Path) -> None:
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(_one(job, template))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _one(job: dict[str, Any], template: Path) -> int:
    place = Path(job["place"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        with (place / name).open("wb") as handle:
            os.dup2(handle.fileno(), number)
    try:
        shutil.copytree(template, place / "data")
        os.environ |= {"POLARNIGHT_DATADIR": str(place / "data"), **job["env"]}
        import polarnight

        polarnight.Config(config_db=True, reconfigure=True)
        getattr(importlib.import_module(job["module"]), job["function"])(*job["arguments"])
        status = 0
    except BaseException:  # noqa: BLE001 - of a fork nothing may reach the server
        traceback.print_exc()
        status = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    return status


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="polarnight-warm-") as directory:
        empty = Path(directory) / "data"
        _get_warm(empty)
        _serve(empty)
