"""Work over bands of rows on a few threads."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

__all__ = ["run_bands"]


def run_bands(
    n_bands: int, make_worker: Callable[[], Callable[[int], None]], n_threads: int
) -> None:
    """Call a worker for every band, the bands handed out in order as threads get free.

    Plain threads instead of an executor: a short command would pay more for importing
    the executor than for its threads. The calling thread is one of them.

    Parameters
    ----------
    n_bands : int
        Number of bands; workers get 0, 1, ..., n_bands - 1, each once.
    make_worker : callable
        Called once in each thread; returns the function of a band, which may own buffers.
    n_threads : int
        Most threads to use.

    Raises
    ------
    BaseException
        The first exception a worker raised; remaining bands are then not begun.
    """
    tickets = itertools.count()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            worker = make_worker()
            while not errors and (band := next(tickets)) < n_bands:
                worker(band)
        except BaseException as error:  # noqa: BLE001  (raised again by the caller below)
            errors.append(error)

    helpers = [
        threading.Thread(target=work, name=f"polarnight-band-{k}", daemon=True)
        for k in range(1, min(n_threads, n_bands))
    ]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
