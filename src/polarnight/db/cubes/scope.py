"""Which containers a search or a list looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from polarnight.db.cubes.folders import Folders
from polarnight.db.cubes.interning import chunks
from polarnight.db.cubes.matching import Sql
from polarnight.db.cubes.names import join_path, split_parent
from polarnight.db.models import CubeContainer, CubeFolder, CubeSession
from polarnight.errors import ConfigError
from polarnight.frames.cards import wildcard

__all__ = ["Scope", "containers_query", "scope_containers"]

_CONTAINERS, _FOLDERS = CubeContainer._meta.db_table, CubeFolder._meta.db_table


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look.

    Parameters
    ----------
    path : str, optional
        A folder, or a container; everything that the session sees where not given.
    cwd : str
        Where `path` is seen from.
    recursive : bool
        Look into the folders below as well.
    depth : int
        How many levels below; 0 for all.
    containers : sequence of str
        Names of containers, any of them; ``%`` and ``_`` (and ``*``) are wildcards.
    """

    path: str | None = None
    cwd: str = "/"
    recursive: bool = False
    depth: int = 0
    containers: Sequence[str] = ()


def containers_query(session: CubeSession | None, scope: Scope, folders: Folders) -> Sql | None:
    """Return the query for the numbers of the containers to look at, None for all there are.

    Raises
    ------
    ConfigError
        Where the path does not exist.
    """
    named = [name for name in scope.containers if name.strip() not in {"", "all", "*", "%"}]
    if scope.path is None and not named:
        if session is None:
            return None
        text = (
            f'SELECT c.id FROM "{_CONTAINERS}" c JOIN "{_FOLDERS}" f ON f.id = c.folder_id '  # noqa: S608
            "WHERE f.session_id = %s OR f.session_id IS NULL"
        )
        return Sql(text, (session.pk,))
    numbers = [str(container.pk) for container in scope_containers(session, scope, folders)]
    return Sql(", ".join(numbers) or "-1")


def scope_containers(
    session: CubeSession | None, scope: Scope, folders: Folders
) -> list[CubeContainer]:
    """Return the containers to look at; see `containers_query`.

    Nights that a path leads to are brought up to date. From the top of a session the way
    down does not lead into the archive: who wants all its nights names it.
    """
    rows = CubeContainer.objects.select_related("folder").order_by("pk")
    if scope.path is None:
        found = list(rows)
        if session is not None:
            found = [c for c in found if c.folder.session_id in (session.pk, None)]
    else:
        if session is None:
            msg = "a path is looked up in a session; give one"
            raise ConfigError(msg)
        whole = join_path(scope.cwd, scope.path)
        own = _container_at(session, whole, folders)
        if own is not None:
            found = [own]
        else:
            top = folders.find(session, whole)
            folders.archive.look(whole, nights=scope.recursive)
            below = [top.pk]
            if scope.recursive:
                below = folders_below(top, scope.depth)
            found = [c for chunk in chunks(below) for c in rows.filter(folder__in=chunk)]
    named = [name for name in scope.containers if name.strip() not in {"", "all", "*", "%"}]
    if named:
        patterns = [wildcard(name, many="*%", one="_") for name in named]
        found = [c for c in found if any(p.fullmatch(c.name) for p in patterns)]
    if scope.path is not None:
        folders.archive.fill(c for c in found if c.folder.session_id is None)
    return found


def folders_below(top: CubeFolder, depth: int = 0) -> list[int]:
    """Return the numbers of a folder and of those below it, `depth` levels (0 for all)."""
    limit = "" if depth == 0 else " WHERE t.depth < %s"
    text = (
        f'WITH RECURSIVE t(id, depth) AS (SELECT id, 0 FROM "{_FOLDERS}" WHERE id = %s '  # noqa: S608
        f'UNION ALL SELECT f.id, t.depth + 1 FROM "{_FOLDERS}" f JOIN t ON f.parent_id = t.id'
        f"{limit}) SELECT id FROM t"
    )
    with connection.cursor() as cursor:
        cursor.execute(text, [top.pk] if depth == 0 else [top.pk, depth])
        return [row[0] for row in cursor.fetchall()]


def _container_at(session: CubeSession, path: str, folders: Folders) -> CubeContainer | None:
    if path == "/":
        return None
    above, name = split_parent(path)
    try:
        folder = folders.find(session, above)
    except ConfigError:
        return None
    return folder.containers.filter(name=name).select_related("folder").first()
