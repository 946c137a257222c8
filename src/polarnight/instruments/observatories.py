"""Observatories declared in files: where the files are, and what they declare.

The files are found by the setting ``instruments_path``. They are read anew where the setting, or
a file, has changed. Processes that work for another one do not look for files: they get what
that one has read (`snapshot`, `adopt`), so that all work with the same declarations, also on
machines that do not have the files.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from polarnight.config import Settings, get_settings
from polarnight.config.texts import read_text
from polarnight.errors import ConfigError
from polarnight.instruments.generic import Observatory, read_observatory
from polarnight.plugins import installed_plugins

__all__ = ["OBSERVATORIES", "Observatories", "Snapshot", "declaration_files"]

Snapshot = tuple[tuple[str, str], ...]
"""Path and text of each file that declares something."""

_KINDS: Final = {
    "polarnight.telescopes": "telescopes",
    "polarnight.instruments": "instruments",
}
_SUFFIXES: Final = (".yaml", ".yml")


def declaration_files(settings: Settings) -> list[Path]:
    """Return the files that declare observatories, sorted within each place.

    Raises
    ------
    ConfigError
        Where ``instruments_path`` names a file or directory that does not exist.
    """
    found: list[Path] = []
    for place in settings.instrument_places:
        if place.is_dir():
            found += sorted(p for p in place.iterdir() if p.suffix.lower() in _SUFFIXES)
        elif place.is_file():
            found.append(place)
        elif settings.instruments_path is not None:
            msg = f"instruments_path: {place} does not exist; create it or correct the setting"
            raise ConfigError(msg)
    return list(dict.fromkeys(found))


@dataclass
class _Known:
    """What was read from files that were as `state` says."""

    state: tuple[Any, ...] = ()
    snapshot: Snapshot = ()
    plugins: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {kind: {} for kind in _KINDS.values()}
    )
    faults: dict[str, str] = field(default_factory=dict)


class Observatories:
    """The observatories that files declare, as a source of plug-ins."""

    def __init__(self) -> None:
        self._adopted: Snapshot | None = None
        self._known = _Known()

    def plugins(self, group: str) -> dict[str, Any]:
        """Return the declared plug-ins of a group by name."""
        kind = _KINDS.get(group)
        return {} if kind is None else self._current().plugins[kind]

    def snapshot(self) -> Snapshot:
        """Return what another process needs to know the same observatories."""
        return self._current().snapshot

    def adopt(self, snapshot: Snapshot | None) -> None:
        """Know these observatories and no others, whatever files there are; None: the files'."""
        self._adopted = snapshot

    def add(self, path: Path) -> Observatory:
        """Know the observatory of one more file, until `adopt` is called, and return it.

        It takes the place of files that declare something by the same names, such as the
        version of it that is in use.

        Raises
        ------
        ConfigError
            Where something is wrong with the file, or it clashes with a package.
        """
        text = read_text(path, "the instrument file")
        found = read_observatory(text, str(path))
        others = tuple(entry for entry in self.snapshot() if not _shares(entry, found))
        self.adopt((*others, (str(path), text)))
        fault = self.faults().get(str(path))
        if fault is not None:
            raise ConfigError(fault)
        return found

    def faults(self) -> dict[str, str]:
        """Return what is wrong with each file that was left out, by path."""
        return dict(self._current().faults)

    def place_of(self, instrument: str) -> str:
        """Return the file that declares an instrument, ``""`` where none does."""
        found = self._current().plugins["instruments"].get(instrument)
        return "" if found is None else str(found.origin_file)

    def _current(self) -> _Known:
        if self._adopted is not None:
            state: tuple[Any, ...] = self._adopted
            if self._known.state != state:
                self._known = _read(state, list(self._adopted))
            return self._known
        files = declaration_files(get_settings())
        state = tuple(_stamp(path) for path in files)
        if self._known.state != state:
            texts, unread = _texts(files)
            self._known = _read(state, texts)
            self._known.faults.update(unread)
            for fault in self._known.faults.values():
                warnings.warn(f"left out: {fault}", stacklevel=4)
        return self._known


def _shares(entry: tuple[str, str], other: Observatory) -> bool:
    """Return whether the text of a file declares a name that the other declares, too."""
    place, text = entry
    one = read_observatory(text, place)
    return any(getattr(one, kind).keys() & getattr(other, kind).keys() for kind in _KINDS.values())


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size, found.st_ino)


def _texts(files: list[Path]) -> tuple[list[tuple[str, str]], dict[str, str]]:
    texts, faults = [], {}
    for path in files:
        try:
            texts.append((str(path), read_text(path, "the instrument file")))
        except ConfigError as error:
            faults[str(path)] = str(error)
    return texts, faults


def _read(state: tuple[Any, ...], texts: list[tuple[str, str]]) -> _Known:
    """Read all files; one that is wrong in any way is left out as a whole."""
    known = _Known(state)
    read: dict[str, Observatory] = {}
    taken = {
        kind: dict.fromkeys(
            (name for each in installed_plugins(g).items() for name in _called(*each)), "a package"
        )
        for g, kind in _KINDS.items()
    }
    for place, text in texts:
        try:
            observatory = read_observatory(text, place)
            _check_new(observatory, taken, place)
        except ConfigError as error:
            known.faults[place] = str(error)
            continue
        read[place] = observatory
        for kind, names in taken.items():
            for each in getattr(observatory, kind).items():
                names.update(dict.fromkeys(_called(*each), place))
    for place, observatory in read.items():
        missing = _missing_telescopes(observatory, taken["telescopes"])
        if missing:
            known.faults[place] = (
                f"the instrument file {place}: telescope: {missing!r} is declared nowhere; give "
                f"its name, longitude, latitude and height"
            )
            continue
        for kind in _KINDS.values():
            known.plugins[kind].update(getattr(observatory, kind))
    known.snapshot = tuple((place, text) for place, text in texts if place not in known.faults)
    return known


def _check_new(observatory: Observatory, taken: dict[str, dict[_Name, str]], place: str) -> None:
    for kind, names in taken.items():
        for each in getattr(observatory, kind).items():
            for name in _called(*each):
                if name in names:
                    msg = (
                        f"the instrument file {place}: {name!r} of {kind} is declared already by "
                        f"{names[name]}; choose another name"
                    )
                    raise ConfigError(msg)


class _Name(str):
    """A name that is the same in capitals and in small letters, as people and disks take it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.casefold() == other.casefold()

    def __hash__(self) -> int:
        return hash(self.casefold())


def _called(name: str, plugin: Any) -> list[_Name]:
    """Return all that a telescope or instrument is called."""
    names = (name, getattr(plugin, "name", name), getattr(plugin, "abbreviation", name))
    return list(dict.fromkeys(_Name(text) for text in names))


def _missing_telescopes(observatory: Observatory, known: dict[_Name, str]) -> str:
    for instrument in observatory.instruments.values():
        for name in instrument.telescopes:
            if _Name(name) not in known:
                return name
    return ""


OBSERVATORIES: Final = Observatories()
"""The observatories that this process knows."""
