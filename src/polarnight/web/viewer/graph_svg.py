"""A provenance graph as an accessible SVG: every node a link, every text escaped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

if TYPE_CHECKING:
    from polarnight.web.viewer.provenance import Edge, Graph, Node

__all__ = ["draw_graph"]

_WIDTH: Final = 214
_HEIGHT: Final = 46
_GAP: Final = (76, 16)
_MARGIN: Final = 10
_LOOP: Final = 44  # of a link within a column, to the left of it
_ORDER: Final = ("raw", "bias", "dark", "flat", "reduced", "result", "more")
_LETTERS: Final = (23, 28)  # of title and note that fit into a box


def draw_graph(graph: Graph, address: Callable[[Node], str | None]) -> SafeString:
    """Return the graph as an ``<svg>`` element.

    Parameters
    ----------
    graph : Graph
    address : callable
        Takes a node, returns the address of its page or None.
    """
    places, width, height = _place(graph)
    drawn = [edge for edge in graph.edges if edge.source in places and edge.target in places]
    edges = format_html_join("", "{}", ((_draw_edge(edge, places),) for edge in drawn))
    levels = format_html_join(
        "", "{}", ((_draw_level(edge, places),) for edge in drawn if edge.level is not None)
    )
    nodes = format_html_join(
        "",
        "{}",
        (
            (_draw_node(node, places[node.id], address(node), focus=node.id == graph.focus),)
            for node in graph.nodes.values()
        ),
    )
    told = f"{len(graph.nodes)} files and results, {len(graph.edges)} links between them"
    return format_html(
        '<svg class="provenance" role="group" aria-label="Provenance: {}" '
        'viewBox="0 0 {} {}" width="{}" height="{}">{}{}{}{}</svg>',
        told,
        width,
        height,
        width,
        height,
        _ARROW,
        edges,
        levels,
        nodes,
    )


_ARROW: Final = mark_safe(
    '<defs><marker id="provenance-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
    'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker></defs>'
)


def _place(graph: Graph) -> tuple[dict[str, tuple[int, int]], int, int]:
    """Return the upper left corner of every node, and the size of the whole."""
    columns: dict[int, list[Node]] = defaultdict(list)
    for node in graph.nodes.values():
        columns[node.column].append(node)
    tallest = max((len(nodes) for nodes in columns.values()), default=1)
    height = 2 * _MARGIN + tallest * (_HEIGHT + _GAP[1]) - _GAP[1]
    places = {}
    for index, column in enumerate(sorted(columns)):
        nodes = sorted(columns[column], key=lambda node: _ORDER.index(node.kind))
        own = len(nodes) * (_HEIGHT + _GAP[1]) - _GAP[1]
        top = (height - own) // 2
        for row, node in enumerate(nodes):
            x = _LOOP + index * (_WIDTH + _GAP[0])
            places[node.id] = (x, top + row * (_HEIGHT + _GAP[1]))
    width = _LOOP + len(columns) * (_WIDTH + _GAP[0]) - _GAP[0] + _MARGIN
    return places, max(width, _WIDTH), height


def _draw_edge(edge: Edge, places: dict[str, tuple[int, int]]) -> SafeString:
    x1, y1 = places[edge.source][0], places[edge.source][1] + _HEIGHT // 2
    x2, y2 = places[edge.target][0], places[edge.target][1] + _HEIGHT // 2
    bend, back = -_LOOP, -_LOOP
    if x1 != x2:
        x1 += _WIDTH
        bend = max(20, (x2 - x1) // 2)
        back = -bend
    level = "" if edge.level is None else f" level-{edge.level}"
    return format_html(
        '<g class="edge{}"><title>{}</title>'
        '<path d="M{} {}C{} {} {} {} {} {}" marker-end="url(#provenance-arrow)"/></g>',
        level + (" rejected" if edge.note.startswith("rejected") else ""),
        edge.note or edge.role,
        x1,
        y1,
        x1 + bend,
        y1,
        x2 + back,
        y2,
        x2,
        y2,
    )


def _draw_level(edge: Edge, places: dict[str, tuple[int, int]]) -> SafeString:
    x, y = places[edge.target]
    # Several masters meet in one place: their levels stand one above the other.
    rank = {"bias": 0, "dark": 1, "flat": 2}.get(edge.role, 0)
    return format_html(
        '<text class="level" x="{}" y="{}">{} level {}</text>',
        x - _GAP[0] // 2,
        y + _HEIGHT // 2 - 8 - 13 * rank,
        edge.role,
        edge.level,
    )


def _draw_node(
    node: Node, place: tuple[int, int], address: str | None, *, focus: bool
) -> SafeString:
    x, y = place
    box = format_html(
        "<title>{}</title>"
        '<rect x="{}" y="{}" width="{}" height="{}" rx="6"/>'
        '<text x="{}" y="{}" class="title">{}</text><text x="{}" y="{}" class="note">{}</text>',
        f"{node.title}: {node.note}" if node.note else node.title,
        x,
        y,
        _WIDTH,
        _HEIGHT,
        x + 10,
        y + 19,
        _short(node.title, _LETTERS[0]),
        x + 10,
        y + 36,
        _short(node.note, _LETTERS[1]),
    )
    classes = f"node kind-{node.kind} state-{node.state}{' focus' if focus else ''}"
    if address is None:
        return format_html('<g class="{}" data-node="{}">{}</g>', classes, node.id, box)
    return format_html(
        '<a href="{}" class="{}" data-node="{}"{}>{}</a>',
        address,
        classes,
        node.id,
        mark_safe(' aria-current="page"') if focus else "",
        box,
    )


def _short(text: str, letters: int) -> str:
    """Return a text that fits; the whole is in the title of the node."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
