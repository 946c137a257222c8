"""Names of what there is in a folder, for whoever is typing: read at once, no command is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polarnight.db.cubes import CubeCatalogue
    from polarnight.db.models import CubeSession

__all__ = ["names_in", "pids_in"]


def names_in(
    catalogue: CubeCatalogue, session: CubeSession, path: str, cwd: str = "/"
) -> list[str]:
    """Return the folders (with ``/``) and the containers of a folder.

    Raises
    ------
    ConfigError
        Where there is no such folder.
    """
    entries = catalogue.folders.entries(session, path or ".", cwd)
    return [entry.name + "/" * (entry.kind == "f") for entry in entries]


def pids_in(
    catalogue: CubeCatalogue, session: CubeSession, cwd: str = "/", limit: int = 200
) -> list[str]:
    """Return the PIDs of the first cubes of a folder, by container; no file is looked at.

    Raises
    ------
    ConfigError
        Where there is no such folder.
    """
    from polarnight.db.cubes import format_pid
    from polarnight.db.models import DataCube

    folder = catalogue.folders.find(session, ".", cwd)
    rows = DataCube.objects.filter(container__folder=folder).order_by("container__name", "pk")
    places = rows.values_list("container_id", "pk")[:limit]
    return [format_pid(catalogue.base, container, cube) for container, cube in places]
