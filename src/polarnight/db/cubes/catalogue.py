"""The door of the catalogue of cubes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from polarnight.db.cubes.pids import format_pid

# Models can only be imported once Django is set up, this module before that.
if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db.cubes.archive import Archive
    from polarnight.db.cubes.cards import Cards
    from polarnight.db.cubes.containers import Containers
    from polarnight.db.cubes.cubes import Cubes, Origin
    from polarnight.db.cubes.description import CubeDescription
    from polarnight.db.cubes.folders import Folders
    from polarnight.db.cubes.provenance import Branch, Graph, Tasks
    from polarnight.db.cubes.search import CubeHits, Search
    from polarnight.db.cubes.sessions import Sessions
    from polarnight.db.models import CubeContainer, CubeSession, DataCube

__all__ = ["CubeCatalogue"]


class CubeCatalogue:
    """Sessions, folders, containers, cubes, cards, tasks and jobs.

    Each kind of thing is looked after by an attribute of its own; the methods are what is
    needed most.

    Parameters
    ----------
    settings : Settings, optional
        Those in force unless given.

    Attributes
    ----------
    sessions, folders, containers, cubes, cards, search, tasks, archive
    """

    def __init__(self, settings: Settings | None = None) -> None:
        if settings is None:
            from polarnight.config import get_settings

            settings = get_settings()
        self.settings = settings
        self.base = settings.cubes.base_url.rstrip("/")

    @cached_property
    def sessions(self) -> Sessions:
        """Workspaces of users."""
        from polarnight.db.cubes.sessions import Sessions

        return Sessions(self.base)

    @cached_property
    def folders(self) -> Folders:
        """Trees of folders."""
        from polarnight.db.cubes.folders import Folders

        return Folders(self.archive)

    @cached_property
    def archive(self) -> Archive:
        """The nights of the archive as containers."""
        from polarnight.db.cubes.archive import Archive

        return Archive(self.settings.data)

    @cached_property
    def containers(self) -> Containers:
        """Containers of cubes."""
        from polarnight.db.cubes.containers import Containers

        return Containers(self.folders)

    @cached_property
    def cubes(self) -> Cubes:
        """The cubes themselves."""
        from polarnight.db.cubes.cubes import Cubes

        return Cubes()

    @cached_property
    def cards(self) -> Cards:
        """Cards of cubes."""
        from polarnight.db.cubes.cards import Cards

        return Cards()

    @cached_property
    def search(self) -> Search:
        """Finding cubes."""
        from polarnight.db.cubes.search import Search

        return Search(self.folders)

    @cached_property
    def tasks(self) -> Tasks:
        """What cubes were made of."""
        from polarnight.db.cubes.provenance import Tasks

        return Tasks(self.archive)

    def session(self, user: str, code: str | None = None, new: bool = False) -> CubeSession:
        """Return a session of a user; see `Sessions.open`."""
        return self.sessions.open(user, code, new=new)

    def pid(self, thing: DataCube | CubeContainer) -> str:
        """Return the PID of a cube or container."""
        from polarnight.db.models import CubeContainer

        if isinstance(thing, CubeContainer):
            return format_pid(self.base, thing.pk)
        return format_pid(self.base, thing.container_id, thing.pk)

    def pids(self, hits: CubeHits) -> list[str]:
        """Return the PIDs of what a search found."""
        return hits.pids(self.base)

    def add(
        self,
        container: CubeContainer,
        description: CubeDescription,
        origin: Origin | None = None,
        *,
        cards_of: DataCube | None = None,
    ) -> DataCube:
        """Take a cube into a container; see `Cubes.add`."""
        return self.cubes.add(container, description, origin, cards_of=cards_of)

    def get(self, pid: str | int, session: CubeSession | None = None) -> DataCube:
        """Return a cube by PID or number; see `Cubes.get`."""
        return self.cubes.get(pid, session)

    def delete(self, pids: Iterable[str | int], session: CubeSession | None = None) -> list[int]:
        """Delete cubes by PID or number; see `Cubes.delete`."""
        return self.cubes.delete(self.cubes.get_many(pids, session))

    def matching(self, numbers: Iterable[int], pairs: Iterable[tuple[str, str | None]]) -> set[int]:
        """Return which of these cubes have, for every pair, a card of that key and value.

        Parameters
        ----------
        numbers : iterable of int
        pairs : iterable of (str, str or None)
            A key (not minding case, ``-`` is ``_``, ``*`` and ``?`` are wildcards) and a part
            of the value, or a comparison such as ``>30``; None for any value.
        """
        from polarnight.db.cubes.matching import Term
        from polarnight.db.cubes.search import CubeFilter

        terms = [Term.dialect(key, value or "all", like=False) for key, value in pairs]
        wanted = set(numbers)
        if not terms:
            return wanted
        hits = self.search.find(None, CubeFilter(terms=terms, derived=True))
        return wanted.intersection(hits.cubes)

    def provenance(
        self, cube: DataCube, branch: Branch = "all", session: CubeSession | None = None
    ) -> Graph:
        """Return what a cube was made of and what was made of it; see `Tasks.provenance`."""
        return self.tasks.provenance(cube, branch, session)
