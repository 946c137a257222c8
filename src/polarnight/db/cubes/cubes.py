"""Cubes: what is kept of each, and taking them in and out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from polarnight.db.cubes.description import CubeDescription
from polarnight.db.cubes.intake import Origin, create_cubes, delete_numbers, record_tasks
from polarnight.db.cubes.interning import chunks
from polarnight.db.cubes.locking import unchanged
from polarnight.db.cubes.pids import cube_number
from polarnight.db.models import CubeContainer, CubeSession, DataCube
from polarnight.errors import ConfigError

__all__ = ["Cubes", "Origin", "visible_cubes"]


def visible_cubes(session: CubeSession | None) -> QuerySet[DataCube]:
    """Return the cubes of a session and those of the archive; all where it is None."""
    rows = DataCube.objects.select_related("container__folder", "recipe")
    if session is None:
        return rows
    folder = "container__folder__session"
    return rows.filter(Q(**{folder: session}) | Q(**{f"{folder}__isnull": True}))


class Cubes:
    """Takes in, finds and deletes cubes."""

    def add(
        self,
        container: CubeContainer,
        description: CubeDescription,
        origin: Origin | None = None,
        *,
        cards_of: DataCube | None = None,
    ) -> DataCube:
        """Take a cube into a container, with its cards and what made it.

        Parameters
        ----------
        container : CubeContainer
        description : CubeDescription
        origin : Origin, optional
        cards_of : DataCube, optional
            A cube whose cards are copied in front of those of the description.

        Returns
        -------
        DataCube
            It becomes the last cube of the session.

        Raises
        ------
        ConfigError
            Where the description is none of a cube, or the container belongs to the archive
            or was deleted meanwhile.
        """
        return self.add_many(container, [description], origin, cards_of=cards_of)[0]

    def add_many(
        self,
        container: CubeContainer,
        descriptions: Iterable[CubeDescription],
        origin: Origin | None = None,
        *,
        cards_of: DataCube | None = None,
    ) -> list[DataCube]:
        """Take many cubes in at once, all or none; see `add`."""
        if container.folder.session_id is None:
            msg = (
                f"container {container.name!r} belongs to the mounted archive, which is only "
                "read; name a container of your own"
            )
            raise ConfigError(msg)
        with unchanged(CubeContainer, container.pk):
            cubes = create_cubes(container, descriptions, cards_of=cards_of)
            if origin is not None:
                record_tasks(cubes, origin)
        return cubes

    def get(self, pid: str | int, session: CubeSession | None = None) -> DataCube:
        """Return a cube by PID or number.

        Raises
        ------
        ConfigError
            Where there is none, or it is of another session.
        """
        number = cube_number(pid)
        cube = visible_cubes(session).filter(pk=number).first()
        if cube is None:
            where = "" if session is None else " in this session"
            msg = f"there is no cube {pid}{where}; it may have been deleted: list the container"
            raise ConfigError(msg)
        return cube

    def get_many(
        self, pids: Iterable[str | int], session: CubeSession | None = None
    ) -> list[DataCube]:
        """Return cubes in the order of their PIDs or numbers; see `get`.

        Raises
        ------
        ConfigError
            Naming the first that is not there.
        """
        wanted = list(pids)
        numbers = [cube_number(pid) for pid in wanted]
        found: dict[int, DataCube] = {}
        for chunk in chunks(numbers):
            found |= {cube.pk: cube for cube in visible_cubes(session).filter(pk__in=chunk)}
        for pid, number in zip(wanted, numbers, strict=True):
            if number not in found:
                self.get(pid, session)
        return [found[number] for number in numbers]

    def of_key(self, key: str, session: CubeSession | None = None) -> list[DataCube]:
        """Return the cubes of a recipe key."""
        return list(visible_cubes(session).filter(recipe__key=key).order_by("pk"))

    def in_container(self, container: CubeContainer) -> QuerySet[DataCube]:
        """Return the cubes of a container, in the order they came."""
        return DataCube.objects.filter(container=container).order_by("pk")

    def update(self, cube: DataCube, **columns: Any) -> DataCube:
        """Remember more of a cube, such as ``size_bytes`` once it is known.

        Raises
        ------
        ConfigError
            For what makes a cube another cube.
        """
        allowed = {"description", "size_bytes", "nfrag", "nhost", "dims", "missing_value"}
        if not set(columns) <= allowed:
            msg = f"a cube does not change its {', '.join(sorted(set(columns) - allowed))}"
            raise ConfigError(msg)
        DataCube.objects.filter(pk=cube.pk).update(**columns)
        for name, value in columns.items():
            setattr(cube, name, value)
        return cube

    def delete(self, cubes: Iterable[DataCube]) -> list[int]:
        """Delete cubes; tasks go on naming them.

        Returns
        -------
        list of int
            Numbers of the cubes that were deleted.

        Raises
        ------
        ConfigError
            Where one belongs to the archive; then none is deleted.
        """
        wanted = list(cubes)
        for cube in wanted:
            if cube.container.folder.session_id is None:
                msg = (
                    f"cube {cube.place} is a file of the mounted archive, which is only read; "
                    "it goes when its file does"
                )
                raise ConfigError(msg)
        numbers = [cube.pk for cube in wanted]
        with transaction.atomic():
            delete_numbers(numbers)
        return numbers

    def shared_keys(self, keys: Iterable[str]) -> set[str]:
        """Return those of the recipe keys that a cube still has, whoever's it is.

        What is stored under the others may be deleted.
        """
        found: set[str] = set()
        for chunk in chunks(list(keys)):
            rows = DataCube.objects.filter(recipe__key__in=chunk)
            found |= set(rows.values_list("recipe__key", flat=True))
        return found
