"""The tree of folders and containers, as far as it is unfolded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from polarnight.config import get_settings
from polarnight.db.cubes import CubeCatalogue
from polarnight.db.models import CubeContainer, CubeFolder, DataCube
from polarnight.web.cubes.seeing import containers_of, folders_of, sessions_of

__all__ = ["Branch", "bring_up_to_date", "roots", "unfolded"]

_MOST = 500  # containers of one folder that the tree lists


@dataclass(frozen=True)
class Branch:
    """A folder or a container of the tree.

    Attributes
    ----------
    kind : str
        ``folder``, ``container``, or ``more`` for those that are not listed.
    pk : int
    name : str
    note : str
    here : bool
        Whether it is the one that is looked at.
    below : list of Branch
        What is in an unfolded folder.
    """

    kind: str
    pk: int
    name: str
    note: str = ""
    here: bool = False
    below: tuple[Branch, ...] = ()


def roots(user: Any) -> list[tuple[CubeFolder, str]]:
    """Return the tops of the trees of a user: the archive, and each session with its label."""
    catalogue = CubeCatalogue(get_settings())
    catalogue.archive.look("/archive")
    tops = list(folders_of(user).filter(parent=None))
    by_session = {one.session_id: one for one in tops}
    found = [(by_session[None], "archive")] if None in by_session else []
    for session in sessions_of(user):
        top = by_session.get(session.pk)
        if top is not None:
            found.append((top, session.label or f"session {session.code[:6]}…"))
    return found


def unfolded(
    user: Any, folder: CubeFolder | None, container: CubeContainer | None
) -> tuple[Branch, ...]:
    """Return the tree, unfolded down to a folder or container."""
    chain = _chain(user, folder if container is None else container.folder)
    here = container.pk if container is not None else None
    return tuple(_branch(user, top, name, chain, folder, here) for top, name in roots(user))


def _chain(user: Any, folder: CubeFolder | None) -> set[int]:
    found: set[int] = set()
    while folder is not None and folder.pk not in found:
        found.add(folder.pk)
        parent = folder.parent_id
        folder = folders_of(user).filter(pk=parent).first() if parent is not None else None
    return found


def _branch(
    user: Any,
    folder: CubeFolder,
    name: str,
    chain: set[int],
    chosen: CubeFolder | None,
    container: int | None,
) -> Branch:
    here = container is None and chosen is not None and chosen.pk == folder.pk
    below: list[Branch] = []
    if folder.pk in chain:
        rows = folders_of(user).filter(parent=folder).order_by("name")
        below = [_branch(user, one, one.name, chain, chosen, container) for one in rows[:_MOST]]
        below += _containers(user, folder, container)
    return Branch("folder", folder.pk, name, "", here, tuple(below))


def _containers(user: Any, folder: CubeFolder, here: int | None) -> list[Branch]:
    rows = containers_of(user).filter(folder=folder).order_by("name")
    count = rows.count()
    shown = list(rows[:_MOST])
    # By the index alone: a join would read every cube.
    cubes = DataCube.objects.order_by().filter(container__in=[one.pk for one in shown])
    counts = dict(cubes.values_list("container_id").annotate(n=Count("pk")))
    made = [
        Branch("container", one.pk, one.name, str(counts.get(one.pk, 0)), one.pk == here)
        for one in shown
    ]
    if count > len(shown):
        made.append(Branch("more", 0, f"and {count - len(shown)} more"))
    return made


def bring_up_to_date(folder: CubeFolder | None, container: CubeContainer | None) -> None:
    """Read what is new in the nights that somebody looks at."""
    catalogue = CubeCatalogue(get_settings())
    if container is not None and container.folder.session_id is None:
        catalogue.archive.fill([container])
    elif folder is not None and folder.session_id is None:
        path = catalogue.folders.path_of(folder)
        catalogue.archive.look(path, nights=False)
