"""What cubes were made of, and what was made of them; also of those that are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import Prefetch, Q, QuerySet

from polarnight.db.cubes.archive import Archive
from polarnight.db.cubes.cards import sql_like
from polarnight.db.cubes.interning import chunks
from polarnight.db.cubes.mounted import MountedOperations, Operation
from polarnight.db.models import CubeSession, CubeTask, CubeTaskInput, DataCube
from polarnight.errors import ConfigError

__all__ = ["Branch", "Edge", "Graph", "Node", "Tasks"]

Branch = Literal["parent", "children", "all"]


@dataclass(frozen=True, slots=True)
class Node:
    """A cube of a graph: number, ``<container>/<cube>``, file, and whether it still exists."""

    number: int
    place: str
    source: str
    exists: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """An operation between two cubes; an import has no input, its file is the source."""

    input: str
    operator: str
    output: str
    source: str
    task: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Provenance: edges in the order they were made, and the cubes at their ends."""

    edges: tuple[Edge, ...]
    nodes: tuple[Node, ...]


class Tasks:
    """Reads the record of operations.

    Parameters
    ----------
    archive : Archive
        What the pipeline did is told of its cubes.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def provenance(
        self, cube: DataCube, branch: Branch = "all", session: CubeSession | None = None
    ) -> Graph:
        """Return what a cube was made of, what was made of it, or both, to the ends.

        Parameters
        ----------
        cube : DataCube
        branch : str
            ``parent``, ``children`` or ``all``.
        session : CubeSession, optional
            What other sessions made of cubes of the archive is left out.

        Raises
        ------
        ConfigError
            For another branch.
        """
        if branch not in {"parent", "children", "all"}:
            msg = f"branch {branch!r} is not known; use parent, children or all"
            raise ConfigError(msg)
        pipeline = MountedOperations(self._archive)
        found: dict[tuple[int, int], Operation] = {}
        if branch in {"parent", "all"}:
            self._walk(found, cube.pk, "number__in", pipeline.making, _ends_above, session)
        if branch in {"children", "all"}:
            self._walk(found, cube.pk, "inputs__number__in", pipeline.using, _ends_below, session)
        return _graph(cube, [found[key] for key in sorted(found)])

    def find(
        self,
        session: CubeSession,
        *,
        numbers: Iterable[int] = (),
        operators: Sequence[str] = (),
        containers: Iterable[int] = (),
    ) -> Sequence[CubeTask]:
        """Return the tasks of a session in order, with their inputs in ``inputs.all()``.

        Parameters
        ----------
        session : CubeSession
        numbers : iterable of int
            Cubes that went in or came out; all where empty.
        operators : sequence of str
            Parts of names, ``%`` and ``_`` as wildcards; all where empty.
        containers : iterable of int
            Containers of the cubes that came out; all where empty.
        """
        rows = _with_inputs().filter(session=session)
        wanted, inside = list(numbers), {str(number) for number in containers}
        if wanted:
            rows = rows.filter(Q(number__in=wanted) | Q(inputs__number__in=wanted)).distinct()
        found = list(rows.order_by("pk"))
        if operators:
            patterns = [sql_like(f"%{name}%") for name in operators]
            found = [t for t in found if any(p.fullmatch(t.operator) for p in patterns)]
        if inside:
            found = [t for t in found if t.output.split("/")[0] in inside]
        return found

    def children(self, numbers: Iterable[int]) -> Sequence[DataCube]:
        """Return the cubes, of whatever session, that were made directly of these and exist."""
        made: set[int] = set()
        for chunk in chunks(list(numbers)):
            tasks = CubeTask.objects.filter(inputs__number__in=chunk)
            made |= set(tasks.values_list("number", flat=True))
        found: list[DataCube] = []
        for chunk in chunks(sorted(made)):
            found += DataCube.objects.filter(pk__in=chunk).select_related("container", "recipe")
        return found

    def _walk(
        self,
        found: dict[tuple[int, int], Operation],
        start: int,
        lookup: str,
        pipeline: Callable[[Iterable[int]], list[Operation]],
        ends: Callable[[Operation], Iterable[int]],
        session: CubeSession | None,
    ) -> None:
        """Add the operations that lead up or down from a cube, step by step."""
        seen = waiting = {start}
        while waiting:
            step = pipeline(waiting)
            for chunk in chunks(sorted(waiting)):
                rows = _with_inputs().filter(**{lookup: chunk}).distinct()
                if session is not None:
                    rows = rows.filter(Q(session=session) | Q(session__isnull=True))
                step += map(_operation, rows)
            # In order of making: masters and frames of the pipeline come before tasks.
            found |= {(one.task, one.number): one for one in step}
            waiting = {end for one in step for end in ends(one)} - seen
            seen = seen | waiting


def _graph(cube: DataCube, operations: Sequence[Operation]) -> Graph:
    places = {cube.pk: cube.place}
    sources = {cube.pk: cube.source}
    edges: list[Edge] = []
    for one in operations:
        places[one.number] = one.place
        sources[one.number] = one.source
        places.update(dict(one.inputs))
        edges += [
            Edge(place, one.operator, one.place, one.source, one.task)
            for place in ([place for _, place in one.inputs] or [""])
        ]
    existing: dict[int, str] = {}
    for chunk in chunks(sorted(places)):
        existing |= dict(DataCube.objects.filter(pk__in=chunk).values_list("pk", "source"))
    nodes = [
        Node(number, place, existing.get(number, sources.get(number, "")), number in existing)
        for number, place in sorted(places.items())
    ]
    return Graph(tuple(edges), tuple(nodes))


def _with_inputs() -> QuerySet[CubeTask]:
    ordered = Prefetch("inputs", CubeTaskInput.objects.order_by("pk"))
    return CubeTask.objects.prefetch_related(ordered)


def _operation(task: CubeTask) -> Operation:
    inputs = tuple((one.number, one.place) for one in task.inputs.all())
    return Operation(task.number, task.output, task.operator, task.source, inputs, task.pk)


def _ends_above(one: Operation) -> Iterable[int]:
    return (number for number, _ in one.inputs)


def _ends_below(one: Operation) -> Iterable[int]:
    return (one.number,)
