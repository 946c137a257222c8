"""oph_intercube and oph_intercube2: cubes combined element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.common_noise import new_remarks, with_shared_noise
from polarnight.ophidia.engine.matching_axes import displaced
from polarnight.ophidia.engine.missing import missing_value, without_missing
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.files.paths import check_name
from polarnight.ophidia.language.arguments import Argument, cube, cubes
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.db.models import DataCube

__all__ = ["InterCube", "InterCube2"]

_PAIR = (
    *("sum", "sub", "mul", "div", "abs", "arg", "corr", "mask"),
    *("max", "min", "arg_max", "arg_min"),
)
_MANY = ("avg", "sum", "mul", "max", "min", "arg_max", "arg_min")
_COMMON = (
    Argument("missingvalue", default="-", help="A number that stands for no value."),
    Argument("measure", default="null", help="Name of the result; that of the first unless given."),
    Argument("container", default="-", help="Where the cube goes; - is that of the first."),
    Argument("description", default="-", help="Text of the cube."),
)


def _measure(given: Given) -> str | None:
    text = given["measure"]
    return None if text in {"null", "-", ""} else check_name(text, "measure")


def _axes(made: Cube, rows: list[DataCube]) -> Axes:
    """Return the axes of a result: those of the first cube, then what only others have."""
    explicit = [n for row in rows for n in Axes.of(row).explicit if n in made.names]
    implicit = [n for row in rows for n in Axes.of(row).implicit if n in made.names]
    seen = tuple(dict.fromkeys(explicit))
    return Axes(seen, tuple(n for n in dict.fromkeys(implicit) if n not in seen))


def _answer(
    made: Cube, lazy: list[Cube], rows: list[DataCube], given: Given, context: Context
) -> Answer:
    made = with_shared_noise(made, lazy, given["operation"], context.server.workbench)
    answer = context.make(made, _axes(made, rows), given, rows)
    answer.warnings += displaced(context.operator, lazy)
    answer.warnings += new_remarks(context.operator, made, *lazy)
    return answer


@operator
class InterCube(Operator):
    """Two cubes combined element by element."""

    name = "oph_intercube"
    title = "Combine two cubes element by element."
    text = (
        "Dimensions meet by name: an image is combined with every frame of a stack. The result is "
        "floating, also of integers. What is no number in either cube is none in the result; bits "
        "of bad pixels and variances are carried along, and units follow. A cube with itself has "
        "one error; of cubes that have noise in common a warning is given. corr is the "
        "correlation along the fastest axis; mask keeps the first cube where the second is 1."
    )
    arguments = (
        cube(mandatory=False),
        Argument("cube2", "cube", default="", help="PID of the second cube."),
        cubes(mandatory=False, default="", help="Both cubes, a|b, in place of cube and cube2."),
        Argument("operation", "enum", "sub", choices=_PAIR, help="What is done."),
        *_COMMON,
    )
    objects = ("intercube",)
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Combine them."""
        from polarnight.cubes import combine_pair

        rows = self._both(given, context)
        missing = missing_value(self.name, given)
        first = without_missing(context.cube(rows[0], with_cards=True), missing)
        second = without_missing(context.cube(rows[1]), missing)
        made = combine_pair(first, second, given["operation"], measure=_measure(given))
        return _answer(made, [first, second], rows, given, context)

    def _both(self, given: Given, context: Context) -> list[DataCube]:
        if given["cubes"]:
            rows = context.rows(given["cubes"])
            if len(rows) != 2:
                msg = f"{self.name}: cubes names {len(rows)} cubes, two are needed"
                raise BadValue(msg, "oph_intercube2 combines any number")
            return rows
        for name in ("cube", "cube2"):
            if not given[name]:
                msg = f"{self.name}: argument {name!r} is missing"
                raise BadValue(msg, f"add {name}=<PID>")
        return [context.row(given["cube"]), context.row(given["cube2"])]


@operator
class InterCube2(Operator):
    """Any number of cubes combined element by element."""

    name = "oph_intercube2"
    title = "Combine any number of cubes element by element."
    text = (
        "As oph_intercube. For a median or clipped mean of images stack them by oph_mergecubes2 "
        "and reduce the stack by oph_reduce2."
    )
    arguments = (
        cubes(),
        Argument("operation", "enum", "avg", choices=_MANY, help="What is done."),
        *_COMMON,
    )
    objects = ("intercube2",)

    def run(self, given: Given, context: Context) -> Answer:
        """Combine them."""
        from polarnight.cubes import combine_many

        rows = context.rows(given["cubes"])
        if not rows:
            msg = f"{self.name}: there are no cubes to combine"
            raise BadValue(msg, "give PIDs joined by '|', or a filter in brackets")
        missing = missing_value(self.name, given)
        lazy = [
            without_missing(context.cube(row, with_cards=number == 0), missing)
            for number, row in enumerate(rows)
        ]
        made = combine_many(lazy, given["operation"], measure=_measure(given))
        return _answer(made, lazy, rows, given, context)
