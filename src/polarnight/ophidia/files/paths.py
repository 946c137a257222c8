"""Files and directories that commands may touch.

The data repository is ``raw`` in the data directory; ``/`` is its root. An absolute path is
looked up there first, and then as a real path where it lies under an allowed root: the data
directory, the working directory, or one of ``import_roots`` of the settings. Nothing else is
ever read or written, whatever ``..`` or symbolic links say; links that ingesting made to raw
frames are read (`guarding.is_registered_link`).

A site, which computes for people who are elsewhere, reads the raw archive, ``import_roots`` and
what the user exported, and writes to that user's exports alone: what is given from the root is
looked up there, too.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from polarnight.ophidia.errors import AccessRefused, BadValue
from polarnight.ophidia.files.guarding import (
    exports,
    is_registered_link,
    refuse_others,
    refuse_own,
)

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["Repository", "check_file_name", "check_name", "normal_path", "products"]

_NAME = re.compile(r"[A-Za-z0-9_][\w.+@ -]*", re.ASCII)
_LONGEST = 255
_LONGEST_PATH = 4096


def check_name(name: str, what: str) -> str:
    """Return the name of a folder, container, dimension or measure, or refuse it.

    Raises
    ------
    BadValue
        For anything but letters, digits and ``_ - . + @`` or space, beginning with a letter,
        a digit or ``_``.
    """
    if len(name) > _LONGEST or not _NAME.fullmatch(name) or name.endswith((" ", ".")):
        msg = f"{name[:60]!r} cannot be the name of a {what}"
        raise BadValue(msg, "use letters, digits and _ - . and begin with a letter, digit or _")
    return name


def check_file_name(name: str, what: str) -> str:
    """Return the name of a file without directory, or refuse it."""
    if not name or name in {".", ".."} or re.search(r"[/\\\x00-\x1f]", name):
        msg = f"{what}={name[:60]!r} is no name of a file"
        raise BadValue(msg, "give the name alone; directories go into the path")
    if len(os.fsencode(name)) > _LONGEST - 20:
        msg = f"{what}={name[:60]!r}... is too long for the name of a file"
        raise BadValue(msg, f"use at most {_LONGEST - 20} characters")
    return name


def normal_path(path: str, current: str = "/") -> str:
    """Return an absolute path of a tree whose root is ``/``, relative ones from `current`.

    Raises
    ------
    AccessRefused
        Where it holds ``..`` or a NUL character.
    """
    if "\x00" in path or len(path) > _LONGEST_PATH:
        msg = f"the path {path[:60]!r} is refused"
        raise AccessRefused(msg, "it is too long or holds a NUL character")
    if ".." in PurePosixPath(path.replace("\\", "/")).parts:
        msg = f"the path {path[:60]!r} is refused: '..' is not allowed"
        raise AccessRefused(msg, "give the path from the root, beginning with '/'")
    return "/" + "/".join(
        part for part in (PurePosixPath("/") / current / path).parts[1:] if part != "."
    )


def products(settings: Settings) -> Path:
    """Return the directory of the files that operators make and cubes show."""
    return settings.data.cubes / "products"


class Repository:
    """The files that one user of one data directory may touch.

    Parameters
    ----------
    settings : Settings
    user : str
        Whose exports may be touched.
    at_site : bool
        Whether the user is elsewhere: the data directory and the working directory of the
        process are none of theirs, then.
    """

    def __init__(self, settings: Settings, user: str, *, at_site: bool = False) -> None:
        self._settings = settings
        self._user = user
        self.root = settings.data.raw
        self.own = exports(settings, user) if at_site else None
        near = (settings.datadir, Path.cwd()) if self.own is None else (self.own,)
        self.roots = (self.root, *near, *settings.cubes.import_roots)

    def find(self, path: str, cdd: str = "/") -> Path:
        """Return the existing file or directory that `path` names.

        Raises
        ------
        AccessRefused
            Where it leaves the allowed roots.
        BadValue
            Where there is nothing.
        """
        for place in self._places(path, cdd):
            if os.path.lexists(place):
                return self._inside(place, path, reading=True)
        msg = f"there is no {path[:200]!r} in the data repository ({self.root})"
        raise BadValue(msg, self._remedy())

    def place(self, path: str, cdd: str = "/") -> Path:
        """Return where something that is to be written goes; its directory need not exist.

        What is there already is taken as `find` does. Otherwise a real path under an allowed
        root is taken as it is, and anything else goes into the repository.

        Raises
        ------
        AccessRefused
            Where it leaves the allowed roots, or Polarnight keeps its own files there.
        """
        places = self._places(path, cdd)
        for place in places:
            if os.path.lexists(place):
                return self._free(place, path)
        real = [place for place in places[1:] if self._allowed(place)]
        return self._free(self.own_place(path, cdd) or (real[0] if real else places[0]), path)

    def own_place(self, path: str, cdd: str) -> Path | None:
        """Return where a site writes something new, None where this is no site."""
        if self.own is None:
            return None
        virtual = Path(normal_path(path, cdd))
        return virtual if virtual.is_relative_to(self.own) else self.own / str(virtual).lstrip("/")

    def hides(self, place: Path) -> bool:
        """Whether a file or directory is not for this user, as the exports of others."""
        try:
            refuse_others(place, self._settings, self._user)
        except AccessRefused:
            return True
        return False

    def virtual(self, place: Path) -> str:
        """Return the path of a file as commands write it: in the repository where it can be."""
        for start in (self.root, self.root.resolve()):
            if place.is_relative_to(start):
                return normal_path(place.relative_to(start).as_posix())
        return place.as_posix()

    def _places(self, path: str, cdd: str) -> list[Path]:
        virtual = normal_path(path, cdd)
        if virtual == "/":
            # That of a new data directory is empty; the root of the machine is never meant.
            self.root.mkdir(parents=True, exist_ok=True)
            return [self.root]
        inner = virtual.lstrip("/")
        if self.own is None:
            return [self.root / inner, Path(virtual)]
        # What lies elsewhere is not looked for: whether it is there is nobody's business.
        real = [Path(virtual)] if self._allowed(Path(virtual)) else []
        return [self.root / inner, self.own / inner, *real]

    def _allowed(self, place: Path) -> bool:
        real = Path(os.path.realpath(place))
        return any(real.is_relative_to(os.path.realpath(root)) for root in self.roots)

    def _free(self, place: Path, path: str) -> Path:
        inside = self._inside(place, path)
        refuse_own(inside, self._settings)
        self.refuse_foreign(inside, path)
        return inside

    def refuse_foreign(self, place: Path, path: str) -> None:
        """Refuse, at a site, to change what is not the user's own.

        Raises
        ------
        AccessRefused
        """
        if self.own is None:
            return
        real = Path(os.path.realpath(place.parent)) / place.name
        own = Path(os.path.realpath(self.own))
        if own not in real.parents or not Path(os.path.realpath(place)).is_relative_to(own):
            msg = f"{path[:200]!r} is refused: a site writes only to what you exported"
            raise AccessRefused(msg, f"your exports lie in {self.own}")

    def _inside(self, place: Path, path: str, *, reading: bool = False) -> Path:
        if re.search(r"[\ud800-\udfff]", str(place)):
            msg = f"{path[:200]!r} holds what is no character of UTF-8"
            raise BadValue(msg, "give the file another name")
        if not self._allowed(place) and not (reading and is_registered_link(place, self.root)):
            msg = f"{path[:200]!r} is refused: it lies outside of what may be read or written"
            raise AccessRefused(msg, self._remedy())
        refuse_others(place, self._settings, self._user)
        return place

    def _remedy(self) -> str:
        if self.own is not None:
            return f"files lie in {self.root}, or in {self.own}, where your exports are"
        return (
            f"files lie in {self.root}, in the data directory, in the working directory, "
            "or in a directory of the setting cubes.import_roots"
        )
