"""oph_cubeschema and oph_cubesize: what a cube is."""

from __future__ import annotations

from polarnight.ophidia.answers.cubeinfo import (
    UNITS,
    cube_bytes,
    dimension_grid,
    in_unit,
    info_grid,
    more_info_grid,
    values_grid,
)
from polarnight.ophidia.answers.response import Grid, Item
from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.files.paths import check_name
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.language.indices import no_dimension
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["CubeSchema", "CubeSize"]


@operator
class CubeSchema(Operator):
    """What a cube is."""

    name = "oph_cubeschema"
    reading = {"action": ("read",)}
    title = "Show a cube, its dimensions and their values; add or clear dimensions of size 1."
    text = (
        "action=add gives the cube one more dimension of size 1, action=clear takes one off; "
        "both make a new cube."
    )
    arguments = (
        cube(),
        Argument("action", "enum", "read", choices=("read", "add", "clear"), help="What to do."),
        Argument("level", "int", 0, minimum=0, maximum=2,
                 help="0 shows the cube, 1 the values of its dimensions, 2 both."),
        Argument("dim", default=("all",), multiple=True,
                 help="Dimensions whose values are shown, or that are added or cleared."),
        yes_no("show_index", False, "Number the values."),
        yes_no("show_time", False, "Kept for old commands."),
        yes_no("base64", False, "Values in base64, as they are in memory."),
        Argument("concept_level", default="c", help="Kept for old commands."),
        Argument("dim_level", "int", 1, minimum=1,
                 help="Place of the added dimension among those of its kind."),
        yes_no("dim_array", True, "Whether the added dimension is implicit."),
    )  # fmt: skip
    objects = (
        "cubeschema_cubeinfo",
        "cubeschema_morecubeinfo",
        "cubeschema_diminfo",
        "cubeschema_dimvalues",
    )
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Show the cube, or change its dimensions."""
        if given["action"] != "read":
            return self._changed(given, context)
        row = context.row(given["cube"])
        objects: list[Item] = []
        if given["level"] in {0, 2}:
            size = cube_bytes(row, context)
            objects += [
                info_grid(row, context),
                more_info_grid(row, size),
                dimension_grid(row),
            ]
        if given["level"] in {1, 2}:
            names = [dim["name"] for dim in row.dims]
            wanted = names if given["dim"] == ("all",) else list(given["dim"])
            for name in wanted:
                if name not in names:
                    raise no_dimension(self.name, name, names)
                objects.append(
                    values_grid(
                        row,
                        name,
                        index=given["show_index"] == "yes",
                        base64=given["base64"] == "yes",
                    )
                )
        return Answer(objects)

    def _changed(self, given: Given, context: Context) -> Answer:
        """Make a cube with one more, or one less, dimension of size 1."""
        from polarnight.cubes.steps.shape import drop_dim, expand_dim

        row = context.row(given["cube"])
        axes = Axes.of(row)
        names = given["dim"]
        if names == ("all",) or len(names) != 1:
            msg = f"{self.name}: action={given['action']} takes one dimension"
            raise BadValue(msg, "add dim=<name>")
        name = names[0]
        lazy = context.cube(row, with_cards=True)
        if given["action"] == "clear":
            axes = axes.without(name)
            made = drop_dim(lazy, name)
        else:
            check_name(name, "dimension")
            made = expand_dim(lazy, name)
            place = given["dim_level"] - 1
            if given["dim_array"] == "yes":
                implicit = (*axes.implicit[:place], name, *axes.implicit[place:])
                axes = Axes(axes.explicit, implicit)
            else:
                explicit = (*axes.explicit[:place], name, *axes.explicit[place:])
                axes = Axes(explicit, axes.implicit)
        return context.make(made, axes, {**given, "container": "-"}, [row])


@operator
class CubeSize(Operator):
    """How large a cube is."""

    name = "oph_cubesize"
    reading = {}
    title = "Show how much a cube takes on disk."
    text = "Of a cube that was not computed, what it would take, uncompressed."
    arguments = (
        cube(),
        Argument("byte_unit", "enum", "MB", choices=tuple(UNITS), help="Unit of the answer."),
        Argument("algorithm", "enum", "euristic", choices=("euristic", "count"),
                 help="Kept for old commands."),
    )  # fmt: skip
    objects = ("cubesize",)

    def run(self, given: Given, context: Context) -> Answer:
        """Measure it, and remember the size."""
        row = context.row(given["cube"])
        size = cube_bytes(row, context)
        if not context.catalogue.containers.is_mounted(row.container):
            context.catalogue.cubes.update(row, size_bytes=size)
        unit = given["byte_unit"]
        cells = [(in_unit(size, unit), unit)]
        return Answer([Grid("cubesize", "Cube Size", ("CUBE SIZE", "UNIT"), cells)])
