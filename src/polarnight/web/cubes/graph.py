"""The provenance of a cube as a graph: every cube a link, every operation a line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from polarnight.db.cubes.provenance import Edge, Graph, Node

__all__ = ["draw_provenance"]

_WIDTH: Final = 190
_HEIGHT: Final = 46
_GAP: Final = (120, 14)
_MARGIN: Final = 10
_MOST: Final = 80  # cubes that are drawn; the table has all
_ARROW: Final = mark_safe(
    '<defs><marker id="cube-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
    'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker></defs>'
)


def draw_provenance(
    graph: Graph, focus: str, address: Callable[[Node], str | None]
) -> tuple[SafeString, int]:
    """Return the graph as an ``<svg>`` element, and how many cubes do not fit into it.

    Parameters
    ----------
    graph : Graph
    focus : str
        Place of the cube that it is about.
    address : callable
        Takes a node, returns the address of its page or None.
    """
    columns = _columns(graph, focus)
    kept = sorted(graph.nodes, key=lambda node: abs(columns[node.place] - columns[focus]))[:_MOST]
    places, width, height = _places(kept, columns)
    edges = [e for e in graph.edges if e.input in places and e.output in places]
    boxes = ((_box(node, places[node.place], address(node), node.place == focus),) for node in kept)
    drawn = format_html(
        '<svg class="provenance" role="group" aria-label="Provenance: {} cubes" '
        'viewBox="0 0 {} {}" width="{}" height="{}">{}{}{}</svg>',
        len(kept),
        width,
        height,
        width,
        height,
        _ARROW,
        format_html_join("", "{}", ((_line(edge, places),) for edge in edges)),
        format_html_join("", "{}", boxes),
    )
    return drawn, len(graph.nodes) - len(kept)


def _columns(graph: Graph, focus: str) -> dict[str, int]:
    """Return the column of every cube: right of all that it was made of."""
    columns = {node.place: 0 for node in graph.nodes}
    columns.setdefault(focus, 0)
    edges = [edge for edge in graph.edges if edge.input in columns]
    for _ in range(len(columns)):
        changed = False
        for edge in edges:
            if columns[edge.output] <= columns[edge.input]:
                columns[edge.output] = columns[edge.input] + 1
                changed = True
        if not changed:
            break
    return columns


def _places(
    nodes: Sequence[Node], columns: dict[str, int]
) -> tuple[dict[str, tuple[int, int]], int, int]:
    by_column: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        by_column[columns[node.place]].append(node)
    tallest = max((len(one) for one in by_column.values()), default=1)
    height = 2 * _MARGIN + tallest * (_HEIGHT + _GAP[1]) - _GAP[1]
    places = {}
    for index, column in enumerate(sorted(by_column)):
        own = sorted(by_column[column], key=lambda node: node.number)
        top = (height - len(own) * (_HEIGHT + _GAP[1]) + _GAP[1]) // 2
        for row, node in enumerate(own):
            x = _MARGIN + index * (_WIDTH + _GAP[0])
            places[node.place] = (x, top + row * (_HEIGHT + _GAP[1]))
    width = 2 * _MARGIN + max(1, len(by_column)) * (_WIDTH + _GAP[0]) - _GAP[0]
    return places, width, height


def _line(edge: Edge, places: dict[str, tuple[int, int]]) -> SafeString:
    x1, y1 = places[edge.input]
    x2, y2 = places[edge.output]
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    bend = max(20, (x2 - x1) // 2)
    return format_html(
        '<g class="edge"><title>{}</title><path d="M{} {}C{} {} {} {} {} {}" '
        'marker-end="url(#cube-arrow)"/><text class="level" x="{}" y="{}">{}</text></g>',
        edge.operator,
        x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2,
        x2 - 8 - _GAP[0] // 3,
        y2 - 6,
        edge.operator.removeprefix("oph_")[:14],
    )  # fmt: skip


def _box(node: Node, place: tuple[int, int], address: str | None, focus: bool) -> SafeString:
    x, y = place
    name = node.source.rpartition("/")[2]
    inside = format_html(
        '<title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="6"/>'
        '<text x="{}" y="{}" class="title">{}</text><text x="{}" y="{}" class="note">{}</text>',
        f"cube {node.number} {name}{'' if node.exists else ' (deleted)'}",
        x, y, _WIDTH, _HEIGHT,
        x + 10, y + 19, f"cube {node.number}",
        x + 10, y + 36, _short(name if node.exists else f"deleted {name}"),
    )  # fmt: skip
    state = "ok" if node.exists else "missing"
    classes = f"node kind-cube state-{state}{' focus' if focus else ''}"
    if address is None:
        return format_html('<g class="{}">{}</g>', classes, inside)
    current = mark_safe(' aria-current="page"') if focus else ""
    return format_html('<a href="{}" class="{}"{}>{}</a>', address, classes, current, inside)


def _short(text: str) -> str:
    return text if len(text) <= 25 else f"{text[:24]}…"
