"""oph_folder: the folders of a session."""

from __future__ import annotations

from polarnight.db.cubes.names import join_path, split_parent
from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Folder"]

_NONE = "-"


@operator
class Folder(Operator):
    """Folders of containers."""

    name = "oph_folder"
    reading = {"command": ("cd",)}
    title = "Enter, make, move and remove folders of containers."
    text = (
        "The nights of the archive are under /archive/<telescope>/<night>; they are only read. "
        "Folders are removed when they are empty."
    )
    arguments = (
        Argument("command", "enum", mandatory=True, choices=("cd", "mkdir", "rm", "mv"),
                 help="What to do; mv takes two paths, from|to."),
        Argument("path", default=(_NONE,), multiple=True,
                 help="The folder; cd without one goes to the root."),
    )  # fmt: skip
    objects = ("folder",)
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Do what `command` says."""
        command = given["command"]
        paths = [path for path in given["path"] if path not in {_NONE, ""}]
        wanted = 2 if command == "mv" else 1
        if len(paths) > wanted or (len(paths) < wanted and command != "cd"):
            msg = f"{self.name}: {command} takes {wanted} path{'s' * (wanted > 1)}"
            raise BadValue(msg, "for example path=from|to" if wanted > 1 else "add path=...")
        folders, session = context.catalogue.folders, context.session
        if command == "cd":
            return self._enter(paths[0] if paths else "/", context)
        if command == "mkdir":
            folders.make(session, paths[0], context.cwd)
        elif command == "rm":
            folders.remove(session, paths[0], context.cwd)
            return self._after(paths[0], context, "")
        else:
            moved = folders.move(session, paths[0], paths[1], context.cwd)
            return self._after(paths[0], context, folders.path_of(moved))
        return Answer([Text("folder", "Current Working Directory", context.cwd)])

    def _after(self, path: str, context: Context, goal: str) -> Answer:
        """Answer where the client is now: its own folder may have gone, or moved to `goal`."""
        here, whole = context.cwd, join_path(context.cwd, path)
        if not f"{here}/".startswith(f"{whole}/"):
            return Answer([Text("folder", "Current Working Directory", here)])
        now = goal + here[len(whole) :] if goal else split_parent(whole)[0]
        told = f"the current folder {here} was {'moved' if goal else 'removed'}; you are in {now}"
        text = Text("folder", "Current Working Directory", now)
        return Answer([text], cwd=now, warnings=[f"{self.name}: {told}"])

    def _enter(self, path: str, context: Context) -> Answer:
        folders = context.catalogue.folders
        found = folders.path_of(folders.find(context.session, path, context.cwd))
        return Answer([Text("folder", "Current Working Directory", found)], cwd=found)
