"""Files that no command removes, moves or writes over, though they may be read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from polarnight.ophidia.errors import AccessRefused

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = [
    "exports",
    "is_registered_link",
    "refuse_others",
    "refuse_own",
    "refuse_raw",
    "refuse_roots",
]

_OWN = (
    *("cubes", "calibration", "masterbias", "masterdark", "masterflat", "astrosource", "logs"),
    "web-console",
)
_EXPORTS = "export"


def exports(settings: Settings, user: str) -> Path:
    """Return the directory of what a user exports; the name of the user makes one component."""
    # A leading dot would hide it, or lead out of it.
    name = quote(user, safe=" @+").replace(".", "%2E", user.startswith("."))
    return settings.datadir / _EXPORTS / name


def refuse_others(place: Path, settings: Settings, user: str) -> None:
    """Refuse to read, write or list what other users exported.

    Raises
    ------
    AccessRefused
    """
    top, own = _real(settings.datadir / _EXPORTS), _real(exports(settings, user))
    for real in _names(place):
        if real != top and real.is_relative_to(top) and not real.is_relative_to(own):
            msg = f"{str(place)[:200]!r} is refused: another user exported it"
            raise AccessRefused(msg, f"your own exports lie in {own}")


def refuse_own(place: Path, settings: Settings) -> None:
    """Refuse to touch what the data directory keeps for itself.

    That are computed cubes, masters, reduced frames, logs, catalogues of stars, the database,
    the key of the site.

    Raises
    ------
    AccessRefused
    """
    data = settings.data
    database = data.db_path
    own = [*(data.root / name for name in _OWN), data.stars, data.log_file, settings.web_key]
    for real in _names(place):
        beside = real.parent == _real(database.parent) and real.name.startswith(database.name)
        inside = any(real.is_relative_to(one) for one in map(_real, own))
        if beside or inside or real == _real(data.root / _EXPORTS):
            msg = f"{str(place)[:200]!r} is refused: Polarnight keeps its own files there"
            raise AccessRefused(msg, "files of yours lie in the data repository, or elsewhere")


def refuse_roots(place: Path, roots: Iterable[Path]) -> None:
    """Refuse to remove or move a directory that is given to commands, and what holds one.

    Raises
    ------
    AccessRefused
    """
    for root in map(_real, roots):
        if any(root.is_relative_to(real) for real in _names(place)):
            msg = f"{str(place)[:200]!r} is refused: it holds {root}, which stays where it is"
            raise AccessRefused(msg, "name what is inside")


def refuse_raw(place: Path, root: Path) -> None:
    """Refuse to touch raw frames that the database knows, and directories that hold some.

    Parameters
    ----------
    place : Path
    root : Path
        Of the raw archive.

    Raises
    ------
    AccessRefused
    """
    from polarnight.db import RawFit

    for start in {root, _real(root)}:
        for one in {place, *_names(place)}:
            if one == start or not one.is_relative_to(start):
                continue
            parts = one.relative_to(start).parts
            rows = RawFit.objects.filter(epoch__telescope=parts[0])
            if len(parts) > 1:
                rows = rows.filter(epoch__night=parts[1] if _is_night(parts[1]) else "0001-01-01")
            if len(parts) > 2:
                rows = rows.filter(filename=parts[2])
            if rows.exists():
                msg = f"{'/'.join(parts)} holds raw frames of the archive"
                raise AccessRefused(msg, "they stay as they are; choose another name")


def is_registered_link(place: Path, root: Path) -> bool:
    """Whether a link was made by ingesting, to what was read as a raw frame and is unchanged.

    Parameters
    ----------
    place : Path
    root : Path
        Of the raw archive.
    """
    from polarnight.db import RawFit

    real = _real(place.parent) / place.name
    parts = real.relative_to(_real(root)).parts if real.is_relative_to(_real(root)) else ()
    if len(parts) != 3 or not _is_night(parts[1]) or not real.is_symlink():
        return False
    rows = RawFit.objects.filter(epoch__telescope=parts[0], epoch__night=parts[1])
    row = rows.filter(filename=parts[2]).first()
    try:
        return row is not None and row.is_as_read(real.stat())
    except OSError:
        return False


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _names(place: Path) -> Iterator[Path]:
    """Yield where a name lies really, and where a link of that name leads."""
    yield _real(place.parent) / place.name
    yield _real(place)


def _is_night(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
