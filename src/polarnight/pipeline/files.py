"""Finding raw files and putting them into the data directory, without losing any."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from polarnight.errors import BadFrame, ConfigError
from polarnight.frames import atomic_write, content_key

__all__ = ["FITS_NAME", "Placement", "check_name", "find_fits", "place_file", "printable"]

Placement = Literal["copy", "link"]

FITS_NAME = re.compile(r"(?i)\.(fits?|fts)(\.(gz|fz|bz2))?$")
"""What the name of a FITS file ends with."""


_LONGEST_NAME = 200  # bytes; products add to it, and file systems take 255


def printable(name: str | Path) -> str:
    """Return a name or path with all that is no text written as an escape."""
    text = str(name)
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def check_name(path: Path) -> None:
    """Refuse a file whose name could not be kept, shown or asked for.

    Raises
    ------
    BadFrame
        Where the name holds a control character or what is no text, or is too long.
    """
    name, remedy = path.name, "rename the file"
    if not name.isprintable():
        raise BadFrame(path, "the name of the file holds characters that are no text", remedy)
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise BadFrame(path, f"the name of the file is longer than {_LONGEST_NAME} bytes", remedy)


def find_fits(paths: Iterable[str | Path]) -> list[Path]:
    """Return the FITS files among `paths`, looking into directories.

    A file that is named is taken whatever it is called; hidden files, temporary files and
    the companions of a simulated night inside directories are passed over.

    Raises
    ------
    ConfigError
        Where a path does not exist.
    """
    found: list[Path] = []
    for given in map(Path, paths):
        if given.is_dir():
            found += sorted(
                path
                for path in given.rglob("*")
                if path.is_file() and not path.name.startswith(".") and FITS_NAME.search(path.name)
            )
        elif given.exists():
            found.append(given)
        else:
            msg = f"{given}: no such file or directory"
            raise ConfigError(msg)
    return list(dict.fromkeys(path.absolute() for path in found))


def place_file(source: Path, target: Path, how: Placement, *, readonly: bool = False) -> bool:
    """Put a raw file into the archive; never replaces another file.

    Parameters
    ----------
    source, target : Path
    how : {"copy", "link"}
        Copy the bytes, or make a symbolic link to them.
    readonly : bool
        Remove the write permission of a copy.

    Returns
    -------
    bool
        Whether anything was done; False where the same content is there already.

    Raises
    ------
    BadFrame
        Where another file of that name is there with other content, or it cannot be written.
    """
    try:
        return _place(source, target, how, readonly)
    except OSError as error:
        raise BadFrame(
            source,
            f"cannot be put into {target.parent}: {error.strerror}",
            "check permissions and free space there; try again",
        ) from error


def _place(source: Path, target: Path, how: Placement, readonly: bool) -> bool:
    if target.exists():
        if target.samefile(source) or content_key(target) == content_key(source):
            return False
        raise BadFrame(
            source,
            f"another file of the name {target.name} is in {target.parent} already",
            "rename one of them; raw files are never overwritten",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    if how == "link":
        # A link that points nowhere (its file was moved) is renewed.
        target.unlink(missing_ok=True)
        target.symlink_to(source.resolve())
        return True
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)
        shutil.copystat(source, temporary)
        if content_key(temporary) != content_key(source):
            raise BadFrame(source, "the copy differs from the file", "check the disk; try again")
    if readonly:
        target.chmod(target.stat().st_mode & ~0o222)
    return True
