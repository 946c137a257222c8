"""Masters in memory: read once, used for many frames."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from polarnight.errors import BadFrame
from polarnight.frames import Frame, ImageType, read_frame

__all__ = ["load_master"]

_KEPT = 4


def load_master(path: str | Path, kind: ImageType) -> Frame:
    """Read a master, or return the one read before if the file has not changed since.

    Its planes are not writeable, because frames share them.

    Parameters
    ----------
    path : str or Path
    kind : ImageType
        What it must be.

    Raises
    ------
    BadFrame
        Where the file is damaged, or not a master of that kind.
    """
    path = Path(path)
    try:
        state = path.stat()
    except OSError as error:
        raise BadFrame(path, f"the master cannot be read: {error.strerror}") from error
    master = _load(path, state.st_size, state.st_mtime_ns)
    found = None if master.info is None else master.info.imgtype
    if found is not kind:
        raise BadFrame(path, f"not a master {kind} but {found or 'a frame without header'}")
    return master


@functools.lru_cache(maxsize=_KEPT)
def _load(path: Path, size: int, mtime_ns: int) -> Frame:
    master = read_frame(path)
    for plane in (master.data, master.variance, master.bits):
        if isinstance(plane, np.ndarray):
            plane.flags.writeable = False
    return master
