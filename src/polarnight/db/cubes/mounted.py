"""What the pipeline made the masters and reduced frames of the archive of.

The database of nights knows it; here it is told as operations on cubes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from polarnight.db.cubes.archive import Archive
from polarnight.db.cubes.interning import chunks
from polarnight.db.cubes.names import ARCHIVE
from polarnight.db.models import CubeContainer, CubeMount, Epoch, RawFit, ReducedFit
from polarnight.db.models.masters import MASTER_MODELS, MasterModel

__all__ = ["MountedOperations", "Operation"]


class Operation(NamedTuple):
    """A cube that was made, by what and of which; `inputs` are (number, place).

    `task` is 0 where the pipeline made it.
    """

    number: int
    place: str
    operator: str
    source: str
    inputs: tuple[tuple[int, str], ...]
    task: int = 0


class MountedOperations:
    """Finds the operations of the pipeline between cubes of the archive.

    Parameters
    ----------
    archive : Archive
        The nights of inputs are brought up to date, so that these have cubes.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._nights: dict[int, dict[str, tuple[int, str]]] = {}

    def making(self, numbers: Iterable[int]) -> list[Operation]:
        """Return how those of these cubes that the pipeline made were made."""
        found = []
        for mount in self._mounts(numbers):
            kind, _, filename = mount.name.partition("/")
            row = self._row(kind, filename, mount.container)
            if row is None or kind == "raw":
                continue
            operator = f"reduce {row.obsmode}" if kind == "reduced" else f"master {kind.upper()}"
            place = f"{mount.container_id}/{mount.number}"
            inputs = tuple(self._inputs(row))
            source = row.path or filename
            found.append(Operation(mount.number or 0, place, operator.strip(), source, inputs))
        return found

    def using(self, numbers: Iterable[int]) -> list[Operation]:
        """Return how the pipeline made cubes directly of these."""
        made: set[int] = set()
        for mount in self._mounts(numbers):
            kind, _, filename = mount.name.partition("/")
            row = self._row(kind, filename, mount.container)
            if row is not None:
                made |= {number for number, _ in self._places(_products(row))}
        return self.making(sorted(made))

    def _mounts(self, numbers: Iterable[int]) -> Iterator[CubeMount]:
        for chunk in chunks(sorted(numbers)):
            rows = CubeMount.objects.filter(number__in=chunk).exclude(content_key="")
            yield from rows.select_related("container__folder").order_by("number")

    def _row(self, kind: str, filename: str, container: CubeContainer) -> Any:
        night = {
            "epoch__telescope": container.folder.name,
            "epoch__night": container.name,
        }
        if kind == "raw":
            return RawFit.objects.filter(filename=filename, **night).first()
        if kind == "reduced":
            rows = ReducedFit.objects.filter(filename=filename, **night)
            return rows.select_related("epoch", "rawfit__epoch").first()
        masters = MASTER_MODELS[kind.upper()]._default_manager.filter(**night)
        return next((row for row in masters if row.filename == filename), None)

    def _inputs(self, row: Any) -> Iterator[tuple[int, str]]:
        used: list[Any] = [
            getattr(row, name)
            for name in ("rawfit", "masterbias", "masterdark", "masterflat")
            if getattr(row, name, None) is not None
        ]
        if isinstance(row, MasterModel):
            used += row.rawfits.select_related("epoch").order_by("juliandate", "filename")
        return self._places(used)

    def _places(self, rows: Iterable[Any]) -> Iterator[tuple[int, str]]:
        """Yield number and place of the cubes of files; those without a cube are left out."""
        for row in rows:
            kind = "raw" if isinstance(row, RawFit) else "reduced"
            if isinstance(row, MasterModel):
                kind = row.KIND.lower()
            found = self._night(row.epoch).get(f"{kind}/{row.filename}")
            if found is not None:
                yield found

    def _night(self, epoch: Epoch) -> dict[str, tuple[int, str]]:
        if epoch.pk not in self._nights:
            path = f"/{ARCHIVE}/{epoch.telescope}/{epoch.night.isoformat()}"
            self._archive.look(path)
            container = CubeContainer.objects.select_related("folder").get(
                folder__session=None, folder__name=epoch.telescope, name=epoch.night.isoformat()
            )
            self._archive.fill([container])
            rows = CubeMount.objects.filter(container=container, error="")
            self._nights[epoch.pk] = {
                name: (number, f"{container.pk}/{number}")
                for name, number in rows.values_list("name", "number")
                if number is not None
            }
        return self._nights[epoch.pk]


def _products(row: Any) -> Iterator[Any]:
    """Yield the rows that were made directly of one."""
    if isinstance(row, RawFit):
        yield from ReducedFit.objects.filter(rawfit=row).select_related("epoch")
        for model in MASTER_MODELS.values():
            yield from model._default_manager.filter(rawfits=row).select_related("epoch")
    elif isinstance(row, MasterModel):
        for related in ("masterdarks", "masterflats", "reducedfits"):
            if hasattr(row, related):
                yield from getattr(row, related).select_related("epoch")
