"""oph_movecontainer: another name or place for a container."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["MoveContainer"]


@operator
class MoveContainer(Operator):
    """A container with another name or in another folder."""

    name = "oph_movecontainer"
    title = "Rename a container or move it to another folder."
    text = "Its cubes keep their PIDs."
    arguments = (
        Argument("container", mandatory=True, multiple=True, help="From and to: old|new."),
    )
    objects = ("movecontainer",)
    kind = "U"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Move it."""
        paths = [path for path in given["container"] if path]
        if len(paths) != 2:
            msg = f"{self.name}: container takes two names"
            raise BadValue(msg, "for example container=old|new")
        moved = context.catalogue.containers.move(context.session, paths[0], paths[1], context.cwd)
        pid = context.catalogue.pid(moved)
        return Answer([Text("movecontainer", "Output Container", pid)])
