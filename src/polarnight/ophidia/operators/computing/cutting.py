"""oph_subset: a part of a cube."""

from __future__ import annotations

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.language.indices import check_pairs, select_coordinates, select_indices
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Subset"]


@operator
class Subset(Operator):
    """A part of a cube."""

    name = "oph_subset"
    title = "Cut a part out of a cube."
    text = (
        "By index, counted from 1 with both ends included (5, 1:10, 1:2:10, 5:end, several with "
        "commas), or by coordinate (the nearest value, or from:to). Coordinates on the sky follow."
    )
    arguments = (
        cube(),
        Argument("subset_dims", default=("none",), multiple=True, help="Dimensions to cut."),
        Argument("subset_filter", default=("all",), multiple=True,
                 help="What is kept of each; one filter serves for all."),
        Argument("subset_type", "enum", "index", choices=("index", "coord"),
                 help="Whether filters are indices or coordinates."),
        yes_no("time_filter", True, "Kept for old commands."),
        Argument("offset", "float", 0.0, minimum=0,
                 help="By which ranges of coordinates are widened at both ends."),
        Argument("grid", default="-", help="Kept for old commands."),
        yes_no("check_grid", False, "Kept for old commands."),
        Argument("container", default="-", help="Where the cube goes; - is that of the input."),
        Argument("description", default="-", help="Text of the cube."),
    )  # fmt: skip
    objects = ("subset",)
    threads = True
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Cut it."""
        row = context.row(given["cube"])
        axes = Axes.of(row)
        lazy = context.cube(row, with_cards=True)
        chosen = {}
        pairs = check_pairs(self.name, given["subset_dims"], given["subset_filter"], axes.names)
        for name, text in pairs:
            dim = lazy.dim(name)
            if given["subset_type"] == "index":
                chosen[name] = select_indices(self.name, name, text, dim.size)
            else:
                chosen[name] = select_coordinates(self.name, dim, text, given["offset"])
        return context.make(lazy.subset(**chosen), axes, given, [row])
