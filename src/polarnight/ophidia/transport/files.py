"""Files that come from the data repository: named, and written whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from polarnight.ophidia.errors import BadValue, OperatorFailed

__all__ = ["destination", "written"]


def destination(name: str, target: Path, *, force: bool) -> Path:
    """Return the file to write.

    Parameters
    ----------
    name : str
        What it is called where it comes from.
    target : Path
        A file, or the directory for it.
    force : bool
        Whether it may be there already.

    Raises
    ------
    BadValue
        Where it is there, or the directory is not.
    """
    file = target.expanduser()
    if file.is_dir():
        plain = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
        if plain in {"", ".", ".."} or "\x00" in plain:
            msg = f"{name!r} is no name of a file"
            raise BadValue(msg, "name the file to write")
        file = file / plain
    if not file.parent.is_dir():
        msg = f"{file}: there is no directory {file.parent}"
        raise BadValue(msg, "make it first")
    if file.exists() and not force:
        msg = f"{file} is there already"
        raise BadValue(msg, "force=True writes over it")
    return file


def written(file: Path, pieces: Iterable[bytes]) -> Path:
    """Write a file under another name, and name it rightly when it is whole.

    Raises
    ------
    OperatorFailed
        Where it cannot be written; what was there stays.
    """
    part = file.with_name(f".{file.name[:40]}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as out:
            for piece in pieces:
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"{file} cannot be written: {error.strerror or error}"
        raise OperatorFailed(msg) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return file
