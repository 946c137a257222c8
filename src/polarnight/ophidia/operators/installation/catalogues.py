"""oph_operators_list, oph_primitives_list, oph_hierarchy, oph_showgrid: what there is."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Grid, Item, Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.language.patterns import matches_any
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator, operators

__all__ = ["Hierarchy", "OperatorsList", "PrimitivesList", "ShowGrid"]

_KINDS = {"E": "essential", "U": "useful", "S": "system", "C": "not for astronomy"}


def _limited(rows: list[tuple[str, ...]], limit: int) -> list[tuple[str, ...]]:
    return rows[:limit] if limit else rows


@operator
class OperatorsList(Operator):
    """All operators."""

    name = "oph_operators_list"
    reading = {}
    title = "List the operators."
    text = "oph_man function=<operator> shows how one of them is used."
    arguments = (
        Argument("operator_filter", default="", help="Part of a name."),
        Argument("limit_filter", "int", 0, minimum=0, help="At most so many; 0 for all."),
    )
    objects = ("operators_list", "operators_list_tip")
    kind = "U"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table."""
        part = given["operator_filter"]
        rows: list[tuple[str, ...]] = [
            (name, cls.title, _KINDS[cls.kind])
            for name, cls in operators().items()
            if not part or matches_any([part], name, part=True)
        ]
        grid = Grid(
            "operators_list", "Operators List", ("OPERATOR", "PURPOSE", "CLASS"),
            list(_limited(rows, given["limit_filter"])),
        )  # fmt: skip
        tip = "oph_man function=<operator>; shows the arguments of an operator"
        return Answer([grid, Text("operators_list_tip", "Tip", tip)])


@operator
class PrimitivesList(Operator):
    """All primitives of oph_apply."""

    name = "oph_primitives_list"
    reading = {}
    title = "List the primitives that oph_apply knows."
    text = (
        "Besides those of Ophidia there are operators (+ - * / ^ < > and or not), functions by "
        "their plain names, where(), and filters of images. oph_man "
        "function=<primitive>;function_type=primitive shows how one of them is used."
    )
    arguments = (
        Argument("level", "int", 1, minimum=1, maximum=5,
                 help="1 names, 2 with what they return, 3 the library, 4 the type, 5 the host."),
        Argument("dbms_filter", default="-", help="Kept for old commands."),
        Argument("return_type", "enum", "all", choices=("all", "array", "number"),
                 help="number: one for a row."),
        Argument("primitive_type", "enum", "all", choices=("all", "simple", "aggregate"),
                 help="aggregate: over the rows; there are none, use oph_aggregate."),
        Argument("primitive_filter", default="", help="Part of a name."),
        Argument("limit_filter", "int", 0, minimum=0, help="At most so many; 0 for all."),
    )  # fmt: skip
    objects = ("primitives_list", "primitives_list_tip")
    kind = "U"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table."""
        from polarnight.ophidia.primitives import known

        part, level = given["primitive_filter"], given["level"]
        rows: list[tuple[str, ...]] = []
        for name, primitive in known().items():
            returned = "number" if primitive.returns_number else "array"
            if part and not matches_any([part], name, part=True):
                continue
            if given["return_type"] not in {"all", returned}:
                continue
            if given["primitive_type"] == "aggregate":
                continue
            rows.append((name, primitive.summary, returned, primitive.category, "simple", "1"))
        columns = (
            "PRIMITIVE NAME",
            "PURPOSE",
            "RETURN TYPE",
            "LIBRARY",
            "PRIMITIVE TYPE",
            "DBMS ID",
        )
        shown = level + 1
        grid = Grid(
            "primitives_list", "Primitives List", columns[:shown],
            [row[:shown] for row in _limited(rows, given["limit_filter"])],
        )  # fmt: skip
        tip = "oph_man function=<primitive>;function_type=primitive; shows how one is written"
        return Answer([grid, Text("primitives_list_tip", "Tip", tip)])


_HIERARCHIES = {
    "oph_base": [("c", "coordinate", "the values as they are")],
    "oph_time": [
        ("s", "second", "kept for old commands"),
        ("m", "minute", "kept for old commands"),
        ("h", "hour", "kept for old commands"),
        ("d", "day", "kept for old commands"),
        ("M", "month", "kept for old commands"),
        ("y", "year", "kept for old commands"),
    ],
}


@operator
class Hierarchy(Operator):
    """Hierarchies of dimensions."""

    name = "oph_hierarchy"
    reading = {}
    title = "List the hierarchies of dimensions, or the levels of one."
    text = "Axes of images are of oph_base. Levels of oph_time are known, but never aggregated by."
    arguments = (
        Argument("hierarchy", default="all", help="Name of one; all lists them."),
        Argument("hierarchy_version", default="latest", help="Kept for old commands."),
    )
    objects = ("hierarchy",)
    kind = "S"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the table."""
        name = given["hierarchy"].lower()
        if name == "all":
            rows = [(known,) for known in _HIERARCHIES]
            return Answer([Grid("hierarchy", "Hierarchy List", ("HIERARCHY",), list(rows))])
        if name not in _HIERARCHIES:
            msg = f"{self.name}: there is no hierarchy {given['hierarchy'][:60]!r}"
            raise BadValue(msg, f"there are {', '.join(_HIERARCHIES)}")
        columns = ("SHORT NAME", "LONG NAME", "MEANING")
        return Answer([Grid("hierarchy", f"Hierarchy {name}", columns, list(_HIERARCHIES[name]))])


@operator
class ShowGrid(Operator):
    """Grids of a container."""

    name = "oph_showgrid"
    reading = {}
    title = "List the grids of a container."
    text = "Grids were named sets of dimensions; cubes need none, so that there are none."
    arguments = (
        Argument("container", mandatory=True, help="Name or path of the container."),
        Argument("grid", default="all", help="Name of one."),
        Argument("dim", default="all", help="Kept for old commands."),
        Argument("show_index", default="no", help="Kept for old commands."),
    )
    objects = ("showgrid", "showgrid_tip")
    kind = "S"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return an empty table, and what to use."""
        container = context.catalogue.containers.get(
            context.session, given["container"], context.cwd
        )
        if given["grid"] != "all":
            msg = f"{self.name}: container {container.name!r} has no grid {given['grid'][:60]!r}"
            raise BadValue(msg, "oph_cubeschema shows the dimensions of a cube")
        objects: list[Item] = [
            Grid("showgrid", "Grid List", ("GRID NAME",), []),
            Text("showgrid_tip", "Tip", "oph_containerschema shows the dimensions"),
        ]
        return Answer(objects)
