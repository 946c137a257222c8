"""What a workflow is: tasks, what each waits for, and what happens when one fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "CONTROL",
    "CONTROL_ARGUMENTS",
    "ON_EXIT",
    "Dependency",
    "OnError",
    "Status",
    "Task",
    "Workflow",
]

ON_EXIT = ("nop", "oph_delete", "oph_deletecontainer")

# Operators that steer a workflow, and the arguments of each (beside the system's).
CONTROL_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "oph_for": ("name", "key", "values", "counter", "parallel"),
    "oph_endfor": (),
    "oph_if": ("condition", "forward"),
    "oph_elseif": ("condition",),
    "oph_else": (),
    "oph_endif": (),
    "oph_set": ("key", "keys", "value", "subset_filter", "offset", "id", "name", "skip"),
    "oph_wait": (
        "type", "timeout", "timeout_type", "key", "value", "filename", "fileref", "measure",
        "output", "message", "run", "subset_dims", "subset_filter", "subset_type", "time_filter",
        "skip_if_same",
    ),
    "oph_input": ("id", "taskname", "action", "key", "value"),
}  # fmt: skip
CONTROL = frozenset(CONTROL_ARGUMENTS)


class Status:
    """The states of a task, as Ophidia spells them."""

    PENDING = "OPH_STATUS_PENDING"
    WAITING = "OPH_STATUS_WAITING"
    RUNNING = "OPH_STATUS_RUNNING"
    COMPLETED = "OPH_STATUS_COMPLETED"
    ERROR = "OPH_STATUS_ERROR"
    SKIPPED = "OPH_STATUS_SKIPPED"
    ABORTED = "OPH_STATUS_ABORTED"
    UNSELECTED = "OPH_STATUS_UNSELECTED"

    DONE = frozenset({COMPLETED, SKIPPED, UNSELECTED})
    ENDED = frozenset({COMPLETED, SKIPPED, UNSELECTED, ERROR, ABORTED})


@dataclass(frozen=True, slots=True)
class Dependency:
    """An edge of the graph, and the data that go along it.

    Attributes
    ----------
    task : str
        The parent.
    type : {"embedded", "single", "all"}
        Nothing, the one output, or all outputs of the parent.
    argument : str
        The argument of the child that is filled; ``""`` where nothing is.
    order : int
        Position among several parents that fill one argument.
    filter : str
        Which outputs of the parent: ``"all"`` or positions such as ``1``, ``2:4``, ``1,3``.
    output_argument : str
        What of the parent: ``"cube"``, ``"container"``, ``"file"``, or the key of an object of
        its response.
    output_order : int
        Which of the outputs, counted from 1; 0 stands for all.
    """

    task: str
    type: str = "embedded"
    argument: str = ""
    order: int = 0
    filter: str = "all"
    output_argument: str = "cube"
    output_order: int = 0

    @property
    def carries(self) -> bool:
        """Whether data go along the edge."""
        return self.type != "embedded"


@dataclass(frozen=True, slots=True)
class OnError:
    """What happens when a task fails.

    Attributes
    ----------
    action : {"skip", "continue", "break"}
        ``abort`` of the JSON is ``break``.
    repeats : int
        Further attempts before the action.
    backoff : float
        Seconds before a further attempt.
    growth : {"fixed", "linear", "exponential"}
        How the seconds grow with the attempts.
    """

    action: str = "break"
    repeats: int = 0
    backoff: float = 0.0
    growth: str = "fixed"

    def pause(self, attempt: int) -> float:
        """Return the seconds before a further attempt, the first being 1."""
        if self.growth == "linear":
            return self.backoff * attempt
        if self.growth == "exponential":
            return float(min(self.backoff * 2.0 ** min(attempt - 1, 40), 86400.0))
        return self.backoff


@dataclass(frozen=True, slots=True)
class Task:
    """One step of a workflow."""

    name: str
    operator: str
    arguments: tuple[tuple[str, str], ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    on_error: OnError = OnError()
    on_exit: str = "nop"
    run: bool = True
    save: bool = True
    checkpoint: str = ""
    type: str = "ophidia"

    @property
    def controls(self) -> bool:
        """Whether the task steers the workflow instead of working on cubes."""
        return self.operator in CONTROL

    def argument(self, name: str, default: str = "") -> str:
        """Return the last value given for an argument."""
        return next((value for key, value in reversed(self.arguments) if key == name), default)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A graph of tasks.

    Attributes
    ----------
    defaults : dict
        What tasks take where they do not say: ``ncores``, ``cube``, ``cwd``, ``exec_mode``, ...
    source : dict
        The document, filled with its arguments, from which the workflow was read.
    warnings : tuple of str
        What was accepted, but may not be meant.
    """

    name: str
    tasks: tuple[Task, ...]
    author: str = ""
    abstract: str = ""
    url: str = ""
    defaults: dict[str, str] = field(default_factory=dict)
    run: bool = True
    source: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def task(self, name: str) -> Task:
        """Return a task by its name."""
        return next(task for task in self.tasks if task.name == name)
