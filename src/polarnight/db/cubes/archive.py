"""The archive as a tree of containers: ``/archive/<telescope>/<night>``.

Every raw frame, master and reduced frame of a night is a cube that shows its file. A night is
brought up to date when somebody looks at it: files are known by their state on disk, so that
only new and changed ones are read. A file keeps the number of its cube for ever, also when it
goes and comes back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from polarnight.db.cubes.describing import describe_file
from polarnight.db.cubes.description import CubeDescription
from polarnight.db.cubes.intake import create_cubes, delete_numbers
from polarnight.db.cubes.interning import chunks
from polarnight.db.cubes.locking import locked
from polarnight.db.cubes.names import ARCHIVE, is_archive
from polarnight.db.cubes.night_files import NightFile, night_files
from polarnight.db.models import (
    CubeContainer,
    CubeFolder,
    CubeMount,
    DataCube,
    Epoch,
)
from polarnight.errors import BadFrame

if TYPE_CHECKING:
    from polarnight.config import DataDir

__all__ = ["Archive", "Progress"]

_LOG = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with how many files are read, of how many."""

# Nights asked for at once; and files taken in by one transaction: what was read is not lost,
# and nobody waits long.
_BATCH = 200
_DIMS = [{"name": name, "type": "int", "hierarchy": "oph_base"} for name in ("NAXIS2", "NAXIS1")]


class Archive:
    """Shows the nights of the archive as containers.

    Parameters
    ----------
    data : DataDir

    Attributes
    ----------
    progress : callable, optional
        Called while headers are read.
    describe : callable
        Makes the description of a file; of the engine unless set.
    """

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self.progress: Progress | None = None
        self.describe: Callable[[Path], CubeDescription] = describe_file

    def look(self, path: str, *, nights: bool = False) -> None:
        """Bring the folders and containers that a path leads through up to date.

        What is in a container is brought up to date by `fill`.

        Parameters
        ----------
        path : str
            Absolute; nothing is done outside of the archive.
        nights : bool
            Also the nights of all telescopes, where the path is that of the whole archive.
        """
        if not is_archive(path):
            return
        parts = path.strip("/").split("/")
        known: dict[str, list[str]] = {}
        rows = Epoch.objects.order_by("telescope", "night").values_list("telescope", "night")
        for telescope, night in rows:
            known.setdefault(telescope, []).append(night.isoformat())
        if len(parts) > 1:
            known = {name: dates for name, dates in known.items() if name == parts[1]}
        self._tree(known, with_nights=nights or len(parts) > 1)

    def fill(self, containers: Iterable[CubeContainer], progress: Progress | None = None) -> None:
        """Bring the cubes of nights up to date; other containers are passed over.

        A file that cannot be read has no cube; the reason is kept with it (see `problems`).

        Parameters
        ----------
        containers : iterable of CubeContainer
        progress : callable, optional
            In place of the attribute.
        """
        told = progress or self.progress
        nights = [one for one in containers if one.folder.session_id is None]
        due = [
            found
            for start in range(0, len(nights), _BATCH)
            for found in self._due(nights[start : start + _BATCH])
        ]
        total = sum(len(files) for _, files in due)
        done = 0
        for container, files in due:
            for start in range(0, len(files), _BATCH):
                batch = files[start : start + _BATCH]
                read = []
                for file, state in batch:
                    read.append((file, state, *self._read(file)))
                    done += 1
                    if told is not None:
                        told(done, total)
                self._take(container, read)

    def problems(self, container: CubeContainer) -> dict[str, str]:
        """Return the files of a night that have no cube, and why."""
        rows = CubeMount.objects.filter(container=container).exclude(error="")
        return dict(rows.values_list("name", "error"))

    def path_of(self, cube: DataCube) -> Path:
        """Return the file that a mounted cube shows."""
        return self._data.absolute(cube.source)

    def _tree(self, nights: dict[str, list[str]], *, with_nights: bool) -> None:
        top = CubeFolder.objects.filter(session=None, parent=None, name=ARCHIVE).first()
        folders = {} if top is None else {f.name: f for f in top.folders.all()}
        missing = [name for name in nights if name not in folders]
        have = {
            name: set(folders[name].containers.values_list("name", flat=True))
            for name in nights
            if with_nights and name in folders
        }
        new = (
            {
                name: [night for night in dates if night not in have.get(name, ())]
                for name, dates in nights.items()
            }
            if with_nights
            else {}
        )
        if top is not None and not missing and not any(new.values()):
            return
        with transaction.atomic():
            top, _ = CubeFolder.objects.get_or_create(session=None, parent=None, name=ARCHIVE)
            top = locked(CubeFolder, top.pk)
            for telescope in nights:
                folder, _ = CubeFolder.objects.get_or_create(
                    session=None, parent=top, name=telescope
                )
                CubeContainer.objects.bulk_create(
                    [
                        CubeContainer(folder=folder, name=night, dims=_DIMS)
                        for night in new.get(telescope, ())
                    ],
                    ignore_conflicts=True,
                    batch_size=200,
                )

    def _due(
        self, nights: Sequence[CubeContainer]
    ) -> Iterator[tuple[CubeContainer, list[tuple[NightFile, str]]]]:
        """Yield nights with their new and changed files and the state of these.

        The cubes of files that are gone are removed.
        """
        rows = Epoch.objects.filter(night__in={date.fromisoformat(one.name) for one in nights})
        epochs = {(epoch.telescope, epoch.night.isoformat()): epoch for epoch in rows}
        shown = {one.pk: epochs.get((one.folder.name, one.name)) for one in nights}
        files = night_files({e.pk: e for e in shown.values() if e is not None}, self._data)
        mounts: dict[int, dict[str, str]] = {}
        known = CubeMount.objects.filter(container__in=list(shown))
        for container, name, key in known.values_list("container_id", "name", "content_key"):
            mounts.setdefault(container, {})[name] = key
        for one in nights:
            epoch = shown[one.pk]
            own = [] if epoch is None else files[epoch.pk]
            yield one, self._changed(one, own, mounts.get(one.pk, {}))

    def _changed(
        self, container: CubeContainer, files: Iterable[NightFile], mounts: Mapping[str, str]
    ) -> list[tuple[NightFile, str]]:
        due: list[tuple[NightFile, str]] = []
        seen: set[str] = set()
        for file in files:
            try:
                state = self._data.absolute(file.path).stat()
            except OSError:
                continue
            seen.add(file.name)
            key = f"{file.content_key[:64]}:{state.st_size}:{state.st_mtime_ns}"
            if mounts.get(file.name, "") != key:
                due.append((file, key))
        gone = [name for name, key in mounts.items() if key and name not in seen]
        if gone:
            with transaction.atomic():
                locked(CubeContainer, container.pk)
                for chunk in chunks(gone):
                    rows = CubeMount.objects.filter(container=container, name__in=chunk)
                    delete_numbers([n for n in rows.values_list("number", flat=True) if n])
                    rows.update(content_key="", error="the file is gone")
        return due

    def _read(self, file: NightFile) -> tuple[CubeDescription | None, str]:
        path = self._data.absolute(file.path)
        try:
            description = self.describe(path)
            size = path.stat().st_size
        except BadFrame as error:
            _LOG.warning("not mounted: %s", error)
            return None, error.reason
        except OSError as error:
            return None, error.strerror or str(error)
        return (
            replace(
                description,
                level=file.level,
                description=f"{file.about} {file.name.rpartition('/')[2]}",
                source=file.path,
                size_bytes=size,
            ),
            "",
        )

    def _take(
        self,
        container: CubeContainer,
        read: Sequence[tuple[NightFile, str, CubeDescription | None, str]],
    ) -> None:
        """Make, or make anew, the cubes of files that were read."""
        with transaction.atomic():
            locked(CubeContainer, container.pk)
            mounts = {
                mount.name: mount
                for mount in CubeMount.objects.filter(
                    container=container, name__in=[file.name for file, *_ in read]
                )
            }
            # Another process may have done some of it meanwhile.
            due = [
                entry
                for entry in read
                if entry[0].name not in mounts or mounts[entry[0].name].content_key != entry[1]
            ]
            old = [mounts[entry[0].name].number for entry in due if entry[0].name in mounts]
            delete_numbers([number for number in old if number is not None])
            good = [entry for entry in due if entry[2] is not None]
            numbers = [
                mounts[file.name].number if file.name in mounts else None for file, *_ in good
            ]
            cubes = create_cubes(
                container, [entry[2] for entry in good if entry[2] is not None], numbers=numbers
            )
            made = {entry[0].name: cube.pk for entry, cube in zip(good, cubes, strict=True)}
            rows = []
            for file, key, _, error in due:
                mount = mounts.get(file.name) or CubeMount(container=container, name=file.name)
                mount.number = made.get(file.name, mount.number)
                mount.content_key, mount.error = key, error
                rows.append(mount)
            CubeMount.objects.bulk_create([m for m in rows if m.pk is None], batch_size=200)
            CubeMount.objects.bulk_update(
                [m for m in rows if m.pk is not None],
                ["number", "content_key", "error"],
                batch_size=200,
            )
