"""oph_createcontainer and oph_deletecontainer."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.deleting import delete_cubes
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.language.types import TYPES
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["CreateContainer", "DeleteContainer"]

_NONE = "-"


@operator
class CreateContainer(Operator):
    """An empty container with its dimensions."""

    name = "oph_createcontainer"
    title = "Make an empty container."
    text = (
        "A container has a set of dimensions and holds cubes of these. For FITS images they are "
        "the axes, NAXIS2|NAXIS1 of type int. Dimensions that cubes get later are added by "
        "themselves. Importing into a container that does not exist makes it too."
    )
    arguments = (
        Argument("container", mandatory=True, help="Its name; unique in its folder."),
        Argument("dim", mandatory=True, multiple=True, help="Names of its dimensions."),
        Argument("dim_type", "enum", ("double",), choices=tuple(reversed(TYPES)), multiple=True,
                 help="Types of the coordinates; one serves for all dimensions."),
        Argument("hierarchy", "enum", ("oph_base",), choices=("oph_base", "oph_time"),
                 multiple=True, help="oph_time for dates; one serves for all dimensions."),
        Argument("base_time", default="1900-01-01 00:00:00", help="Kept for old commands."),
        Argument("units", default="d", help="Kept for old commands."),
        Argument("calendar", default="standard", help="Kept for old commands."),
        Argument("month_lengths", default="31,28,31,30,31,30,31,31,30,31,30,31",
                 help="Kept for old commands."),
        Argument("leap_year", "int", 0, help="Kept for old commands."),
        Argument("leap_month", "int", 2, minimum=1, maximum=12, help="Kept for old commands."),
        Argument("vocabulary", default="CF", help="Name of the vocabulary of its metadata."),
        yes_no("compressed", False, "Kept for old commands; what is stored is compressed anyway."),
        Argument("description", default=_NONE, help="What it is for."),
    )  # fmt: skip
    objects = ("createcontainer",)
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Make it."""
        names = given["dim"]
        types = self._for_all("dim_type", given["dim_type"], len(names))
        hierarchies = self._for_all("hierarchy", given["hierarchy"], len(names))
        container = context.catalogue.containers.create(
            context.session,
            given["container"],
            list(zip(names, types, hierarchies, strict=True)),
            cwd=context.cwd,
            description="" if given["description"] == _NONE else given["description"],
            vocabulary=given["vocabulary"],
            compressed=given["compressed"] == "yes",
        )
        pid = context.catalogue.pid(container)
        return Answer([Text("createcontainer", "Output Container", pid)])

    def _for_all(self, key: str, values: tuple[str, ...], count: int) -> list[str]:
        if len(values) == 1:
            return list(values) * count
        if len(values) != count:
            msg = f"{self.name}: {key} has {len(values)} values for {count} dimensions"
            raise BadValue(msg, f"give one for all, or one for each: {key}=int|int")
        return list(values)


@operator
class DeleteContainer(Operator):
    """A container that is not needed any more."""

    name = "oph_deletecontainer"
    title = "Delete a container."
    text = "One that holds cubes is deleted, with them, only by force=yes."
    arguments = (
        Argument("container", default=_NONE, help="Its name or path."),
        Argument("container_pid", default=_NONE, help="Its PID, in place of the name."),
        yes_no("force", False, "Delete the cubes in it too."),
    )
    threads = True

    def run(self, given: Given, context: Context) -> Answer:
        """Delete it; lazy cubes elsewhere that need something of it are computed before."""
        pid = given["container_pid"]
        name = given["container"] if pid == _NONE else pid
        if name == _NONE:
            msg = f"{self.name}: argument 'container' is missing"
            raise BadValue(msg, "add container=<name>")
        if pid != _NONE and "://" not in pid:
            msg = f"{self.name}: container_pid={pid[:60]} is no PID"
            raise BadValue(msg, "use container=<name>, or the PID that createcontainer answered")
        containers = context.catalogue.containers
        container = containers.get(context.session, name, context.cwd)
        rows = list(context.catalogue.cubes.in_container(container))
        if rows and given["force"] == "yes" and not containers.is_mounted(container):
            delete_cubes(rows, given, context)
        containers.delete(context.session, name, context.cwd, force=given["force"] == "yes")
        return Answer(forget_cube=context.state.cube in set(map(context.catalogue.pid, rows)))
