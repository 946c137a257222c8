"""oph_aggregate and oph_aggregate2: statistics over the rows of a cube."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.common_noise import new_remarks
from polarnight.ophidia.engine.missing import missing_value, without_missing
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import BadValue, nearest
from polarnight.ophidia.language.arguments import Argument, cube
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.operators.computing.reducing import OPERATIONS, Reduce, parameters_of
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    import numpy as np

    from polarnight.cubes.cube import Cube
    from polarnight.db.models import DataCube

__all__ = ["Aggregate", "Aggregate2"]

_STATISTIC = tuple(one for one in Reduce.arguments if one.name not in {"cube", "group_size"})
_IN_STEPS = ("count", "max", "min", "avg", "sum")


class _Aggregating(Operator):
    """Base of both."""

    kind = "U"
    threads = True
    massive = "cube"

    def opened(self, row: DataCube, given: Given, context: Context) -> tuple[Cube, np.dtype[Any]]:
        """Return the input, with NaN in the place of missing values, and its own type."""
        lazy = context.cube(row, with_cards=True)
        return without_missing(lazy, missing_value(self.name, given)), lazy.dtype


@operator
class Aggregate(_Aggregating):
    """A statistic of groups of rows."""

    name = "oph_aggregate"
    title = "Reduce groups of rows, place by place."
    text = (
        "group_size=all makes one row of all of them. A number makes one row of so many "
        "neighbours along the last explicit dimension. Missing and unusable pixels are left out."
    )
    arguments = (
        cube(),
        Argument("group_size", "int", "all", minimum=1, words=("all",),
                 help="Rows of a group, or all."),
        *_STATISTIC,
    )  # fmt: skip
    objects = ("aggregate",)

    def run(self, given: Given, context: Context) -> Answer:
        """Reduce, and keep the result in the store."""
        row = context.row(given["cube"])
        axes = Axes.of(row)
        if not axes.explicit:
            msg = f"{self.name}: the cube has one row only"
            raise BadValue(msg, "oph_reduce reduces the elements of a row")
        lazy, pixels = self.opened(row, given, context)
        if given["group_size"] == "all":
            made = self._all(lazy, pixels, axes, given)
            axes = Axes((), axes.implicit)
        else:
            made = self._groups(lazy, pixels, axes, given)
        answer = context.make(made, axes, given, [row], persist=True)
        answer.warnings += new_remarks(self.name, made, lazy)
        return answer

    def _groups(self, lazy: Cube, pixels: np.dtype[Any], axes: Axes, given: Given) -> Cube:
        last, size = axes.explicit[-1], given["group_size"]
        if lazy.dim(last).size % size:
            msg = (
                f"{self.name}: the {lazy.dim(last).size} rows along {last} are no groups of {size}"
            )
            raise BadValue(msg, "give a divisor of that number, or group_size=all")
        operation, parameters = parameters_of(self.name, given, pixels)
        return lazy.block_reduce(operation, last, size, **parameters)

    def _all(self, lazy: Cube, pixels: np.dtype[Any], axes: Axes, given: Given) -> Cube:
        operation = given["operation"]
        if len(axes.explicit) == 1:
            name, parameters = parameters_of(self.name, given, pixels)
            return lazy.reduce(name, axes.explicit[0], **parameters)
        if operation not in _IN_STEPS:
            names = ", ".join(axes.explicit)
            msg = f"{self.name}: {operation} over several explicit dimensions at once ({names})"
            raise BadValue(msg, "is not there; roll them up and use oph_reduce, or aggregate2")
        _, parameters = parameters_of(self.name, given, pixels)
        # Of integers, which nobody asked for.
        parameters.pop("step", None)
        if any(parameters.values()):
            asked = " and ".join(name for name, value in parameters.items() if value)
            msg = f"{self.name}: {asked} over several explicit dimensions"
            raise BadValue(msg, "is for one at a time; oph_aggregate2 dim=<name> has it")
        if operation == "avg":
            return self._summed(lazy, axes, "sum") / self._summed(lazy, axes, "count")
        return self._summed(lazy, axes, operation)

    def _summed(self, lazy: Cube, axes: Axes, operation: str) -> Cube:
        """Reduce one dimension after the other; numbers of pixels are added up."""
        made = lazy.reduce(OPERATIONS[operation], axes.explicit[-1])
        for name in reversed(axes.explicit[:-1]):
            made = made.reduce("sum" if operation == "count" else OPERATIONS[operation], name)
        return made


@operator
class Aggregate2(_Aggregating):
    """A statistic along one explicit dimension."""

    name = "oph_aggregate2"
    title = "Reduce one explicit dimension, place by place."
    text = "Missing and unusable pixels are left out. The dimension is gone afterwards."
    arguments = (
        cube(),
        Argument("dim", default="-", help="Explicit dimension; - is the last."),
        Argument("concept_level", default="A", help="A reduces all of it; others are for climate."),
        Argument("midnight", "enum", "24", choices=("00", "24"), help="Kept for old commands."),
        *_STATISTIC,
    )
    objects = ("aggregate2",)

    def run(self, given: Given, context: Context) -> Answer:
        """Reduce, and keep the result in the store."""
        row = context.row(given["cube"])
        axes = Axes.of(row)
        dim = given["dim"] if given["dim"] != "-" else (axes.explicit or ("",))[-1]
        if dim not in axes.explicit:
            listed = ", ".join(axes.explicit) or "none"
            msg = f"{self.name}: {dim[:60]!r} is no explicit dimension; there are {listed}"
            like = nearest(dim, axes.explicit)
            remedy = f"did you mean {like}?" if like else "oph_cubeschema shows them"
            inner = "oph_reduce2 reduces implicit ones"
            raise BadValue(msg, inner if dim in axes.implicit else remedy)
        if given["concept_level"] != "A":
            msg = f"{self.name}: concept_level={given['concept_level'][:20]} belongs to calendars"
            raise BadValue(msg, "use concept_level=A, all of the dimension")
        lazy, pixels = self.opened(row, given, context)
        operation, parameters = parameters_of(self.name, given, pixels)
        made = lazy.reduce(operation, dim, **parameters)
        answer = context.make(made, axes.without(dim), given, [row], persist=True)
        answer.warnings += new_remarks(self.name, made, lazy)
        return answer
