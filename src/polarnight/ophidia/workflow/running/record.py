"""What a run has done, in a form that can be kept and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.workflow.running.results import Outcome
from polarnight.ophidia.workflow.shape.model import Status
from polarnight.ophidia.workflow.shape.structure import Structure
from polarnight.ophidia.workflow.text.document import nearest

if TYPE_CHECKING:
    from polarnight.ophidia.workflow.running.runner import Run
    from polarnight.ophidia.workflow.shape.model import Task

__all__ = ["Record", "Recorded", "snapshot"]

_VERSION = 1
_LARGEST = 2_000_000  # characters of a response that is kept for values to be looked up in


@dataclass(frozen=True, slots=True)
class Recorded:
    """One task of an earlier run."""

    status: str
    outcome: Outcome
    control: dict[str, Any]
    commands: tuple[str, ...]
    begin: float
    end: float


@dataclass
class Record:
    """The tasks of an earlier run by their ids."""

    tasks: dict[str, Recorded] = field(default_factory=dict)

    def done(self, name: str) -> Recorded | None:
        """Return a task that needs not be done again."""
        found = self.tasks.get(name)
        if found is None or found.status not in {Status.COMPLETED, Status.SKIPPED}:
            return None
        return found

    @classmethod
    def read(
        cls,
        kept: Mapping[str, Any],
        tasks: Sequence[Task],
        checkpoint: str = "last",
        exists: Callable[[str], bool] = lambda _pid: True,
    ) -> Record:
        """Return what is done of a run that was kept.

        Parameters
        ----------
        kept : mapping
            What `snapshot` gave.
        tasks : sequence of Task
        checkpoint : str
            ``last`` goes on where the run stopped; ``all`` begins anew; the name of a checkpoint
            or of a task does that one and everything behind it again.
        exists : callable
            Whether a cube is still there; a task is done again where its cubes are gone and
            something behind it is not done.

        Raises
        ------
        BadValue
            For a checkpoint that does not exist.
        """
        if checkpoint == "all":
            return cls()
        found = {name: _recorded(one) for name, one in kept.get("tasks", {}).items()}
        structure = Structure(tasks)
        again = _again(tasks, structure, checkpoint)
        by_task: dict[str, list[str]] = {}
        for name in found:
            by_task.setdefault(_task(name, structure), []).append(name)
        kept_ones = {n: one for n, one in found.items() if _task(n, structure) not in again}
        record = cls(kept_ones)
        for name in structure.order[::-1]:
            for one in by_task.get(name, ()):
                if one in record.tasks and not _cubes_are_there(
                    record, one, structure.after[name], by_task, exists
                ):
                    del record.tasks[one]
        return record


def _task(name: str, structure: Structure) -> str:
    return name if name in structure.tasks else name.rpartition("[")[0]


def _again(tasks: Sequence[Task], structure: Structure, checkpoint: str) -> set[str]:
    if checkpoint in {"last", "", "-"}:
        return set()
    starts = [task.name for task in tasks if checkpoint in {task.checkpoint, task.name}]
    if not starts:
        known = [task.checkpoint for task in tasks if task.checkpoint]
        near = nearest(checkpoint, [*known, *(task.name for task in tasks)])
        msg = f"the workflow has no checkpoint or task {checkpoint!r}{near}"
        raise BadValue(msg, "checkpoint=last goes on where it stopped, all begins anew")
    return set(starts).union(*(structure.after[name] for name in starts))


def _cubes_are_there(
    record: Record,
    name: str,
    after: set[str],
    by_task: Mapping[str, list[str]],
    exists: Callable[[str], bool],
) -> bool:
    cubes = record.tasks[name].outcome.outputs.get("cube", ())
    needed = any(
        not by_task.get(task) or any(record.done(one) is None for one in by_task[task])
        for task in after
    )
    return not needed or all(exists(pid) for pid in cubes)


def _recorded(one: Mapping[str, Any]) -> Recorded:
    outcome = Outcome(
        {str(kind): list(pids) for kind, pids in one.get("outputs", {}).items()},
        dict(one.get("response", {})),
        str(one.get("error", "")),
        int(one.get("code", 0)),
    )
    return Recorded(
        str(one.get("status", Status.PENDING)),
        outcome,
        dict(one.get("control", {})),
        tuple(one.get("commands", ())),
        float(one.get("begin", 0.0)),
        float(one.get("end", 0.0)),
    )


def snapshot(run: Run) -> dict[str, Any]:
    """Return a run as plain values that JSON can hold.

    Parameters
    ----------
    run : Run
    """
    return {
        "version": _VERSION,
        "name": run.workflow.name,
        "source": run.workflow.source,
        "status": run.status,
        "error": run.error,
        "begin": run.begin,
        "end": run.end,
        "progress": run.progress(),
        "tasks": {one.id: _kept(one) for one in run.instances},
    }


def _kept(one: Any) -> dict[str, Any]:
    response = one.outcome.response
    return {
        "status": one.status,
        "operator": one.task.operator,
        "number": one.number,
        "outputs": one.outcome.outputs,
        "response": response if len(str(response)) <= _LARGEST else {},
        "error": one.outcome.error,
        "code": one.outcome.code,
        "control": one.control,
        "commands": one.commands,
        "attempts": one.attempts,
        "begin": one.begin,
        "end": one.end,
    }
