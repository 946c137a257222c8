"""A workflow as a tree of text, for terminals, and as DOT, for Graphviz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polarnight.ophidia.answers.tables import clean
from polarnight.ophidia.workflow.shape.model import Status, Workflow
from polarnight.ophidia.workflow.shape.structure import Structure

__all__ = ["COLOURS", "dot_text", "kept_tree", "workflow_tree"]

_SIGNS = {
    Status.COMPLETED: ("done", "32"),
    Status.RUNNING: ("runs", "33"),
    Status.WAITING: ("waits", "36"),
    Status.PENDING: ("later", "2"),
    Status.ERROR: ("failed", "31"),
    Status.SKIPPED: ("failed, skipped", "35"),
    Status.ABORTED: ("not done", "31"),
    Status.UNSELECTED: ("not chosen", "2"),
}
COLOURS = {
    Status.COMPLETED: "#8fbf8f",
    Status.RUNNING: "#f2c14e",
    Status.WAITING: "#8ecae6",
    Status.PENDING: "#e6e6e6",
    Status.ERROR: "#e07a5f",
    Status.SKIPPED: "#c9a0dc",
    Status.ABORTED: "#d9b3ad",
    Status.UNSELECTED: "#f5f5f5",
}


def workflow_tree(
    workflow: Workflow, statuses: Mapping[str, list[str]] | None = None, colours: bool = False
) -> list[str]:
    """Return a line for every task, indented by the loops and branches around it.

    Parameters
    ----------
    workflow : Workflow
    statuses : mapping, optional
        Of the names of tasks to the status of every turn.
    colours : bool
        Whether statuses are coloured for a screen.
    """
    structure = Structure(workflow.tasks)
    names = _nested(structure)
    width = max(len(clean(name)) + 2 * depth for name, depth in names)
    lines = []
    for name, depth in names:
        task = structure.tasks[name]
        label = f"{'  ' * depth}{clean(name)}"
        line = f"{label:<{width}}  {task.operator}"
        if parents := structure.parents[name]:
            line += f"  after {', '.join(clean(parent) for parent in parents)}"
        if statuses is not None:
            line = f"{_signs(statuses.get(name, [Status.PENDING]), colours)}  {line}"
        lines.append(line)
    return lines


def _nested(structure: Structure) -> list[tuple[str, int]]:
    """Return all tasks with their depth, what lies in a loop or branch right behind its head."""
    heads = {block.head: block for block in structure.blocks}
    done: set[str] = set()
    listed: list[tuple[str, int]] = []

    def put(name: str) -> None:
        if name in done:
            return
        done.add(name)
        listed.append((name, len(structure.around[name])))
        block = heads.get(name)
        if block is not None:
            for inner in structure.order:
                if inner in block.body:
                    put(inner)

    for name in structure.order:
        put(name)
    return listed


def _signs(statuses: list[str], colours: bool) -> str:
    counted = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
    parts = []
    for status, count in counted.items():
        sign, colour = _SIGNS[status]
        text = f"{count} {sign}" if len(statuses) > 1 else sign
        parts.append((text, colour))
    plain = ", ".join(text for text, _ in parts)
    shown = ", ".join(f"\x1b[{c}m{text}\x1b[0m" for text, c in parts) if colours else plain
    return shown + " " * max(0, 15 - len(plain))


def kept_tree(kept: Mapping[str, Any], colours: bool = False) -> list[str]:
    """Return the tree of a run that was kept, with the states of its tasks.

    Parameters
    ----------
    kept : mapping
        What `record.snapshot` gave.
    colours : bool
    """
    from polarnight.ophidia.workflow.text.reading import parse_workflow

    workflow = parse_workflow(kept["source"], None)
    return workflow_tree(workflow, statuses_of(workflow, kept), colours)


def statuses_of(workflow: Workflow, kept: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the states of all turns of every task of a run that was kept."""
    names = {task.name for task in workflow.tasks}
    found: dict[str, list[str]] = {}
    for name, one in kept.get("tasks", {}).items():
        task = name if name in names else name.rpartition("[")[0]
        found.setdefault(task, []).append(one["status"])
    return found


def worst(statuses: list[str]) -> str:
    """Return the state that stands for several turns in a picture."""
    order = (
        Status.ERROR, Status.RUNNING, Status.WAITING, Status.ABORTED, Status.SKIPPED,
        Status.PENDING, Status.COMPLETED, Status.UNSELECTED,
    )  # fmt: skip
    return next((status for status in order if status in statuses), Status.PENDING)


def dot_text(workflow: Workflow, statuses: Mapping[str, list[str]] | None = None) -> str:
    """Return the graph in the language of Graphviz; colours tell the states.

    Parameters
    ----------
    workflow : Workflow
    statuses : mapping, optional
    """
    number = {task.name: n for n, task in enumerate(workflow.tasks)}
    lines = ["digraph workflow {", "  node [shape=box, style=filled, fontname=sans];"]
    for task in workflow.tasks:
        status = worst((statuses or {}).get(task.name, []))
        label = f"{_quoted(task.name)}\\n{_quoted(task.operator)}"
        lines.append(f'  t{number[task.name]} [label="{label}", fillcolor="{COLOURS[status]}"];')
    for task in workflow.tasks:
        for dependency in task.dependencies:
            style = "" if dependency.carries else " [style=dashed]"
            start, end = number[dependency.task], number[task.name]
            lines.append(f"  t{start} -> t{end}{style};")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return clean(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
