"""Graphs of names: order, ancestors, cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["closure", "find_cycle", "in_order"]


def in_order(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names so that parents come before their children.

    The order given is kept where the graph allows it. Names on or behind a cycle are left out.

    Parameters
    ----------
    parents : mapping
        Of every name to those that must come before it.
    """
    waiting = {name: len(set(given)) for name, given in parents.items()}
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, given in parents.items():
        for parent in set(given):
            children[parent].append(name)
    ready = [name for name, count in waiting.items() if not count]
    order: list[str] = []
    while ready:
        order.extend(ready)
        freed = []
        for name in ready:
            for child in children[name]:
                waiting[child] -= 1
                if not waiting[child]:
                    freed.append(child)
        ready = freed
    return order


def closure(links: Mapping[str, Sequence[str]], order: Sequence[str]) -> dict[str, set[str]]:
    """Return what can be reached from every name along `links`.

    Parameters
    ----------
    links : mapping
        Of every name to its neighbours.
    order : sequence of str
        Such that the neighbours of a name come before it.
    """
    reached: dict[str, set[str]] = {}
    for name in order:
        own = reached[name] = set(links[name])
        for neighbour in links[name]:
            own |= reached[neighbour]
    return reached


def find_cycle(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names along one cycle, the first again at the end; empty where there is none.

    The names stand in the order of work: each waits for the one before it.
    """
    sound = set(in_order(parents))
    left = [name for name in parents if name not in sound]
    if not left:
        return []
    path, place = [left[0]], {left[0]: 0}
    while True:
        # Whatever is left waits for something that is left.
        after = next(parent for parent in parents[path[-1]] if parent not in sound)
        if after in place:
            cycle = path[place[after] :]
            cycle.reverse()
            first = cycle.index(min(cycle, key=list(parents).index))
            cycle = cycle[first:] + cycle[:first]
            return [*cycle, cycle[0]]
        place[after] = len(path)
        path.append(after)
