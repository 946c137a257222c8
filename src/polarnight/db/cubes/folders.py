"""The tree of folders of a session."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from polarnight.db.cubes.archive import Archive
from polarnight.db.cubes.locking import locked
from polarnight.db.cubes.names import ARCHIVE, check_name, is_archive, join_path, split_parent
from polarnight.db.models import CubeContainer, CubeFolder, CubeSession
from polarnight.errors import ConfigError

__all__ = ["Entry", "Folders", "refuse_archive"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds: `kind` is ``f`` for a folder and ``c`` for a container."""

    kind: str
    name: str
    path: str
    container: CubeContainer | None = None


def refuse_archive(path: str, what: str) -> None:
    """Refuse a change in the mounted archive, with the reason.

    Raises
    ------
    ConfigError
    """
    if is_archive(path):
        msg = (
            f"{path} is the mounted archive and is only read: cannot {what} there; its cubes "
            "follow the files of the nights. Make cubes of your own in another folder"
        )
        raise ConfigError(msg)


class Folders:
    """Makes, moves, removes and lists folders.

    Parameters
    ----------
    archive : Archive
        Brought up to date where a path leads into it.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    def root(self, session: CubeSession) -> CubeFolder:
        """Return the top folder of a session."""
        return CubeFolder.objects.get(session=session, parent=None)

    def find(self, session: CubeSession, path: str, cwd: str = "/") -> CubeFolder:
        """Return the folder at a path.

        Raises
        ------
        ConfigError
            Where there is no such folder.
        """
        whole = join_path(cwd, path)
        parts = [part for part in whole.split("/") if part]
        if is_archive(whole):
            self.archive.look(whole)
            folder = CubeFolder.objects.get(session=None, parent=None, name=ARCHIVE)
            parts = parts[1:]
        else:
            folder = self.root(session)
        for part in parts:
            child = CubeFolder.objects.filter(parent=folder, name=part).first()
            if child is None:
                container = CubeContainer.objects.filter(folder=folder, name=part).exists()
                reason = (
                    "is a container, which can be listed and not entered"
                    if container
                    else "does not exist"
                )
                known = sorted(
                    CubeFolder.objects.filter(parent=folder).values_list("name", flat=True)
                )
                msg = (
                    f"folder {whole!r}: {part!r} {reason}; folders there: "
                    f"{', '.join(known[:8]) or 'none'}{' ...' if len(known) > 8 else ''}"
                )
                raise ConfigError(msg)
            folder = child
        return folder

    def path_of(self, folder: CubeFolder) -> str:
        """Return the absolute path of a folder."""
        parts: list[str] = []
        current: CubeFolder | None = folder
        while current is not None:
            if current.name:
                parts.append(current.name)
            current = current.parent
        return "/" + "/".join(reversed(parts))

    def make(self, session: CubeSession, path: str, cwd: str = "/") -> CubeFolder:
        """Make a folder.

        Raises
        ------
        ConfigError
            Where the name is refused or taken, or there is no folder around it.
        """
        whole = join_path(cwd, path)
        refuse_archive(whole, "make a folder")
        above, name = split_parent(whole)
        check_name(name, "folder")
        with transaction.atomic():
            parent = locked(CubeFolder, self.find(session, above).pk)
            self.refuse_taken(parent, name, whole)
            return CubeFolder.objects.create(session=session, parent=parent, name=name)

    def remove(self, session: CubeSession, path: str, cwd: str = "/") -> None:
        """Remove an empty folder.

        Raises
        ------
        ConfigError
            Where it is not empty, the top, or the archive.
        """
        whole = join_path(cwd, path)
        refuse_archive(whole, "remove a folder")
        split_parent(whole)
        with transaction.atomic():
            folder = locked(CubeFolder, self.find(session, whole).pk)
            n_folders, n_containers = folder.folders.count(), folder.containers.count()
            if n_folders or n_containers:
                msg = (
                    f"folder {whole!r} is not empty: {n_folders} folders and {n_containers} "
                    "containers; remove or move them first"
                )
                raise ConfigError(msg)
            folder.delete()

    def move(self, session: CubeSession, path: str, target: str, cwd: str = "/") -> CubeFolder:
        """Move or rename a folder; into `target` where that is a folder.

        Raises
        ------
        ConfigError
            Where the name is refused or taken, or the folder would end up inside itself.
        """
        whole, goal = join_path(cwd, path), join_path(cwd, target)
        refuse_archive(whole, "move a folder")
        refuse_archive(goal, "put a folder")
        _, own = split_parent(whole)
        with transaction.atomic():
            locked(CubeFolder, self.root(session).pk)  # one move in a tree at a time
            folder = self.find(session, whole)
            if goal == "/" or self._exists(session, goal):
                goal = f"{goal.rstrip('/')}/{own}"
            if goal == whole or goal.startswith(f"{whole}/"):
                msg = f"folder {whole!r} cannot be moved to {goal!r}: that is itself or inside it"
                raise ConfigError(msg)
            above, name = split_parent(goal)
            check_name(name, "folder")
            parent = locked(CubeFolder, self.find(session, above).pk)
            self.refuse_taken(parent, name, goal)
            folder.parent, folder.name = parent, name
            folder.save()
        return folder

    def entries(self, session: CubeSession, path: str, cwd: str = "/") -> list[Entry]:
        """Return what a folder holds: folders first, then containers, each by name."""
        whole = join_path(cwd, path)
        folder = self.find(session, whole)
        stem = whole.rstrip("/")
        names = list(folder.folders.values_list("name", flat=True))
        if whole == "/":
            names.append(ARCHIVE)
        found = [Entry("f", name, f"{stem}/{name}") for name in sorted(names)]
        found += [
            Entry("c", container.name, f"{stem}/{container.name}", container)
            for container in folder.containers.order_by("name")
        ]
        return found

    def refuse_taken(self, parent: CubeFolder, name: str, path: str) -> None:
        """Refuse a name that a folder or container of `parent` has.

        Raises
        ------
        ConfigError
        """
        if parent.parent_id is None and name == ARCHIVE:
            msg = f"{path!r} is where the archive is mounted; choose another name"
            raise ConfigError(msg)
        for what, rows in (("folder", parent.folders), ("container", parent.containers)):
            if rows.filter(name=name).exists():
                msg = f"{path!r} exists already: it is a {what}; choose another name"
                raise ConfigError(msg)

    def _exists(self, session: CubeSession, path: str) -> bool:
        try:
            self.find(session, path)
        except ConfigError:
            return False
        return True
