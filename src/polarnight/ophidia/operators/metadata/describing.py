"""oph_containerschema and oph_cubeelements: containers and cubes in numbers."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Grid
from polarnight.ophidia.context import Context
from polarnight.ophidia.language.arguments import Argument, cube
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["ContainerSchema", "CubeElements"]


@operator
class ContainerSchema(Operator):
    """What a container is."""

    name = "oph_containerschema"
    reading = {}
    title = "Show a container and its dimensions."
    arguments = (Argument("container", mandatory=True, help="Name, path or PID."),)
    objects = ("containerschema_info", "containerschema_diminfo")
    kind = "U"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return both tables."""
        catalogue = context.catalogue
        found = catalogue.containers.get(context.session, given["container"], context.cwd)
        about = (
            catalogue.pid(found),
            found.name,
            found.description,
            found.vocabulary,
            f"{found.created:%Y-%m-%d %H:%M:%S}",
            found.cubes.count(),
        )
        columns = ("PID", "CONTAINER", "DESCRIPTION", "VOCABULARY", "CREATION DATE", "CUBES")
        dims = [(dim["name"], dim["type"], dim.get("hierarchy", "oph_base")) for dim in found.dims]
        return Answer([
            Grid("containerschema_info", "Container Information", columns, [about]),
            Grid("containerschema_diminfo", "Dimension Information",
                 ("NAME", "TYPE", "HIERARCHY"), list(dims)),
        ])  # fmt: skip


@operator
class CubeElements(Operator):
    """How many numbers a cube has."""

    name = "oph_cubeelements"
    reading = {}
    title = "Show the number of elements of a cube."
    text = "algorithm=count counts those that are there: neither missing nor unusable."
    arguments = (
        cube(),
        Argument("algorithm", "enum", "dim_product", choices=("dim_product", "count"),
                 help="dim_product multiplies the sizes of the dimensions; count looks."),
    )  # fmt: skip
    objects = ("cubeelements",)
    kind = "U"
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Count."""
        row = context.row(given["cube"])
        number = row.n_elements
        if given["algorithm"] == "count":
            number = self._counted(context, given, row)
        grid = Grid(
            "cubeelements", "Cube Elements", ("NUMBER OF ELEMENTS",), [(number,)], ("long",)
        )
        return Answer([grid])

    def _counted(self, context: Context, given: Given, row: object) -> int:
        import numpy as np

        from polarnight.frames import UNUSABLE

        lazy = context.cube(row)  # type: ignore[arg-type]
        there = ~np.isnan(lazy.data) if lazy.dtype.kind == "f" else np.ones_like(lazy.data, bool)
        if lazy.bits is not None:
            there = there & ((lazy.bits & np.uint16(UNUSABLE)) == 0)
        return int(context.compute([there.sum()], given)[0])
