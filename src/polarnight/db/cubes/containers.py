"""Containers: named sets of dimensions that cubes are put into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Q, QuerySet

from polarnight.db.cubes.description import DimensionDescription, check_dimension
from polarnight.db.cubes.folders import Folders, refuse_archive
from polarnight.db.cubes.intake import delete_numbers
from polarnight.db.cubes.locking import locked
from polarnight.db.cubes.names import check_name, is_archive, join_path, split_parent
from polarnight.db.cubes.pids import parse_pid
from polarnight.db.models import CubeContainer, CubeFolder, CubeSession, DataCube
from polarnight.errors import ConfigError

__all__ = ["Containers"]

DimensionLike = DimensionDescription | Sequence[str]


class Containers:
    """Makes, finds, moves and deletes containers."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def create(
        self,
        session: CubeSession,
        path: str,
        dims: Iterable[DimensionLike] = (),
        *,
        cwd: str = "/",
        description: str = "",
        vocabulary: str = "CF",
        compressed: bool = False,
        exist_ok: bool = False,
    ) -> CubeContainer:
        """Make an empty container.

        Parameters
        ----------
        session : CubeSession
        path : str
            Seen from `cwd`.
        dims : iterable
            ``(name, type)`` or ``(name, type, hierarchy)`` of each dimension.
        cwd, description, vocabulary : str
        compressed : bool
        exist_ok : bool
            Return the container of that path where there is one, whatever its dimensions.

        Raises
        ------
        ConfigError
            Where the name is refused or taken, or a dimension is of an unknown type.
        """
        whole = join_path(cwd, path)
        refuse_archive(whole, "make a container")
        above, name = split_parent(whole)
        check_name(name, "container")
        kept = [_dimension(dim) for dim in dims]
        names = [dim["name"] for dim in kept]
        if len(set(names)) < len(names):
            msg = f"container {whole!r}: the names of dimensions must differ, not {names}"
            raise ConfigError(msg)
        with transaction.atomic():
            parent = locked(CubeFolder, self._folders.find(session, above).pk)
            if exist_ok and (found := parent.containers.filter(name=name).first()):
                return found
            self._folders.refuse_taken(parent, name, whole)
            return CubeContainer.objects.create(
                folder=parent,
                name=name,
                dims=kept,
                user=session.user,
                description=description,
                vocabulary=vocabulary,
                compressed=compressed,
            )

    def find(self, session: CubeSession, path: str, cwd: str = "/") -> CubeContainer | None:
        """Return the container at a path or of a PID, None where there is none.

        A night of the archive is brought up to date.
        """
        if "://" in path:
            rows = self.visible(session).filter(pk=parse_pid(path).container)
        else:
            above, name = split_parent(join_path(cwd, path))
            try:
                rows = self._folders.find(session, above).containers.filter(name=name)
            except ConfigError:
                return None
        container = rows.select_related("folder").first()
        if container is not None and self.is_mounted(container):
            self._folders.archive.fill([container])
        return container

    def get(self, session: CubeSession, path: str, cwd: str = "/") -> CubeContainer:
        """Return the container at a path or of a PID.

        Raises
        ------
        ConfigError
            Where there is none.
        """
        container = self.find(session, path, cwd)
        if container is None:
            msg = f"there is no container {path!r} seen from {cwd!r}; list the folder, or create it"
            raise ConfigError(msg)
        return container

    def visible(self, session: CubeSession) -> QuerySet[CubeContainer]:
        """Return the containers of a session and those of the archive."""
        return CubeContainer.objects.filter(
            Q(folder__session=session) | Q(folder__session__isnull=True)
        )

    def path_of(self, container: CubeContainer) -> str:
        """Return the absolute path of a container."""
        return f"{self._folders.path_of(container.folder).rstrip('/')}/{container.name}"

    def is_mounted(self, container: CubeContainer) -> bool:
        """Whether a container belongs to the archive, and is only read."""
        return container.folder.session_id is None

    def add_dimensions(
        self, container: CubeContainer, dims: Iterable[DimensionLike]
    ) -> CubeContainer:
        """Add dimensions that the container does not have, as merging cubes needs.

        Raises
        ------
        ConfigError
            Where a dimension of that name has another type.
        """
        with transaction.atomic():
            row = locked(CubeContainer, container.pk)
            kept = {dim["name"]: dim for dim in row.dims}
            for dim in map(_dimension, dims):
                have = kept.setdefault(dim["name"], dim)
                if have["type"] != dim["type"]:
                    msg = (
                        f"container {row.name!r} has a dimension {dim['name']!r} of type "
                        f"{have['type']!r}, not {dim['type']!r}; use another name or container"
                    )
                    raise ConfigError(msg)
            if len(kept) != len(row.dims):
                row.dims = list(kept.values())
                row.save(update_fields=["dims"])
        container.dims = row.dims
        return container

    def move(self, session: CubeSession, path: str, target: str, cwd: str = "/") -> CubeContainer:
        """Move or rename a container; into `target` where that is a folder. PIDs stay.

        Raises
        ------
        ConfigError
            Where the name is refused or taken, or either place is in the archive.
        """
        goal = join_path(cwd, target)
        container = self.get(session, path, cwd)
        source = self.path_of(container)
        refuse_archive(source, "move a container")
        refuse_archive(goal, "put a container")
        with transaction.atomic():
            folder = self._folder(session, goal)
            if folder is None:
                above, name = split_parent(goal)
                folder = self._folders.find(session, above)
            else:
                name = container.name
            check_name(name, "container")
            parent = locked(CubeFolder, folder.pk)
            self._folders.refuse_taken(parent, name, goal)
            container.folder, container.name = parent, name
            container.save(update_fields=["folder", "name"])
        return container

    def delete(
        self, session: CubeSession, path: str, cwd: str = "/", *, force: bool = False
    ) -> list[int]:
        """Delete a container; with cubes in it only by `force`, with them.

        Returns
        -------
        list of int
            Numbers of the cubes that were deleted.

        Raises
        ------
        ConfigError
            Where it is not empty and `force` is not given, or it belongs to the archive.
        """
        container = self.get(session, path, cwd)
        refuse_archive(self.path_of(container), "delete a container")
        with transaction.atomic():
            locked(CubeContainer, container.pk)
            numbers = list(
                DataCube.objects.filter(container=container).values_list("pk", flat=True)
            )
            if numbers and not force:
                msg = (
                    f"container {container.name!r} is not empty: {len(numbers)} cubes; delete "
                    "them first, or use force=yes to delete them with it"
                )
                raise ConfigError(msg)
            delete_numbers(numbers)
            CubeContainer.objects.filter(pk=container.pk).delete()
        return numbers

    def _folder(self, session: CubeSession, path: str) -> CubeFolder | None:
        if path != "/" and is_archive(path):
            return None
        try:
            return self._folders.find(session, path)
        except ConfigError:
            return None


def _dimension(dim: DimensionLike) -> dict[str, str]:
    if isinstance(dim, DimensionDescription):
        name, kind, hierarchy = dim.name, dim.type, dim.hierarchy
    else:
        name, kind, hierarchy = [*dim, *("", "double", "oph_base")[len(dim) :]][:3]
    check_dimension(name, kind, hierarchy)
    return {"name": name, "type": kind, "hierarchy": hierarchy}
