"""oph_merge and oph_split: fragments of one cube."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.fragments import fit_fragments
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.language.arguments import Argument, cube
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.db.models import DataCube

__all__ = ["Merge", "Split"]

_PLACE = (
    Argument("container", default="-", help="Where the cube goes; - is that of the input."),
    Argument("description", default="-", help="Text of the cube."),
)
_NOTE = (
    "Fragments are kept and shown as Ophidia has them; how the engine divides work depends on "
    "memory and cores alone. The pixels are the same and are not copied."
)


def _with_fragments(row: DataCube, nfrag: int, given: Given, context: Context) -> Answer:
    """Make a cube of the same pixels with another number of fragments."""
    lazy = context.cube(row, with_cards=True)
    rows = 1
    for dim in row.dims:
        rows *= dim["size"] if dim["explicit"] else 1
    fitting, warnings = fit_fragments(context.operator, 1, max(1, nfrag), rows)
    answer = context.make(lazy, Axes.of(row), given, [row], nfrag=fitting)
    answer.warnings += warnings
    return answer


@operator
class Merge(Operator):
    """Fewer fragments."""

    name = "oph_merge"
    title = "Merge the fragments of a cube."
    text = f"This does not merge images: oph_mergecubes2 stacks them. {_NOTE}"
    arguments = (
        cube(),
        Argument("nmerge", "int", 0, minimum=0, help="Fragments that become one; 0 is all."),
        *_PLACE,
    )
    objects = ("merge",)

    def run(self, given: Given, context: Context) -> Answer:
        """Merge them."""
        row = context.row(given["cube"])
        nmerge = given["nmerge"]
        return _with_fragments(row, -(-row.nfrag // nmerge) if nmerge else 1, given, context)


@operator
class Split(Operator):
    """More fragments."""

    name = "oph_split"
    title = "Split the fragments of a cube."
    text = _NOTE
    arguments = (
        cube(),
        Argument("nsplit", "int", mandatory=True, minimum=2,
                 help="Fragments that each becomes."),
        *_PLACE,
    )  # fmt: skip
    objects = ("split",)
    threads = True

    def run(self, given: Given, context: Context) -> Answer:
        """Split them."""
        row = context.row(given["cube"])
        return _with_fragments(row, row.nfrag * given["nsplit"], given, context)
