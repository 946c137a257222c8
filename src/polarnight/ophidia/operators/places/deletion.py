"""oph_delete: cubes that are not needed any more."""

from __future__ import annotations

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.deleting import delete_cubes
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import cube, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator
from polarnight.ophidia.selection.filters import Filter
from polarnight.ophidia.selection.massive import Hits

__all__ = ["Delete"]

_SHOWN = 5


@operator
class Delete(Operator):
    """Cubes that are not needed any more."""

    name = "oph_delete"
    title = "Delete cubes."
    text = (
        "cube=[3:8] deletes the cubes of the current folder with these numbers, and only these: "
        "none of other folders. Whatever says less exactly what goes (cube=[*], [5:end], [!3], "
        "a filter by container or metadata, another path) needs force=yes; run=no in the filter "
        "shows what it would be. What was made of a cube stays; where it was not computed yet and "
        "needs pixels that go, it is computed first. Numbers of deleted cubes are not used again."
    )
    arguments = (
        cube(help="PID of the cube, several joined by '|', or a filter."),
        yes_no("force", False, "Delete all that an open filter matches.", extension=True),
    )
    threads = True
    massive = "cube"

    @classmethod
    def approve(cls, hits: Hits, given: Given, context: Context) -> None:
        """Ask for force where a filter does not say exactly what it deletes."""
        if given["force"] == "yes" or all(_exact(one) for one in hits.filters):
            return
        shown = ", ".join(hits[:_SHOWN]) + (", ..." if len(hits) > _SHOWN else "")
        msg = f"{cls.name}: the filter would delete {_told(len(hits))}: {shown}"
        raise BadValue(msg, "add force=yes if that is meant, or name them by number, [first:last]")

    def run(self, given: Given, context: Context) -> Answer:
        """Delete one."""
        row = context.row(given["cube"])
        delete_cubes([row], given, context)
        return Answer(forget_cube=context.catalogue.pid(row) == context.state.cube)


def _exact(one: Filter) -> bool:
    """Whether a filter gives the first and the last number of what it selects, and no more."""
    return (
        not one.given
        and bool(one.ranges)
        and all(not negated and ranges.bounded for ranges, negated in one.ranges)
    )


def _told(count: int) -> str:
    return "1 cube" if count == 1 else f"{count} cubes"
