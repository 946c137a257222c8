"""The graph of a workflow as a picture, with the states of its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polarnight.errors import ConfigError
from polarnight.frames.atomic import atomic_write
from polarnight.ophidia.workflow.shape.model import Workflow
from polarnight.ophidia.workflow.shape.structure import Structure
from polarnight.ophidia.workflow.showing.tree import COLOURS, dot_text, statuses_of, worst

__all__ = ["Layout", "draw_workflow", "layout", "picture_of"]

_FORMATS = (".png", ".svg", ".pdf", ".dot")
_LONGEST = 24
_PASSING = 0.3  # width of the place that a line takes in a layer that it passes


@dataclass(slots=True)
class Layout:
    """Where everything stands.

    Attributes
    ----------
    place : dict
        Of every task to x and y of its middle; a task is one wide, a layer one high.
    lines : list
        Of every dependency: parent, child, and the points between them that lead around others.
    width, height : float
    """

    place: dict[str, tuple[float, float]]
    lines: list[tuple[str, str, list[tuple[float, float]]]]
    width: float
    height: int


def layout(structure: Structure) -> Layout:
    """Return places in layers: everything that a task waits for lies in layers above it.

    Within a layer tasks stand near the middle of those they depend on, so that few lines cross;
    a line that passes a layer has a place of its own there.
    """
    depth: dict[str, int] = {}
    for name in structure.order:
        depth[name] = max((depth[one] + 1 for one in structure.parents[name]), default=0)
    before: dict[object, list[object]] = {name: [] for name in structure.order}
    rows: list[list[object]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in structure.order:
        rows[depth[name]].append(name)
        for parent in structure.parents[name]:
            last: object = parent
            for between in range(depth[parent] + 1, depth[name]):
                passing = (parent, name, between)
                rows[between].append(passing)
                before[passing] = [last]
                last = passing
            before[name].append(last)
    x: dict[object, float] = {}
    for row in rows:
        wanted = {
            one: sum(x[other] for other in before[one]) / len(before[one]) if before[one] else 0.0
            for one in row
        }
        row.sort(key=lambda one: wanted[one])
        widths = [1.0 if isinstance(one, str) else _PASSING for one in row]
        at = -sum(widths) / 2
        for one, width in zip(row, widths, strict=True):
            x[one] = at + width / 2
            at += width
    lines = []
    for name in structure.order:
        for parent in structure.parents[name]:
            layers = range(depth[parent] + 1, depth[name])
            points = [(x[parent, name, layer], -float(layer)) for layer in layers]
            lines.append((parent, name, points))
    width = 2 * max(abs(value) for value in x.values()) + 1
    return Layout({n: (x[n], -float(depth[n])) for n in structure.order}, lines, width, len(rows))


def draw_workflow(
    workflow: Workflow, path: str | Path, statuses: Mapping[str, list[str]] | None = None
) -> Path:
    """Draw a workflow.

    Parameters
    ----------
    workflow : Workflow
    path : str or Path
        Ends with ``.png``, ``.svg``, ``.pdf``, or ``.dot`` for Graphviz.
    statuses : mapping, optional
        Of the names of tasks to the states of all their turns.

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        For another ending.
    """
    file = Path(path)
    if file.suffix.lower() not in _FORMATS:
        msg = f"{file.name!r} ends with none of {', '.join(_FORMATS)}"
        raise ConfigError(msg)
    with atomic_write(file) as temporary:
        if file.suffix.lower() == ".dot":
            temporary.write_text(dot_text(workflow, statuses), encoding="utf-8")
        else:
            _draw(workflow, temporary, file.suffix.lower()[1:], statuses or {})
    return file


def picture_of(kept: Mapping[str, Any], path: str | Path) -> Path:
    """Draw a run that was kept; see `record.snapshot`."""
    from polarnight.ophidia.workflow.text.reading import parse_workflow

    workflow = parse_workflow(kept["source"], None)
    return draw_workflow(workflow, path, statuses_of(workflow, kept))


def _draw(workflow: Workflow, path: Path, form: str, statuses: Mapping[str, list[str]]) -> None:
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch, Patch

    structure = Structure(workflow.tasks)
    drawn = layout(structure)
    place = drawn.place
    size = (max(4.0, 2.3 * drawn.width), max(2.5, 1.15 * drawn.height + 0.9))
    figure = Figure(figsize=(min(size[0], 120), min(size[1], 120)), layout="constrained")
    axes = figure.add_subplot()
    carrying = {
        (d.task, task.name) for task in workflow.tasks for d in task.dependencies if d.carries
    }
    for parent, child, points in drawn.lines:
        style = "-" if (parent, child) in carrying else "--"
        above, below = place[parent], place[child]
        start, end = (above[0], above[1] - 0.28), (below[0], below[1] + 0.28)
        around = [(px, py + shift) for px, py in points for shift in (0.3, -0.3)]
        path_x, path_y = zip(start, *around, strict=True) if around else ((start[0],), (start[1],))
        axes.plot(path_x, path_y, style, color="0.35", linewidth=1, zorder=1)
        axes.annotate(
            "",
            xy=end,
            xytext=(path_x[-1], path_y[-1]),
            arrowprops={
                "arrowstyle": "-|>", "color": "0.35", "linestyle": style, "shrinkA": 0,
                "shrinkB": 0,
            },
        )  # fmt: skip
    shown: dict[str, None] = {}
    for name, (x, y) in place.items():
        status = worst(statuses.get(name, []))
        shown[status] = None
        box = FancyBboxPatch(
            (x - 0.44, y - 0.27), 0.88, 0.54, boxstyle="round,pad=0.01,rounding_size=0.06",
            facecolor=COLOURS[status], edgecolor="0.3", linewidth=0.8,
        )  # fmt: skip
        axes.add_patch(box)
        turns = len(statuses.get(name, []))
        second = structure.tasks[name].operator + (f"  x{turns}" if turns > 1 else "")
        axes.text(x, y + 0.09, _short(name), ha="center", va="center", fontsize=8, parse_math=False)
        axes.text(
            x, y - 0.12, second, ha="center", va="center", fontsize=6.5, color="0.3",
            parse_math=False,
        )  # fmt: skip
    if statuses:
        handles = [
            Patch(
                facecolor=COLOURS[s], edgecolor="0.3", label=s.removeprefix("OPH_STATUS_").lower()
            )
            for s in shown
        ]
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    axes.set_title(workflow.name, fontsize=10, parse_math=False)
    half = drawn.width / 2 + 0.1
    axes.set(xlim=(-half, half), ylim=(-drawn.height + 0.4, 0.5))
    axes.set_axis_off()
    figure.savefig(path, format=form, dpi=150)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."
