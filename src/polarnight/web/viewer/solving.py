"""The picture that the plate solving of a frame left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polarnight.db.models.frames import ReducedFit
from polarnight.web.viewer.opening import FrameFile, derived_directory
from polarnight.web.viewer.problems import NotFound

if TYPE_CHECKING:
    from polarnight.web.viewer.opening import FrameRow

__all__ = ["has_solving_picture", "solving_picture"]

_NAME = "astrometry_summary.png"
_LARGEST = 50 << 20  # bytes


def solving_picture(row: FrameRow) -> FrameFile:
    """Return the picture beside a reduced frame.

    Raises
    ------
    NotFound
        Where there is none, or what is in its place is no such file.
    """
    path = derived_directory(row) / _NAME
    # A link could lead anywhere; the pipeline makes none.
    if isinstance(row, ReducedFit) and path.is_file() and not path.is_symlink():
        state = path.stat()
        if state.st_size <= _LARGEST:
            return FrameFile(path, state.st_size, state.st_mtime_ns)
    msg = f"{row}: no picture of the plate solving is kept; see astrometry.pictures"
    raise NotFound(msg)


def has_solving_picture(row: FrameRow) -> bool:
    """Whether there is one."""
    try:
        solving_picture(row)
    except NotFound:
        return False
    return True
