"""How many tasks a workflow becomes, as far as that can be told before it runs."""

from __future__ import annotations

from polarnight.ophidia.language.grammar import split_list
from polarnight.ophidia.workflow.shape.model import Task
from polarnight.ophidia.workflow.shape.structure import Structure
from polarnight.ophidia.workflow.text.positions import counter_length

__all__ = ["MOST_TASKS", "least_tasks", "too_many"]

MOST_TASKS = 100_000
"""Turns of loops included, unless the setting ``cubes.workflow_tasks`` says otherwise."""

_WRITTEN = 40  # loops that a message names


def least_tasks(structure: Structure) -> tuple[int, list[str]]:
    """Return how many tasks there will be at least, and the loops that make them.

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    count : int
        Turns that are only known later count once, tasks in branches not at all: a branch may
        not be chosen.
    loops : list of str
        Such as ``'for': 100 turns``, those that are known.
    """
    turns = {
        name: counted
        for name, task in structure.tasks.items()
        if task.operator == "oph_for" and (counted := _turns(task)) is not None
    }
    count = 0
    for name in structure.tasks:
        around = structure.around[name]
        if all(block.loop for block in around):
            times = 1
            for block in around:
                times *= turns.get(block.head, 1)
            count += times
    shown = [f"{name!r}: {number} turns" for name, number in turns.items() if number > 1]
    return count, shown


def too_many(structure: Structure, most: int) -> list[str]:
    """Return the fault of a workflow that would become more than `most` tasks."""
    count, loops = least_tasks(structure)
    if count <= most:
        return []
    shown = ", ".join(loops[:_WRITTEN]) + (", ..." if len(loops) > _WRITTEN else "")
    number = f"{count}" if count < 10**15 else "more than 10^15"
    return [
        f"its loops make {number} tasks ({shown}), and at most {most} run as one workflow; let "
        "them turn less often, or raise the setting cubes.workflow_tasks"
    ]


def _turns(task: Task) -> int | None:
    """Return how often a loop turns, None where its lists come from elsewhere."""
    values, counter = task.argument("values", "-").strip(), task.argument("counter", "-").strip()
    if "|" in values and "@" not in values and "&" not in values:
        return len(split_list(values))
    if counter not in {"", "-"}:
        return counter_length(counter)
    return None
