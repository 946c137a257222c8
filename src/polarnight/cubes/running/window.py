"""How tasks are handed to a cluster: all at once, or no more than a bound at a time.

A scheduler of Dask has no bound for tasks of one piece of work: limits by names of workers are
passed over when it moves tasks from busy to idle ones, and do not outlive a worker. So the
coordinator hands over a task only when there is room for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["Window"]


class Window:
    """Hands the tasks of a graph to a cluster as there is room.

    A task that was handed over and is not finished is in flight. What a dead worker takes with
    it is made again by the cluster itself: the tasks in flight are then the same ones, and
    what they need.

    Parameters
    ----------
    client : distributed.Client
    graph : mapping
        Of dask.
    wanted : sequence
        Keys whose results are asked for.
    most : int, optional
        Tasks in flight; None for all at once.

    Attributes
    ----------
    in_flight : dict
        Futures by key.
    """

    def __init__(
        self, client: Any, graph: Mapping[Any, Any], wanted: Sequence[Any], most: int | None
    ) -> None:
        self.in_flight: dict[Any, Any] = {}
        self._client = client
        self._graph = graph
        self._wanted = list(wanted)
        self._most = most
        self._kept: dict[Any, Any] = {}
        self._ready: list[tuple[int, Any]] = []
        if most is not None:
            self._plan()

    def _plan(self) -> None:
        from dask.core import get_dependencies
        from dask.order import order

        self._order = order(dict(self._graph))
        self._needs = {key: get_dependencies(self._graph, key) for key in self._graph}
        self._missing = {key: len(needs) for key, needs in self._needs.items()}
        self._users: dict[Any, list[Any]] = {key: [] for key in self._graph}
        for key, needs in self._needs.items():
            for need in needs:
                self._users[need].append(key)
        self._left = {key: len(users) for key, users in self._users.items()}
        self._ready = [(self._order[key], key) for key, n in self._missing.items() if n == 0]
        heapq.heapify(self._ready)

    def submit(self) -> list[Any]:
        """Hand over what there is room for; return the futures."""
        if self._most is None:
            keys, self._wanted = self._wanted, []
            graph = self._graph
        else:
            room = max(0, self._most - len(self.in_flight))
            keys = [heapq.heappop(self._ready)[1] for _ in range(min(room, len(self._ready)))]
            graph = {key: self._graph[key] for key in keys}
            for key in keys:
                graph |= {need: self._kept[need] for need in self._needs[key]}
        if not keys:
            return []
        import dask

        # Arrays in memory go with the graph where there is no other way.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            futures = self._client.get(graph, keys, sync=False)
        self.in_flight |= dict(zip(keys, futures, strict=True))
        return list(futures)

    def finished(self, futures: Iterable[Any]) -> None:
        """Take finished tasks out of flight; what nobody needs any more may be forgotten."""
        for future in futures:
            key = future.key
            self.in_flight.pop(key, None)
            if self._most is None:
                continue
            if self._left[key]:
                self._kept[key] = future
            for user in self._users[key]:
                self._missing[user] -= 1
                if not self._missing[user]:
                    heapq.heappush(self._ready, (self._order[user], user))
            for need in self._needs[key]:
                self._left[need] -= 1
                if not self._left[need]:
                    del self._kept[need]
