"""oph_cubeio: what a cube was made from, and what was made from it."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Graph, Grid
from polarnight.ophidia.context import Context
from polarnight.ophidia.language.arguments import Argument, cube
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["CubeIo"]

_COLUMNS = ("INPUT CUBE", "OPERATION", "OUTPUT CUBE", "SOURCE")


@operator
class CubeIo(Operator):
    """Where a cube comes from."""

    name = "oph_cubeio"
    reading = {}
    title = "Show what a cube was made from and what was made from it."
    text = (
        "To the ends: raw files on one side, last results on the other, also deleted cubes. "
        "Warns where the cube would be another one if it were made now: files that changed, "
        "operations that are of another version."
    )
    arguments = (
        cube(),
        Argument("branch", "enum", "all", choices=("parent", "children", "all"),
                 help="Which side to show."),
    )  # fmt: skip
    objects = ("cubeio", "cubeio_graph")
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table and the graph."""
        catalogue = context.catalogue
        row = context.row(given["cube"])
        graph = catalogue.tasks.provenance(row, given["branch"], context.session)
        base = catalogue.base

        def pid(place: str) -> str:
            return f"{base}/{place}" if place else ""

        rows = [(pid(e.input), e.operator, pid(e.output), e.source) for e in graph.edges]
        places = {node.place: number for number, node in enumerate(graph.nodes)}
        links = [
            (places[edge.input], places[edge.output], edge.operator)
            for edge in graph.edges
            if edge.input
        ]
        nodes = [
            (pid(node.place), node.source if node.exists else f"{node.source} (deleted)".strip())
            for node in graph.nodes
        ]
        stale = [f"stale: {reason}" for reason in context.server.workbench.why_stale(row)]
        return Answer(
            [
                Grid("cubeio", "Cube Provenance", _COLUMNS, rows),
                Graph("cubeio_graph", "Cube Provenance Graph", ("PID", "SOURCE"), nodes, links),
            ],
            warnings=stale,
        )
