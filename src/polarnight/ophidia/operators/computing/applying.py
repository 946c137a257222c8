"""oph_apply: expressions of primitives."""

from __future__ import annotations

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.files.paths import check_name
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Apply"]

_NULL = {"null", "-", ""}


@operator
class Apply(Operator):
    """An expression applied to a cube."""

    name = "oph_apply"
    title = "Apply an expression of primitives to every row of a cube."
    text = (
        "For example query=oph_math(measure,'OPH_MATH_SQRT'), or query=measure*2+1. "
        "oph_primitives_list shows the primitives, oph_man function=<name>;"
        "function_type=primitive how one is used. Types need not be written. Filters of images "
        "(median_filter and the like) see neighbours in two dimensions, which Ophidia cannot."
    )
    arguments = (
        cube(),
        Argument("query", default="measure", help="Expression of primitives of measure."),
        Argument("dim_query", default="null", help="Expression for the coordinates."),
        Argument("measure", default="null", help="New name of the measure."),
        Argument("measure_type", "enum", "manual", choices=("auto", "manual"),
                 help="Kept for old commands: types may always be left out."),
        Argument("dim_type", "enum", "manual", choices=("auto", "manual"),
                 help="Kept for old commands."),
        yes_no("check_type", True, "Refuse nested primitives whose written types disagree."),
        Argument("on_reduce", "enum", "skip", choices=("update", "skip"),
                 help="update numbers the coordinates anew."),
        Argument("compressed", "enum", "auto", choices=("yes", "no", "auto"),
                 help="Kept for old commands."),
        Argument("container", default="-", help="Where the cube goes; - is that of the input."),
        Argument("description", default="-", help="Text of the cube."),
    )  # fmt: skip
    objects = ("apply",)
    threads = True
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Apply it."""
        from polarnight.ophidia.primitives import apply_query

        row = context.row(given["cube"])
        axes = Axes.of(row)
        measure = given["measure"]
        lazy = context.cube(row, with_cards=True)
        applied = apply_query(
            given["query"],
            lazy,
            implicit=axes.implicit or lazy.names[-1:],
            dim_query=None if given["dim_query"] in _NULL else given["dim_query"],
            measure=lazy.measure if measure in _NULL else check_name(measure, "measure"),
            measure_type=given["measure_type"],
            check_type=given["check_type"] == "yes",
            on_reduce=given["on_reduce"],
        )
        left = set(applied.cube.names)
        implicit = tuple(name for name in applied.implicit if name not in axes.explicit)
        explicit = tuple(name for name in axes.explicit if name in left)
        made = Axes(explicit, implicit)
        answer = context.make(applied.cube, made, given, [row], persist=applied.reduces)
        answer.warnings += applied.remarks
        return answer
