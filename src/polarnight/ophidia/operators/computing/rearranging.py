"""oph_rollup, oph_drilldown, oph_permute, oph_duplicate: the same pixels, otherwise arranged."""

from __future__ import annotations

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument, cube
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["DrillDown", "Duplicate", "Permute", "RollUp"]

_CONTAINER = Argument("container", default="-", help="Where the cube goes; - is that of the input.")
_DESCRIPTION = Argument("description", default="-", help="Text of the new cube.")
_NDIM = Argument("ndim", "int", 1, minimum=1, help="How many dimensions.")


class _Arranging(Operator):
    """Base of operators that give the dimensions of a cube other roles; nothing is computed."""

    kind = "U"
    threads = True
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Make a view of the same pixels."""
        row = context.row(given["cube"])
        axes = self.arranged(Axes.of(row), given)
        lazy = context.cube(row, with_cards=True)
        return context.make(lazy, axes, given, [row], level=row.level + 1)

    def arranged(self, axes: Axes, given: Given) -> Axes:
        """Return the new roles and order of the dimensions."""
        raise NotImplementedError


@operator
class RollUp(_Arranging):
    """Explicit dimensions that become implicit."""

    name = "oph_rollup"
    title = "Turn the last explicit dimensions into implicit ones."
    text = (
        "What was one row for each of their coordinates becomes one longer row, so that "
        "oph_reduce and oph_apply see it as a whole. Nothing is computed."
    )
    arguments = (cube(), _NDIM, _CONTAINER, _DESCRIPTION)
    objects = ("rollup",)

    def arranged(self, axes: Axes, given: Given) -> Axes:
        """Move dimensions from the rows into the arrays."""
        number = _at_most(self.name, given["ndim"], axes.explicit, "explicit")
        cut = len(axes.explicit) - number
        return Axes(axes.explicit[:cut], (*axes.explicit[cut:], *axes.implicit))


@operator
class DrillDown(_Arranging):
    """Implicit dimensions that become explicit."""

    name = "oph_drilldown"
    title = "Turn the first implicit dimensions into explicit ones."
    text = "The opposite of oph_rollup: one row becomes many shorter ones. Nothing is computed."
    arguments = (cube(), _NDIM, _CONTAINER, _DESCRIPTION)
    objects = ("drilldown",)

    def arranged(self, axes: Axes, given: Given) -> Axes:
        """Move dimensions from the arrays into the rows."""
        number = _at_most(self.name, given["ndim"], axes.implicit, "implicit")
        return Axes((*axes.explicit, *axes.implicit[:number]), axes.implicit[number:])


@operator
class Permute(_Arranging):
    """Implicit dimensions in another order."""

    name = "oph_permute"
    title = "Put the implicit dimensions into another order."
    text = (
        "dim_pos gives every implicit dimension, from the outermost on, its new place: 2,1 "
        "exchanges two of them. Nothing is computed."
    )
    arguments = (
        cube(),
        Argument("dim_pos", mandatory=True, help="New places of the implicit dimensions: 2,1."),
        _CONTAINER,
        _DESCRIPTION,
    )
    objects = ("permute",)

    def arranged(self, axes: Axes, given: Given) -> Axes:
        """Order the dimensions inside the rows."""
        number = len(axes.implicit)
        try:
            places = [int(part) - 1 for part in given["dim_pos"].split(",")]
        except ValueError:
            places = []
        if sorted(places) != list(range(number)):
            listed = ", ".join(axes.implicit) or "none"
            msg = f"{self.name}: dim_pos={given['dim_pos'][:60]} does not order {listed}"
            example = ",".join(str(place) for place in range(number, 0, -1)) or "another cube"
            raise BadValue(msg, f"give each of 1 to {number} once, for example {example}")
        ordered = sorted(zip(places, axes.implicit, strict=True))
        return Axes(axes.explicit, tuple(name for _, name in ordered))


@operator
class Duplicate(_Arranging):
    """The same cube under another number."""

    name = "oph_duplicate"
    title = "Copy a cube."
    text = (
        "The copy has its own number, cards and text; its pixels are kept once for both. "
        "Deleting one leaves the other."
    )
    arguments = (cube(), _CONTAINER, _DESCRIPTION)
    objects = ("duplicate",)

    def arranged(self, axes: Axes, given: Given) -> Axes:
        """Leave everything as it is."""
        return axes


def _at_most(operator_name: str, number: int, names: tuple[str, ...], kind: str) -> int:
    if number > len(names):
        listed = ", ".join(names) or "none"
        msg = f"{operator_name}: ndim={number}, but the cube has {len(names)} {kind} dimensions"
        raise BadValue(msg, f"they are {listed}")
    return number
