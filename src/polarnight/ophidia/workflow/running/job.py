"""What a run of a workflow needs from whoever runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.ophidia.state import State

if TYPE_CHECKING:
    from polarnight.ophidia.workflow.running.plan import Instance
    from polarnight.ophidia.workflow.running.runner import Run

__all__ = ["Hooks", "Job", "Submit"]


@dataclass(frozen=True, slots=True)
class Job:
    """One command of a task.

    Attributes
    ----------
    workflow : int
        Number of the workflow in its session.
    instance : Instance
    number : int
        Which of its commands, from 0.
    cancelled : threading.Event
        Set where the command should stop.
    """

    workflow: int
    instance: Instance
    number: int
    cancelled: threading.Event


Submit = Callable[[str, State, Job], Any]
"""Takes a command, a state that it may change, and the job; returns a response."""


def _nothing(*_: object) -> None:
    return None


def _alone(_operator: str) -> Sequence[str]:
    return ()


def _always(_pid: str) -> bool:
    return True


@dataclass
class Hooks:
    """Ways out of a run.

    Attributes
    ----------
    workflow_id : int
    context : dict
        Further values for ``@OPH_...``.
    changed : callable
        Called with the run and the instance whose status changed, from the thread of the run.
    ended : callable
        Called with the run when all is over.
    find_file : callable
        Gives the path that a name of the data repository stands for.
    one_by_one : callable
        Gives the arguments of an operator that take one cube only.
    exists : callable
        Whether the cube or container of a PID is still there.
    leave_thread : callable
        Called in the thread of a task when that ends.
    set_elsewhere : callable
        Sends variables and an answer to another workflow: its number, task, action, variables.
    """

    workflow_id: int = 0
    context: dict[str, str] = field(default_factory=dict)
    changed: Callable[[Run, Instance], None] = _nothing
    ended: Callable[[Run], None] = _nothing
    find_file: Callable[[str], Path] = Path
    one_by_one: Callable[[str], Sequence[str]] = _alone
    exists: Callable[[str], bool] = _always
    leave_thread: Callable[[], None] = _nothing
    set_elsewhere: Callable[[int, str, str, dict[str, str]], None] = _nothing
