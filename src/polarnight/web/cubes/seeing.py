"""Which folders, containers and cubes a user of the site sees."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet

from polarnight.config import get_settings
from polarnight.db.models import CubeContainer, CubeFolder, CubeSession, CubeTask, DataCube

_FILLED = "sessionid|exec_mode|ncores|nthreads|cwd|cdd|host_partition|project"

__all__ = [
    "containers_of",
    "cube_of",
    "cubes_of",
    "folders_of",
    "made_by",
    "plain_query",
    "sessions_of",
    "shown_source",
]


def _own(user: Any, prefix: str) -> Q:
    """Return the condition on what hangs at a folder: the archive's, and the user's own."""
    condition = Q(**{f"{prefix}session__isnull": True})
    if user.is_authenticated:
        condition |= Q(**{f"{prefix}session__user": user.get_username()})
    return condition


def sessions_of(user: Any) -> list[CubeSession]:
    """Return the sessions of a user, the last used first."""
    if not user.is_authenticated:
        return []
    return list(CubeSession.objects.filter(user=user.get_username()).order_by("-used", "-id"))


def folders_of(user: Any) -> QuerySet[CubeFolder]:
    """Return the folders that a user sees."""
    return CubeFolder.objects.filter(_own(user, "")).select_related("session")


def containers_of(user: Any) -> QuerySet[CubeContainer]:
    """Return the containers that a user sees."""
    rows = CubeContainer.objects.select_related("folder__session")
    return rows.filter(folder__in=folders_of(user).values("pk"))


def cubes_of(user: Any) -> QuerySet[DataCube]:
    """Return the cubes that a user sees."""
    return DataCube.objects.filter(_own(user, "container__folder__"))


def cube_of(user: Any, number: int) -> DataCube | None:
    """Return a cube with its container and recipe, None where the user sees none of it."""
    if not 0 < number < 2**63:
        return None
    rows = cubes_of(user).select_related("container__folder__session", "recipe")
    return rows.filter(pk=number).first()


def shown_source(text: str) -> str:
    """Return the file of a cube as people know it: in the data directory, not on the disk."""
    data = get_settings().data
    for root in (data.raw, data.root):
        for start in (root, root.resolve()):
            if text.startswith(f"{start}/"):
                return text[len(str(start)) + 1 :]
    return text


def plain_query(text: str) -> str:
    """Return a command without what clients fill in."""
    return re.sub(rf"(?<=[ ;])(?:{_FILLED})=[^;]*;", "", text)


def made_by(cubes: list[DataCube]) -> dict[int, str]:
    """Return the operators that made these cubes, by number."""
    tasks = CubeTask.objects.filter(number__in=[cube.pk for cube in cubes])
    return dict(tasks.values_list("number", "operator"))
