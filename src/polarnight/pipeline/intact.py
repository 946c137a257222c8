"""Whether the file of a product is still the one that was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.frames import content_key

if TYPE_CHECKING:
    from polarnight.db import ReducedFit
    from polarnight.db.models.masters import MasterModel

__all__ = ["file_state", "why_not_intact"]


def file_state(path: Path) -> list[int]:
    """Return size and time of change (ns) of a file, by which it is known again."""
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]


def why_not_intact(row: MasterModel | ReducedFit) -> str:
    """Return why the file of a product cannot be used, ``""`` where it is as it was made.

    A file of another size or time is read whole: a copy of the data directory has other
    times and the same content.
    """
    try:
        if file_state(row.filepath) == row.provenance.get("file"):
            return ""
        same = content_key(row.filepath) == row.content_key
    except FileNotFoundError:
        return f"its file {row.path} is gone"
    except OSError as error:
        return f"its file {row.path} cannot be read: {error.strerror}"
    return "" if same else f"its file {row.path} is damaged, or was changed by somebody"
