"""oph_mergecubes and oph_mergecubes2: several cubes as one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.matching_axes import displaced
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.files.paths import check_name
from polarnight.ophidia.language.arguments import Argument, cubes, yes_no
from polarnight.ophidia.language.types import TYPES
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.db.models import DataCube

__all__ = ["MergeCubes", "MergeCubes2"]

_MOST = 100_000
_SHOWN = 3  # copies that a warning names
_COMMON = (
    Argument("number", "int", 1, minimum=1, maximum=10_000,
             help="How many times the first cube is taken."),
    Argument("order", "enum", "none", choices=("none", "source"),
             help="source sorts imported cubes by the name of their file."),
    Argument("container", default="-", help="Where the cube goes; - is that of the first."),
    Argument("description", default="-", help="Text of the cube."),
)  # fmt: skip


def _inputs(given: Given, context: Context) -> list[DataCube]:
    """Return the cubes to merge, in their order."""
    rows = context.rows(given["cubes"])
    if not rows:
        msg = f"{context.operator}: there are no cubes to merge"
        raise BadValue(msg, "give PIDs joined by '|', or a filter in brackets")
    if given["order"] == "source":
        rows.sort(key=lambda row: (row.source if row.level == 0 else "", row.pk))
    rows = [rows[0]] * (given["number"] - 1) + rows
    if len(rows) > _MOST:
        msg = f"{context.operator}: {len(rows)} cubes are too many"
        raise BadValue(msg, f"merge up to {_MOST} at once")
    return rows


def _lazy(rows: Sequence[DataCube], context: Context) -> list[Cube]:
    """Return the cubes of rows, the first with its cards: it gives those of the result."""
    made: dict[int, Cube] = {}
    for row in rows:
        if row.pk not in made:
            made[row.pk] = context.cube(row, with_cards=row is rows[0])
    return [made[row.pk] for row in rows]


def _copies(name: str, rows: Sequence[DataCube], lazy: Sequence[Cube]) -> list[str]:
    """Return a warning where different cubes have the same key, such as after a second import."""
    numbers = {row.pk: cube.key for row, cube in zip(rows, lazy, strict=True)}
    first: dict[str, int] = {}
    for number, key in numbers.items():
        first.setdefault(key, number)
    copies = [
        f"{number} is {first[key]}" for number, key in numbers.items() if first[key] != number
    ]
    if not copies:
        return []
    told = ", ".join(copies[:_SHOWN]) + (", ..." if len(copies) > _SHOWN else "")
    return [
        f"{name}: {len(copies)} of {len(numbers)} cubes are copies of others ({told}); what was "
        "imported twice counts twice (delete the copies, or import into a new container)"
    ]


@operator
class MergeCubes2(Operator):
    """Cubes stacked along a new dimension."""

    name = "oph_mergecubes2"
    title = "Stack cubes along a new implicit dimension."
    text = (
        "The cubes have the same dimensions. Nothing is copied: frames are read when the stack "
        "is reduced. Where the first cube has the dimension already, the others are put behind it."
    )
    arguments = (
        cubes(),
        Argument("dim", default="-", help="Name of the dimension; one is made up for -."),
        Argument("dim_type", "enum", "long", choices=tuple(reversed(TYPES)),
                 help="Type of its coordinates, which are 1, 2, ..."),
        *_COMMON,
    )  # fmt: skip
    objects = ("mergecubes2",)

    def run(self, given: Given, context: Context) -> Answer:
        """Stack them."""
        from polarnight.cubes import concat, merge

        rows = _inputs(given, context)
        name = given["dim"]
        name = f"dim_{secrets.token_hex(3)}" if name in {"-", ""} else check_name(name, "dimension")
        lazy = _lazy(rows, context)
        axes = Axes.of(rows[0])
        if name in lazy[0].names:
            parts = [one if name in one.names else one.expand_dim(name) for one in lazy]
            parts = [one.transpose(*lazy[0].names) for one in parts]
            answer = context.make(concat(parts, name), axes, given, rows)
        else:
            made = merge(lazy, name, type=given["dim_type"])
            answer = context.make(made, axes.with_implicit(name), given, rows)
            answer.warnings += displaced(self.name, lazy)
        answer.warnings += _copies(self.name, rows, lazy)
        return answer


@operator
class MergeCubes(Operator):
    """Cubes put into one along a dimension that they have."""

    name = "oph_mergecubes"
    title = "Put cubes together along their last implicit dimension."
    text = "oph_mergecubes2 stacks images along a new dimension, which is what a median needs."
    arguments = (
        cubes(),
        Argument("mode", "enum", "i", choices=("i", "a"),
                 help="i takes one element of each in turn, a puts one behind the other."),
        yes_no("hold_values", False, "Keep the coordinates; else they are 1, 2..."),
        *_COMMON,
    )  # fmt: skip
    objects = ("mergecubes",)

    def run(self, given: Given, context: Context) -> Answer:
        """Put them together."""
        from polarnight.cubes import concat

        rows = _inputs(given, context)
        axes = Axes.of(rows[0])
        if not axes.implicit:
            msg = f"{self.name}: the first cube has no implicit dimension"
            raise BadValue(msg, "stack the cubes by oph_mergecubes2 dim=<name>")
        name = axes.implicit[-1]
        lazy = _lazy(rows, context)
        made = concat(lazy, name)
        if given["mode"] == "i":
            starts, order = 0, list[tuple[int, int, int]]()
            for one in lazy:
                size = one.dim(name).size
                order += [(place, len(order), starts + place) for place in range(size)]
                starts += size
            made = made.subset(**{name: [number for _, _, number in sorted(order)]})
        if given["hold_values"] != "yes":
            made = _numbered_anew(made, name)
        answer = context.make(made, axes, given, rows)
        answer.warnings += _copies(self.name, rows, lazy)
        return answer


def _numbered_anew(cube: Cube, name: str) -> Cube:
    """Return a cube whose coordinates along a dimension are 1, 2, ..."""
    from polarnight.ophidia.engine.relabel import number_anew

    return number_anew(cube, name)
