"""From a primary key to a file inside the data directory, and to nothing else."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from polarnight.config.paths import MASTER_DIRECTORIES
from polarnight.db.models.base import data_directory
from polarnight.db.models.frames import RawFit, ReducedFit
from polarnight.db.models.masters import MasterBias, MasterDark, MasterFlat
from polarnight.web.viewer.problems import FileMissing, NotFound, Refused

if TYPE_CHECKING:
    from django.db.models import Model

__all__ = ["KINDS", "FrameFile", "FrameRow", "derived_directory", "find", "kind_of", "locate"]

FrameRow: TypeAlias = RawFit | ReducedFit | MasterBias | MasterDark | MasterFlat

KINDS: dict[str, type[Any]] = {
    "raw": RawFit,
    "reduced": ReducedFit,
    "bias": MasterBias,
    "dark": MasterDark,
    "flat": MasterFlat,
}
"""The kinds of frames as addresses name them."""

_LARGEST_PK = (1 << 63) - 1  # of the databases; a larger number makes their drivers raise


@dataclass(frozen=True, slots=True)
class FrameFile:
    """A file of a frame, as it was when it was looked at.

    Attributes
    ----------
    path : Path
        Resolved.
    size : int
        Bytes.
    mtime_ns : int
    """

    path: Path
    size: int
    mtime_ns: int

    @property
    def version(self) -> str:
        """Changes with the content of the file; part of every ETag."""
        return f"{self.mtime_ns:x}-{self.size:x}"


def find(kind: str, pk: int) -> FrameRow:
    """Return the row of a frame.

    Raises
    ------
    NotFound
        Where there is no such kind or row.
    """
    model = KINDS.get(kind)
    if model is None:
        msg = f"{kind!r} is no kind of frame; there are {', '.join(KINDS)}"
        raise NotFound(msg)
    row = None
    if 0 < pk <= _LARGEST_PK:
        row = model._default_manager.select_related("epoch").filter(pk=pk).first()
    if row is None:
        msg = f"there is no {kind} frame of number {pk}"
        raise NotFound(msg)
    found: FrameRow = row
    return found


def kind_of(row: Model) -> str:
    """Return the kind of a row, the inverse of `find`.

    Raises
    ------
    KeyError
        Where the row is no frame.
    """
    return {model: kind for kind, model in KINDS.items()}[type(row)]


def locate(row: FrameRow) -> FrameFile:
    """Return the file of a row.

    The file must lie inside the data directory after all links are followed; ``raw``,
    ``calibration`` and the directories of masters may themselves be links to other disks. The
    one exception: a raw file that ``ingest --link`` put there as a link, was read as FITS then
    and has not changed since.

    Raises
    ------
    FileMissing
        Where there is no file.
    Refused
        Where it is no regular file, or a link leads out of the data directory.
    """
    rooms = _rooms()
    place = row.filepath
    if not str(place.name) or ".." in place.parts:
        raise Refused(_refusal(row, "its path leaves the data directory"))
    try:
        path = place.resolve(strict=True)
        state = path.stat()
    except (OSError, RuntimeError) as error:
        # The path itself is told to nobody: only the place that the site shows anyway.
        msg = f"{row}: the file is not there; reduce the night again or restore it"
        raise FileMissing(msg) from error
    if not _inside(path, rooms) and not _is_registered_link(row, place, rooms, state):
        raise Refused(_refusal(row, "a link leads out of the data directory"))
    if not stat.S_ISREG(state.st_mode):
        raise Refused(_refusal(row, "it is no regular file"))
    return FrameFile(path, state.st_size, state.st_mtime_ns)


def derived_directory(row: FrameRow) -> Path:
    """Return where previews of a frame are kept: ``calibration/.../<file>.d/<Model>``."""
    own = data_directory().file_dir(row.epoch.telescope, row.epoch.night, row.filename)
    return own / str(type(row)._meta.object_name)


def _refusal(row: FrameRow, why: str) -> str:
    return f"{row}: the file is not shown: {why}"


def _rooms() -> list[Path]:
    """Return the data directory, and where its directories of frames are: on other disks, maybe."""
    data = data_directory()
    names = ("raw", "calibration", *MASTER_DIRECTORIES.values())
    return [data.root.resolve(), *((data.root / name).resolve() for name in names)]


def _inside(path: Path, rooms: Sequence[Path]) -> bool:
    return any(path.is_relative_to(room) for room in rooms)


def _is_registered_link(row: FrameRow, place: Path, rooms: Sequence[Path], state: Any) -> bool:
    """Whether `place` is a link made by ingesting, to what was read as a frame and is unchanged."""
    return (
        isinstance(row, RawFit)
        and place.is_symlink()
        and _inside(place.parent.resolve(), rooms)
        and row.is_as_read(state)
    )
