"""oph_list: what there is in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from polarnight.db.cubes.names import ARCHIVE
from polarnight.ophidia.answers.response import Grid
from polarnight.ophidia.context import Context
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.language.patterns import matches_any
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.db.models import CubeContainer, DataCube

__all__ = ["List"]

_COLUMNS = {
    0: ("T", "PATH"),
    1: ("T", "PATH"),
    2: ("T", "PATH", "DATACUBE PID", "DESCRIPTION"),
    3: ("T", "PATH", "DATACUBE PID", "DESCRIPTION", "MEASURE", "LEVEL", "SOURCE"),
    4: ("CONTAINER PATH", "DATACUBE PID"),
    5: ("CONTAINER PATH", "DATACUBE PID", "HOSTNAME"),
    6: ("CONTAINER PATH", "DATACUBE PID", "HOSTNAME", "ID DBMS"),
    7: ("CONTAINER PATH", "DATACUBE PID", "HOSTNAME", "ID DBMS", "DB NAME"),
    8: ("CONTAINER PATH", "DATACUBE PID", "HOSTNAME", "ID DBMS", "DB NAME", "FRAGMENT NAME"),
}
_HOST, _DBMS = "localhost", "1"


def _filter(name: str, what: str) -> Argument:
    return Argument(
        name, default=("all",), multiple=True, help=f"{what}; with wildcards % and *, or all."
    )


@operator
class List(Operator):
    """What there is in a folder."""

    name = "oph_list"
    reading = {}
    title = "List folders, containers and cubes."
    text = (
        "T is f for a folder and c for a container. /archive/<telescope>/<night> are the nights "
        "of the archive. Levels from 4 on list cubes with their host, database and fragments."
    )
    arguments = (
        Argument("level", "int", 1, minimum=0, maximum=8,
                 help="0 folders, 1 containers too, 2 cubes too, 3 with measure, level and "
                 "source, 4 to 8 where they are kept."),
        Argument("path", default="-", help="Folder or container; the current folder unless given."),
        _filter("container_filter", "Names of containers"),
        Argument("cube", default="all", help="PID of the only cube to list, or all."),
        _filter("host_filter", "Names of hosts"),
        _filter("dbms_filter", "Numbers of database servers"),
        _filter("db_filter", "Names of databases"),
        _filter("measure_filter", "Measures"),
        Argument("ntransform", "int", "all", words=("all",), minimum=0,
                 help="Transformations since the import."),
        _filter("src_filter", "Parts of source files"),
        yes_no("recursive", False, "Folders below too."),
    )  # fmt: skip
    objects = ("list",)
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """List it."""
        level = given["level"]
        only = None if given["cube"] == "all" else context.row(given["cube"]).pk
        rows: list[tuple[str, ...]] = []
        path, entries = self._entries(given, context)
        for kind, shown, container in entries:
            if container is None:
                if kind == "f" and level <= 3:
                    rows.append(_padded(("f", f"{shown}/"), level))
                continue
            if not level:
                continue
            if not matches_any(given["container_filter"], container.name):
                continue
            if level == 1:
                rows.append(("c", shown))
                continue
            cubes = self._cubes(container, given, only, context)
            rows += [row for cube in cubes for row in self._of_cube(cube, shown, level, context)]
            if not cubes and only is None and level <= 3 and not _narrowed(given):
                rows.append(_padded(("c", shown), level))
        return Answer([Grid("list", path, _COLUMNS[level], rows)])

    def _entries(
        self, given: Given, context: Context
    ) -> tuple[str, Iterator[tuple[str, str, CubeContainer | None]]]:
        """Return the path that is listed, and what is there: kind, shown path, container."""
        catalogue, session = context.catalogue, context.session
        path = context.cwd if given["path"] in {"-", "", "."} else given["path"]
        found = None
        if path.strip("/"):
            found = catalogue.containers.find(session, path, context.cwd)
        if found is not None:
            return path, iter([("c", found.name, found)])
        top = catalogue.folders.path_of(catalogue.folders.find(session, path, context.cwd))
        deep = given["recursive"] == "yes"

        def walk(folder: str, prefix: str) -> Iterator[tuple[str, str, CubeContainer | None]]:
            for entry in catalogue.folders.entries(session, folder):
                yield entry.kind, prefix + entry.name, entry.container
                # From the top the way down does not lead into the archive: who wants all its
                # nights names it, as in a search.
                if deep and entry.kind == "f" and entry.path != f"/{ARCHIVE}":
                    yield from walk(entry.path, f"{prefix}{entry.name}/")

        return top, walk(top, "")

    def _cubes(
        self, container: CubeContainer, given: Given, only: int | None, context: Context
    ) -> Sequence[DataCube]:
        if context.catalogue.containers.is_mounted(container):
            context.catalogue.archive.fill([container])
        rows = context.catalogue.cubes.in_container(container)
        if only is not None:
            rows = rows.filter(pk=only)
        if given["ntransform"] != "all":
            rows = rows.filter(level=given["ntransform"])
        return [
            row
            for row in rows
            if matches_any(given["measure_filter"], row.measure)
            and matches_any(given["src_filter"], row.source, part=True)
            and matches_any(given["host_filter"], _HOST)
            and matches_any(given["dbms_filter"], _DBMS)
            and matches_any(given["db_filter"], f"db_{row.container_id}")
        ]

    def _of_cube(
        self, row: DataCube, shown: str, level: int, context: Context
    ) -> Iterator[tuple[str, ...]]:
        pid = context.catalogue.pid(row)
        if level == 2:
            yield "c", shown, pid, row.description
        elif level == 3:
            yield "c", shown, pid, row.description, row.measure, str(row.level), row.source
        else:
            fragments = range(row.nfrag) if level == 8 else range(1)
            for number in fragments:
                name = f"fact_{row.pk}_{number + 1}"
                whole = (shown, pid, _HOST, _DBMS, f"db_{row.container_id}", name)
                yield whole[: len(_COLUMNS[level])]


def _padded(cells: tuple[str, ...], level: int) -> tuple[str, ...]:
    return cells + ("",) * (len(_COLUMNS[level]) - len(cells))


def _narrowed(given: Given) -> bool:
    """Whether a filter is on cubes, so that containers without any are not shown."""
    names = ("measure_filter", "src_filter", "host_filter", "dbms_filter", "db_filter")
    return given["ntransform"] != "all" or any(given[name] != ("all",) for name in names)
