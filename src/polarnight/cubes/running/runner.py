"""Where lazy cubes are computed: threads, processes of this machine, or a Dask cluster.

The same tasks on the same blocks in every place, so the results are the same to the bit.
Only the coordinator collects; a worker that dies costs time, its blocks are made again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from polarnight import _native
from polarnight.cubes.running.graphs import (
    ArrayTarget,
    Target,
    check_shapes,
    largest_block,
    output_blocks,
    write_graph,
)
from polarnight.cubes.running.memory import Bound, bound_bytes, in_flight
from polarnight.errors import Cancelled, ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.running.clusters import Cluster

__all__ = ["SCHEDULERS", "Progress", "Runner", "default_runner"]

SCHEDULERS: Final = ("threads", "local", "sync")
"""Names of schedulers; any other is an address, such as ``tcp://host:8786``."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many of how many pieces of work are done."""


class Runner(AbstractContextManager["Runner"]):
    """Computes lazy arrays, within bounds of processors and memory.

    Processes are started, and clusters asked, when the first work comes, and kept until
    `close`. Use it as a context manager where the scheduler is not ``"threads"``.

    Parameters
    ----------
    scheduler : str
        ``"threads"``: of this process; ``"local"``: processes of this machine;
        ``"tcp://host:port"`` (or ``tls://``): a Dask cluster; ``"sync"``: no parallelism, for
        tests.
    workers : int, optional
        Processes, Ophidia's ``ncores``. By default as many as there are processors; of a
        cluster all workers.
    threads : int
        Threads of each, Ophidia's ``nthreads``; in this process `workers` times `threads`
        are used. A cluster by its address has processes and threads of its own: there no more
        than `workers` times `threads` blocks are in work at once.
    memory : int or str, optional
        Memory bound, see `polarnight.cubes.running.memory.bound_bytes`. No more blocks are in
        work at once, in all threads or processes together, than have room; of a cluster of
        other machines too, as their results come here. What its workers take beside blocks is
        theirs: give them ``--memory-limit``.
    progress : callable, optional
        Called with (done, total) as blocks are finished; `polarnight.progress.Meter` is one.
    cancelled : threading.Event, optional
        Set it to stop the work: it ends with `Cancelled`.

    Raises
    ------
    ConfigError
        Where an argument makes no sense.
    """

    def __init__(
        self,
        scheduler: str = "threads",
        workers: int | None = None,
        threads: int = 1,
        memory: Bound = None,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> None:
        if scheduler not in SCHEDULERS and "://" not in scheduler:
            msg = f"scheduler = {scheduler!r}: use {', '.join(SCHEDULERS)} or tcp://host:port"
            raise ConfigError(msg)
        if (workers is not None and workers < 1) or threads < 1:
            msg = f"{workers} workers of {threads} threads: at least one of each is needed"
            raise ConfigError(msg)
        self.scheduler = scheduler
        self.workers = workers
        self.threads = threads
        self.memory = bound_bytes(memory)
        self.progress = progress
        self.cancelled = cancelled
        self._cluster: Cluster | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return (
            f"<Runner on {self.scheduler}, {self.workers or 'all'} workers of {self.threads} "
            f"threads, {self.memory / 1e6:.0f} MB>"
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that this runner started; it may be used again."""
        with self._lock:
            cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()

    @property
    def parallel(self) -> int:
        """How many tasks may run at once on this machine."""
        if self.scheduler == "sync":
            return 1
        return _native.threads() if self.workers is None else self.workers * self.threads

    def arrays(self, arrays: Sequence[Any]) -> list[npt.NDArray[Any]]:
        """Compute dask arrays together, shared parts once.

        Parameters
        ----------
        arrays : sequence of dask.array.Array

        Returns
        -------
        list of ndarray

        Raises
        ------
        ConfigError
            Where the results are larger than the memory bound.
        Cancelled, PolarnightError
            As `fill`.
        """
        check_shapes(arrays)
        size = sum(array.nbytes for array in arrays)
        if size > self.memory:
            msg = (
                f"the result takes {size / 1e6:.0f} MB, memory is bounded to "
                f"{self.memory / 1e6:.0f} MB; persist the cube instead, or raise the setting memory"
            )
            raise ConfigError(msg)
        if self.scheduler == "local":
            self._check()
            with self._open().shared(arrays) as (found, files):
                self.fill(arrays, files, held=size)
            return found
        targets = [ArrayTarget(array.shape, array.dtype) for array in arrays]
        self.fill(arrays, targets, held=size)
        return [target.array for target in targets]

    def fill(self, arrays: Sequence[Any], targets: Sequence[Target], *, held: int = 0) -> None:
        """Compute dask arrays block by block and hand every block to its target.

        Parameters
        ----------
        arrays : sequence of dask.array.Array
        targets : sequence of Target
            One for each.
        held : int
            Bytes of the bound that are taken already.

        Raises
        ------
        Cancelled
            Where the event was set; the targets are then incomplete.
        ExternalService
            Where a cluster does not answer, or has not what it takes.
        AlgorithmFailed
            Where a block killed worker after worker.
        CubeError
            Where the shape of an array is not known before it is computed.
        """
        self._check()
        check_shapes(arrays)
        blocks = output_blocks(arrays, targets)
        free = max(self.memory - held, 1 << 20)
        if self.scheduler in {"threads", "sync"}:
            graph, keys = write_graph(arrays, blocks)
            parallel = in_flight(largest_block(arrays), self.parallel, free)
            self._by_threads(graph, keys, parallel)
            return
        cluster = self._open()
        graph, keys = write_graph(arrays, blocks, cluster)
        most = self._most(largest_block(arrays), free)
        cluster.run(graph, keys, blocks, self.progress, self.cancelled, most)

    def _most(self, block: int, free: int) -> int | None:
        """How many tasks of a cluster may be in flight; None where its threads bound them."""
        if self.scheduler == "local":
            most = in_flight(block, self.parallel, free)
            return most if most < self.parallel else None
        # Workers may join a cluster at any time.
        wanted = free if self.workers is None else self.workers * self.threads
        return in_flight(block, wanted, free)

    def _check(self) -> None:
        if self.cancelled is not None and self.cancelled.is_set():
            msg = "cancelled before the work began"
            raise Cancelled(msg)

    def _by_threads(self, graph: dict[Any, Any], keys: list[list[Any]], parallel: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        from dask.local import get_sync
        from dask.threaded import get

        done = total = 0

        def begun(_: Any, state: dict[str, Any]) -> None:
            nonlocal total
            total = len(state["ready"]) + len(state["waiting"])

        def finished(*_: Any) -> None:
            nonlocal done
            done += 1
            if self.progress is not None:
                self.progress(done, total)
            if self.cancelled is not None and self.cancelled.is_set():
                msg = f"cancelled after {done} of {total} tasks"
                raise Cancelled(msg)

        callbacks = [(None, begun, None, finished, None)]
        if parallel == 1:
            get_sync(graph, keys, callbacks=callbacks)
        else:
            # Leaving waits for the tasks in work: nobody writes into a target afterwards.
            with ThreadPoolExecutor(parallel, "polarnight-cubes") as pool:
                get(graph, keys, pool=pool, callbacks=callbacks)

    def _open(self) -> Cluster:
        from polarnight.cubes.running.clusters import connect, start

        with self._lock:
            if self._cluster is None:
                if self.scheduler == "local":
                    workers = self.workers or max(1, _native.threads() // self.threads)
                    self._cluster = start(workers, self.threads, self.memory)
                else:
                    self._cluster = connect(self.scheduler)
            return self._cluster


def default_runner() -> Runner:
    """Return the runner that serves where none is given: threads, all processors."""
    return Runner()


def compute(arrays: Sequence[Any], runner: Runner | None = None) -> list[npt.NDArray[np.generic]]:
    """Compute dask arrays together; by threads of this process where no runner is given."""
    return (runner or default_runner()).arrays(arrays)
