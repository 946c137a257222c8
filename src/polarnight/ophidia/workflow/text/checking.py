"""Values of arguments that are wrong already before a workflow runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.workflow.shape.model import CONTROL, Task, Workflow

__all__ = ["wrong_values"]

_LATER = frozenset("@$&")  # of these, a value is known only when its task begins


def wrong_values(workflow: Workflow, arguments_of: Callable[[str], Any]) -> list[str]:
    """Return what is wrong with values, and which mandatory arguments nothing can give.

    A slip in the last task is told before the first one has worked for hours.

    Parameters
    ----------
    workflow : Workflow
    arguments_of : callable
        Gives the declared arguments of an operator by name, None for an unknown one.
    """
    faults = []
    for task in workflow.tasks:
        declared = None if task.operator in CONTROL else arguments_of(task.operator)
        if isinstance(declared, Mapping):
            faults += [
                f"task {task.name!r}: {fault}" for fault in _of_task(task, declared, workflow)
            ]
    return faults


def _of_task(task: Task, declared: Mapping[str, Any], workflow: Workflow) -> Iterator[str]:
    given = dict(task.arguments)
    filled = {one.argument for one in task.dependencies} | set(workflow.defaults)
    for name, argument in declared.items():
        if not isinstance(argument, Argument):
            continue
        text = given.get(name, "").strip()
        # (What is given and empty may be a $1 that nobody gave yet.)
        if name not in given and argument.needed and name not in filled:
            example = argument.example if argument.choices else "..."
            yield f"{task.operator}: argument {name!r} is missing; add {name}={example}"
        if not text or not _LATER.isdisjoint(text):
            continue
        try:
            argument.parse(text, task.operator)
        except BadValue as error:
            yield str(error)
