"""The tasks that really run: one per turn of the loops around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.workflow.running.results import Outcome
from polarnight.ophidia.workflow.shape.model import Dependency, Status, Task
from polarnight.ophidia.workflow.shape.size import MOST_TASKS
from polarnight.ophidia.workflow.shape.structure import Structure

__all__ = ["Instance", "Plan", "Turns", "instance_id"]

Path = tuple[int, ...]


@dataclass(slots=True)
class Instance:
    """A task in one turn of the loops around it.

    Attributes
    ----------
    path : tuple of int
        Turns of the loops around it from 0, the outermost first.
    number : int
        Its marker, counted from 1 in the order in which instances came to be.
    waits : set of str
        Ids of instances that must end before.
    commands : list of str
        What was submitted.
    control : dict
        What an operator of control decided, to be repeated when the workflow is resumed.
    restored : bool
        Whether the result is that of an earlier run.
    """

    task: Task
    path: Path
    number: int
    waits: set[str] = field(default_factory=set)
    status: str = Status.PENDING
    outcome: Outcome = field(default_factory=Outcome)
    commands: list[str] = field(default_factory=list)
    control: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    begin: float = 0.0
    end: float = 0.0
    fraction: float = 0.0
    restored: bool = False

    @property
    def id(self) -> str:
        """The name of the task, with its turns from 1 where it is in loops."""
        return instance_id(self.task.name, self.path)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in Status.ENDED


def instance_id(name: str, path: Path) -> str:
    """Return the id of a task in a turn, such as ``Reduce[2]``."""
    return f"{name}[{'.'.join(str(turn + 1) for turn in path)}]" if path else name


@dataclass(frozen=True, slots=True)
class Turns:
    """What a loop runs over.

    Attributes
    ----------
    key : str
    values : tuple of str
        What ``@key`` is in each turn.
    counters : tuple of str
        What ``&key`` is.
    parallel : bool
    """

    key: str
    values: tuple[str, ...]
    counters: tuple[str, ...]
    parallel: bool


class Plan:
    """All instances there are so far; loops add theirs when they begin.

    Parameters
    ----------
    tasks : sequence of Task
        Sound, see `Structure.faults_of`.
    most : int
        How many instances there may ever be.
    """

    def __init__(self, tasks: Sequence[Task], most: int = MOST_TASKS) -> None:
        self.structure = Structure(tasks)
        self.most = most
        self.instances: dict[str, Instance] = {}
        self.children: dict[str, list[str]] = {}
        self.turns: dict[str, Turns] = {}
        self.heads = {end: head for head, end in self.structure.ends.items()}
        self._levels: dict[tuple[str, ...], list[str]] = {}
        for name in self.structure.order:
            level = tuple(block.head for block in self.structure.loops(name))
            self._levels.setdefault(level, []).append(name)
        self._add(self._levels.get((), []), ())

    def _level(self, name: str) -> tuple[str, ...]:
        return tuple(block.head for block in self.structure.loops(name))

    def _add(self, names: Iterable[str], path: Path) -> list[Instance]:
        made = []
        for name in names:
            instance = Instance(self.structure.tasks[name], path, len(self.instances) + 1)
            self.instances[instance.id] = instance
            self.children[instance.id] = []
            for parent in self.structure.parents[name]:
                level = self._level(parent)
                if len(level) <= len(path):
                    self.wait(instance, instance_id(parent, path[: len(level)]))
            if self.heads.get(name) is not None:
                self.wait(instance, instance_id(self.heads[name], path))
            made.append(instance)
        return made

    def wait(self, instance: Instance, parent: str) -> None:
        """Make an instance wait for another, unless that has ended."""
        if not self.instances[parent].ended:
            instance.waits.add(parent)
        if instance.id not in self.children[parent]:
            self.children[parent].append(instance.id)

    def check_room(self, head: Instance, turns: Turns) -> None:
        """Refuse a loop that would make more instances than there may be.

        Raises
        ------
        OperatorFailed
        """
        names = self._levels.get((*self._level(head.task.name), head.task.name), [])
        count = len(self.instances) + len(turns.values) * len(names)
        if count > self.most:
            msg = (
                f"task {head.id!r}: with its {len(turns.values)} turns the workflow has {count} "
                f"tasks, and at most {self.most} run as one"
            )
            raise OperatorFailed(msg, "loop less often, or raise the setting cubes.workflow_tasks")

    def expand(self, head: Instance, turns: Turns) -> list[Instance]:
        """Make the instances of all turns of a loop.

        Parameters
        ----------
        head : Instance
            Of the ``oph_for``.
        turns : Turns

        Returns
        -------
        list of Instance
            What was made.
        """
        self.turns[head.id] = turns
        names = self._levels.get((*self._level(head.task.name), head.task.name), [])
        end = self.instances[instance_id(self.structure.ends[head.task.name], head.path)]
        made: list[Instance] = []
        before: list[Instance] = []
        for turn in range(len(turns.values)):
            now = self._add(names, (*head.path, turn))
            for instance in now:
                self.wait(end, instance.id)
                if not turns.parallel:
                    for earlier in before:
                        self.wait(instance, earlier.id)
            made += now
            before = now
        return made

    def branch(self, head: str, path: Path) -> list[Instance]:
        """Return the instances of a branch at the level of its head, that have not ended."""
        block = next(b for b in self.structure.blocks if b.head == head and not b.loop)
        level = self._level(head)
        return [
            self.instances[instance_id(name, path)]
            for name in self.structure.order
            if name in block.body
            and self._level(name) == level
            and not self.instances[instance_id(name, path)].ended
        ]

    def parents(self, instance: Instance) -> list[tuple[Dependency, list[Instance]]]:
        """Return the dependencies of an instance with the instances that they mean, in order."""
        found = []
        for dependency in instance.task.dependencies:
            level = self._level(dependency.task)
            if len(level) <= len(instance.path):
                ids = [instance_id(dependency.task, instance.path[: len(level)])]
            else:
                head = instance_id(level[-1], instance.path)
                count = len(self.turns[head].values) if head in self.turns else 0
                ids = [
                    instance_id(dependency.task, (*instance.path, turn)) for turn in range(count)
                ]
            found.append((dependency, [self.instances[one] for one in ids]))
        return found

    def loop_values(self, instance: Instance) -> tuple[dict[str, str], dict[str, str]]:
        """Return keys and counters of the loops around an instance, the innermost prevailing."""
        values: dict[str, str] = {}
        counters: dict[str, str] = {}
        for depth, block in enumerate(self.structure.loops(instance.task.name)):
            head = instance_id(block.head, instance.path[:depth])
            turns, turn = self.turns[head], instance.path[depth]
            values[turns.key] = turns.values[turn]
            counters[turns.key] = turns.counters[turn]
            values[f"{turns.key}_size"] = str(len(turns.values))
        return values, counters

    def shared_path(self, instance: Instance) -> Path:
        """Return the path of the innermost parallel loop around: variables set there stay there.

        Turns that follow each other share their variables; turns side by side have their own.
        """
        shared: Path = ()
        for depth, block in enumerate(self.structure.loops(instance.task.name)):
            if self.turns[instance_id(block.head, instance.path[:depth])].parallel:
                shared = instance.path[: depth + 1]
        return shared

    def ancestors(self, instance: Instance) -> list[Instance]:
        """Return all instances that came before, the nearest first."""
        seen: dict[str, Instance] = {}
        level = [one for _, ones in self.parents(instance) for one in ones]
        while level:
            fresh = [one for one in level if one.id not in seen]
            seen |= {one.id: one for one in fresh}
            level = [parent for one in fresh for _, ones in self.parents(one) for parent in ones]
        return list(seen.values())
