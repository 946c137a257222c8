"""A process that keeps a Dask cluster of this machine for as long as its starter lives.

A process of its own, because processes that Dask starts import the main script of their
starter again: so scripts without a ``__main__`` guard and notebooks work, and nothing of
the cluster lives in theirs. It ends when its standard input is closed or its parent is
gone, however that died; workers end with it.

Who can talk to a scheduler can run code as its owner, and every user of a machine can reach
its ports. So all talk is over TLS, with a key that is made for this cluster, lives in memory,
and is told the starter alone, through the pipe between them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

__all__ = ["COMMAND", "main"]

COMMAND = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1])['path']; "
    "from polarnight.cubes.running.cluster_host import main; main(sys.argv[1])"
)
"""Python that runs `main`; with no file of its own that workers would import again."""

# Libraries must not each start a thread a processor; and memory that is given back to the
# system after each block would have to be fetched again for the next.
_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "POLARNIGHT_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
}


def main(text: str) -> None:
    """Start the cluster, print its address and key, wait for the end.

    Parameters
    ----------
    text : str
        JSON: workers, threads, memory (bytes of each worker), parent (process id).
    """
    options = json.loads(text)
    os.environ.update(_ENVIRONMENT)
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    settings = {
        "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
        # Data beyond the bound go to disk; a worker is not killed for being large, as the
        # limit counts what blocks need, not what an interpreter takes.
        "distributed.worker.memory.target": 0.8,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        "distributed.scheduler.allowed-failures": 3,
        "distributed.admin.log-format": "%(name)s: %(message)s",
    }
    with (
        tempfile.TemporaryDirectory(prefix="polarnight-", ignore_cleanup_errors=True) as scratch,
        dask.config.set(settings),
        LocalCluster(
            n_workers=options["workers"],
            threads_per_worker=options["threads"],
            memory_limit=options["memory"],
            processes=True,
            host="127.0.0.1",
            protocol="tls://",
            security=security,
            dashboard_address=None,
            local_directory=scratch,
            # Before anything imports dask.array with all that it looks for.
            preload=["polarnight.cubes.running.light"],
        ) as cluster,
    ):
        started = {
            "address": cluster.scheduler_address,
            "scratch": scratch,
            "certificate": security.tls_client_cert,
            "key": security.tls_client_key,
        }
        print(json.dumps(started), flush=True)
        _wait(options["parent"], Path(scratch))


def _wait(parent: int, scratch: Path) -> None:
    """Wait until nobody needs this process any more."""
    over = threading.Event()

    def read() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=read, daemon=True).start()
    # Children of the parent may hold its end of the pipe open; so look for itself as well.
    while not over.wait(1.0) and os.getppid() == parent and scratch.exists():
        pass
    # A parent that died can not kill what hangs.
    threading.Thread(target=_insist, daemon=True).start()


def _insist(*_: Any) -> None:
    time.sleep(20.0)
    os._exit(1)
