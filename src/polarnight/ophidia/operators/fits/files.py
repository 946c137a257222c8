"""oph_fs: the data repository, where the raw files are."""

from __future__ import annotations

import fnmatch
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from polarnight.ophidia.answers.response import Grid, Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.files.guarding import refuse_own, refuse_raw, refuse_roots
from polarnight.ophidia.files.paths import check_file_name, normal_path
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Fs"]

_NAMED = "-"


@operator
class Fs(Operator):
    """Directories and files of the data repository."""

    name = "oph_fs"
    reading = {"command": ("ls", "cd")}
    title = "List, enter, make, move and remove directories of the data repository."
    text = (
        "The repository is raw/ in the data directory. Names that begin with a dot are not shown. "
        "Raw frames of the archive are neither moved nor removed."
    )
    arguments = (
        Argument(
            "command",
            "enum",
            "ls",
            choices=("ls", "cd", "mkdir", "rm", "mv"),
            help="What to do; mv takes two paths, from|to.",
        ),
        Argument(
            "dpath",
            "path",
            _NAMED,
            multiple=True,
            help="Directory or file; the current data directory unless given.",
        ),
        Argument("file", default=_NAMED, help="Names to list, with wildcards * and ?."),
        Argument("measure", default=_NAMED, help="Kept for old commands."),
        yes_no("recursive", False, "List what is below too; rm takes what is inside."),
        Argument("depth", "int", 0, minimum=0, help="How far below to list; 0 is all the way."),
        yes_no("realpath", False, "Show where things really are; not at a site."),
    )
    objects = ("fs",)
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Do what `command` says."""
        paths = [path for path in given["dpath"] if path not in {_NAMED, ""}]
        command = given["command"]
        wanted = 2 if command == "mv" else 1
        if len(paths) > wanted or (len(paths) < wanted and command in {"mkdir", "rm", "mv"}):
            msg = f"{self.name}: {command} takes {wanted} path{'s' * (wanted > 1)}"
            raise BadValue(msg, "for example dpath=from|to" if wanted > 1 else "add dpath=...")
        if command == "ls":
            return self._list(paths, given, context)
        if command == "cd":
            return self._enter(paths, context)
        if command == "mkdir":
            return self._make(paths[0], context)
        if command == "rm":
            return self._remove(paths[0], given, context)
        return self._move(paths[0], paths[1], context)

    def _list(self, paths: list[str], given: Given, context: Context) -> Answer:
        files = context.files
        start = files.find(paths[0] if paths else ".", context.cdd)
        pattern = given["file"] if given["file"] != _NAMED else "*"
        check_file_name(pattern, "file")
        if start.is_file():
            entries = iter([start])
            top = start.parent
        else:
            top = start
            levels = (given["depth"] or None) if given["recursive"] == "yes" else 1
            entries = _entries(start, levels)
        rows = []
        for entry in entries:
            if not fnmatch.fnmatch(entry.name, pattern):
                continue
            shown = (
                os.path.realpath(entry)
                if given["realpath"] == "yes" and not context.server.at_site
                else entry.relative_to(top).as_posix()
            )
            directory = entry.is_dir()
            rows.append(("d" if directory else "f", shown + "/" * directory))
        return Answer([Grid("fs", files.virtual(start), ("T", "OBJECT"), rows)])

    def _enter(self, paths: list[str], context: Context) -> Answer:
        path = normal_path(paths[0], context.cdd) if paths else "/"
        place = context.files.find(path)
        if not place.is_dir():
            msg = f"{self.name}: {path} is no directory"
            raise BadValue(msg, "lsd shows what there is")
        return Answer([Text("fs", "Current Data Directory", path)], cdd=path)

    def _make(self, path: str, context: Context) -> Answer:
        check_file_name(Path(path.rstrip("/")).name, "dpath")
        place = context.files.place(path, context.cdd)
        try:
            place.mkdir()
        except OSError as error:
            msg = f"{self.name}: {path} cannot be made: {error.strerror}"
            raise OperatorFailed(msg) from error
        return Answer([Text("fs", "New Directory", context.files.virtual(place))])

    def _remove(self, path: str, given: Given, context: Context) -> Answer:
        place = context.files.find(path, context.cdd)
        self._refuse_kept(place, context)
        try:
            if not place.is_dir() or place.is_symlink():
                place.unlink()
            elif given["recursive"] == "yes":
                shutil.rmtree(place)
            else:
                place.rmdir()
        except OSError as error:
            msg = f"{self.name}: {path} cannot be removed: {error.strerror}"
            remedy = "recursive=yes removes what is inside" if place.is_dir() else ""
            raise OperatorFailed(msg, remedy) from error
        return Answer([Text("fs", "Removed", context.files.virtual(place))])

    def _move(self, path: str, target: str, context: Context) -> Answer:
        place = context.files.find(path, context.cdd)
        self._refuse_kept(place, context)
        goal = context.files.place(target, context.cdd)
        if goal.is_dir():
            goal = goal / place.name
        if os.path.lexists(goal):
            msg = f"{self.name}: {target} is there already"
            raise OperatorFailed(msg, "choose another name")
        try:
            place.rename(goal)
        except OSError as error:
            msg = f"{self.name}: {path} cannot be moved to {target}: {error.strerror}"
            raise OperatorFailed(msg) from error
        return Answer([Text("fs", "Moved", context.files.virtual(goal))])

    def _refuse_kept(self, place: Path, context: Context) -> None:
        """Refuse to take away what others need: see `polarnight.ophidia.files.guarding`."""
        refuse_raw(place, context.files.root)
        data = context.settings.data
        refuse_roots(place, (*context.files.roots, data.db_path, data.stars, data.log_file))
        refuse_own(place, context.settings)
        context.files.refuse_foreign(place, place.name)


def _entries(top: Path, levels: int | None) -> Iterator[Path]:
    """Yield what is in a directory and so many levels below, by name, directories first."""
    try:
        found = [entry for entry in top.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        msg = f"{top} cannot be read: {error.strerror}"
        raise OperatorFailed(msg) from error
    for entry in sorted(found, key=lambda e: (not e.is_dir(), e.name)):
        yield entry
        if entry.is_dir() and not entry.is_symlink() and levels != 1:
            yield from _entries(entry, None if levels is None else levels - 1)
