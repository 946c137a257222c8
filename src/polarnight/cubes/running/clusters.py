"""Dask clusters for the runner: one of this machine, or any by its address."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import numpy as np

from polarnight.cubes.running.cluster_process import SECONDS_TO_START, ClusterProcess
from polarnight.cubes.running.graphs import Block, FileTarget
from polarnight.cubes.running.window import Window
from polarnight.errors import AlgorithmFailed, Cancelled, CubeError, ExternalService

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Cluster", "connect", "start"]

_SECONDS_TO_CONNECT: Final = 10.0


class Cluster:
    """A connection to a Dask scheduler, and the process that keeps it where it is ours."""

    def __init__(self, client: Any, *, host: ClusterProcess | None = None) -> None:
        self._client = client
        self._host = host
        self._sent: dict[int, Path] = {}

    def close(self) -> None:
        """Close the connection; end the processes where they are ours."""
        self._client.close()
        if self._host is not None:
            self._host.close()

    @property
    def can_write(self) -> bool:
        """Whether workers see the files of this machine."""
        return self._host is not None

    def sent(self, data: npt.NDArray[Any]) -> Any:
        """Return the task that has an array of this process in a worker.

        On this machine it is written to a file, once for as long as it lives: quicker than
        sending it, and still there when a worker dies. Elsewhere it goes with the graph.
        """
        if self._host is None:
            return data
        known = id(data)
        if known not in self._sent:
            path = self._host.scratch / f"{uuid4().hex}.npy"
            np.save(path, data)
            self._sent[known] = path
            weakref.finalize(data, _forget, self._sent, known).atexit = False
        return (np.load, str(self._sent[known]))

    def run(
        self,
        graph: dict[Any, Any],
        keys: list[list[Any]],
        blocks: list[list[Block]],
        progress: Callable[[int, int], None] | None = None,
        cancelled: threading.Event | None = None,
        most: int | None = None,
    ) -> None:
        """Run a graph of `polarnight.cubes.running.graphs.write_graph`.

        Blocks that workers could not write are written here, as they come.

        Parameters
        ----------
        graph, keys, blocks
        progress : callable, optional
        cancelled : threading.Event, optional
        most : int, optional
            Tasks in flight at once, of all workers together.

        Raises
        ------
        Cancelled, ExternalService, AlgorithmFailed
            See `polarnight.cubes.running.runner.Runner.fill`.
        """
        unwritten: dict[Any, list[Block]] = {}
        for some, of_array in zip(keys, blocks, strict=True):
            for key, block in zip(some, of_array, strict=True):
                unwritten.setdefault(key, [])
                if key == block.key:
                    unwritten[key].append(block)
        window = Window(self._client, graph, list(unwritten), most)
        over = threading.Event()
        done = 0
        try:
            if cancelled is not None:
                self._watch(cancelled, over, window)
            for batch in self._finished(window, unwritten, cancelled):
                for key, value in batch:
                    for block in unwritten[key]:
                        block.target.write(block.region, value)
                done += len(batch)
                if progress is not None and batch:
                    progress(done, len(unwritten))
        finally:
            over.set()
            if window.in_flight:
                with contextlib.suppress(Exception):  # the scheduler may be what failed
                    self._client.cancel(list(window.in_flight.values()))

    def _finished(
        self, window: Window, wanted: dict[Any, list[Block]], cancelled: threading.Event | None
    ) -> Iterator[list[tuple[Any, Any]]]:
        """Yield keys and results of finished tasks that are wanted, None where they wrote.

        What has come is taken out of the window: workers need not keep it. Others follow when
        it was written.
        """
        from concurrent.futures import CancelledError

        from distributed import KilledWorker, as_completed

        try:
            coming = as_completed(window.submit(), loop=self._client.loop)
            for batch in coming.batches():
                for future in batch:
                    if future.status != "finished":
                        future.result()
                results = self._client.gather(
                    {future.key: future for future in batch if wanted.get(future.key)}
                )
                yield [(f.key, results.get(f.key)) for f in batch if f.key in wanted]
                window.finished(batch)
                if cancelled is not None and cancelled.is_set():
                    raise CancelledError
                coming.update(window.submit())
        except KilledWorker as error:
            msg = (
                f"worker after worker died on the same block ({' '.join(str(error).split())}); "
                "out of memory? use fewer threads or a lower memory bound"
            )
            raise AlgorithmFailed(msg) from error
        except CancelledError as error:
            if cancelled is not None and cancelled.is_set():
                msg = "cancelled while the cluster was at work"
                raise Cancelled(msg) from None
            msg = f"the Dask scheduler lost the work: {' '.join(str(error).split())}"
            raise ExternalService(msg) from error

    @contextlib.contextmanager
    def shared(
        self, arrays: Sequence[Any]
    ) -> Iterator[tuple[list[npt.NDArray[Any]], list[FileTarget]]]:
        """Give arrays that workers of this machine can fill, and what fills them.

        They lie in files that have lost their names when the block ends, and are gone with
        the arrays.

        Raises
        ------
        CubeError
            Where the disk is full.
        """
        folder = Path(tempfile.gettempdir()) if self._host is None else self._host.scratch
        targets = [
            FileTarget(str(folder / uuid4().hex), tuple(map(int, array.shape)), array.dtype)
            for array in arrays
        ]
        try:
            try:
                found = [target.prepare() for target in targets]
            except OSError as error:
                raise CubeError(f"{folder}: cannot be written: {error.strerror}") from error
            yield found, targets
        finally:
            for target in targets:
                Path(target.path).unlink(missing_ok=True)

    def _watch(self, cancelled: threading.Event, over: threading.Event, window: Window) -> None:
        def watch() -> None:
            while not over.wait(0.1):
                if cancelled.is_set():
                    with contextlib.suppress(Exception):  # the end of the work is told elsewhere
                        futures = list(window.in_flight.values())
                        self._client.cancel(futures, force=True)

        threading.Thread(target=watch, daemon=True, name="polarnight-cancel").start()


def _forget(sent: dict[int, Path], known: int) -> None:
    sent.pop(known).unlink(missing_ok=True)


def start(workers: int, threads: int, memory: int) -> Cluster:
    """Start processes on this machine.

    They listen on the loopback interface alone, and to this process alone.

    Parameters
    ----------
    workers : int
    threads : int
        Of each worker.
    memory : int
        Bytes for all workers together.

    Raises
    ------
    ExternalService
        Where they do not start.
    """
    host = ClusterProcess(workers, threads, memory)
    try:
        from distributed import Client  # while the processes start
        from distributed.security import Security

        address = host.address()
        security = Security(
            require_encryption=True,
            tls_ca_file=host.certificate,
            tls_client_cert=host.certificate,
            tls_client_key=host.tls_key,
        )
        client = Client(address, timeout=SECONDS_TO_START, set_as_default=False, security=security)
    except BaseException:
        host.close()
        raise
    return Cluster(client, host=host)


def connect(address: str) -> Cluster:
    """Connect to a Dask scheduler.

    Parameters
    ----------
    address : str
        Such as ``tcp://host:8786``.

    Raises
    ------
    ExternalService
        Where the scheduler does not answer, has no workers, or a worker has no Polarnight,
        or another version of it or of Python.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        msg = f"the Dask scheduler at {address} does not answer: {error}"
        raise ExternalService(msg) from error
    try:
        _same_on_all(client, address, "Python", platform.python_version)
        _same_on_all(client, address, "polarnight", importlib.metadata.version, "polarnight")
    except BaseException:
        client.close()
        raise
    return Cluster(client)


def _same_on_all(
    client: Any, address: str, what: str, ask: Callable[..., str], *arguments: str
) -> None:
    """Ask all workers for a version; functions of the standard library exist everywhere."""
    here = ask(*arguments)
    answers = client.run(ask, *arguments, on_error="return")
    if not answers:
        msg = f"the Dask scheduler at {address} has no workers; start some with dask worker"
        raise ExternalService(msg)
    for worker, there in sorted(answers.items()):
        if there != here:
            found = "none" if isinstance(there, Exception) else there
            msg = (
                f"worker {worker} of {address} has {what} {found}, here is {here}; "
                "install the same there"
            )
            raise ExternalService(msg)
