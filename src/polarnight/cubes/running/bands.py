"""One task of a cluster for all that leads to one band of the results.

Each task costs a cluster some milliseconds, more than most operations on a block; so what is
needed for one band alone goes to a worker together, which does one step after the other.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["banded"]


class _Band:
    """What a worker does for one band.

    Parameters
    ----------
    tasks : dict
        Needed for this band alone.
    outputs : list
        Keys of the last ones, which write.
    given : list
        Keys of what other bands need too, and which is handed over.
    """

    def __init__(self, tasks: Mapping[Any, Any], outputs: list[Any], given: list[Any]) -> None:
        self.tasks = tasks
        self.outputs = outputs
        self.given = given

    def __call__(self, *values: Any) -> None:
        from dask.local import get_sync

        # As a task without arguments: a value that is a tuple would be taken for one.
        handed = {
            key: (functools.partial(_same, value),)
            for key, value in zip(self.given, values, strict=True)
        }
        get_sync({**self.tasks, **handed}, self.outputs)


def _same(value: Any) -> Any:
    return value


def banded(
    tasks: Mapping[Any, Any], keys: Sequence[Sequence[Any]], name: str
) -> tuple[dict[Any, Any], list[list[Any]]]:
    """Return a graph with one task for each band, and what bands share.

    Parameters
    ----------
    tasks : mapping
        A graph of dask.
    keys : sequence of sequences
        Keys of the tasks that write, array by array, blocks in order: those at the same place
        of arrays with as many blocks make a band.
    name : str
        Of the new tasks.

    Returns
    -------
    graph : dict
    keys : list of list
        Shaped like `keys`, of the bands.
    """
    from dask.core import get_dependencies

    needs = {key: get_dependencies(tasks, key) for key in tasks}
    bands: dict[Any, list[Any]] = {}
    for some in keys:
        for place, key in enumerate(some):
            bands.setdefault((name, len(some), place), []).append(key)
    owners: dict[Any, Any] = {}
    for band, outputs in bands.items():
        waiting, seen = list(outputs), set(outputs)
        while waiting:
            key = waiting.pop()
            owners[key] = band if owners.get(key, band) == band else None
            waiting += needs[key] - seen
            seen |= needs[key]
    graph = {key: tasks[key] for key, owner in owners.items() if owner is None}
    inside: dict[Any, dict[Any, Any]] = {band: {} for band in bands}
    for key, owner in owners.items():
        if owner is not None:
            inside[owner][key] = tasks[key]
    for band, outputs in bands.items():
        own = inside[band]
        given = list(dict.fromkeys(need for key in own for need in needs[key] if need not in own))
        graph[band] = (_Band(own, outputs, given), *given)
    return graph, [[(name, len(some), place) for place in range(len(some))] for some in keys]
