"""Instruments: what a raw header means, detector, optics; found as plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polarnight.errors import BadFrame
from polarnight.frames import FrameInfo, PairVector
from polarnight.instruments.base import Detector, Instrument
from polarnight.plugins import get_plugin, load_plugins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "GROUP",
    "Detector",
    "Instrument",
    "PairVector",
    "all_instruments",
    "classify_file",
    "get_instrument",
    "identify",
]

GROUP = "polarnight.instruments"
"""The entry-point group of instrument plug-ins."""


def all_instruments() -> dict[str, Instrument]:
    """Return every installed instrument by name, sorted by name."""
    return dict(load_plugins(GROUP))


def get_instrument(name: str) -> Instrument:
    """Return an instrument by name.

    Raises
    ------
    ConfigError
        Where none of that name is installed.
    """
    instrument: Instrument = get_plugin(GROUP, name)
    return instrument


def identify(header: Mapping[str, Any], filename: str) -> Instrument:
    """Return the instrument that wrote a raw header.

    Raises
    ------
    BadFrame
        Where no installed instrument recognises the header, or more than one does.
    """
    found = [i for i in all_instruments().values() if i.recognises(header)]
    if len(found) == 1:
        return found[0]
    written = ", ".join(
        f"{key} = {header.get(key)!r}" if key in header else f"no {key}"
        for key in ("TELESCOP", "INSTRUME")
    )
    if found:
        names = ", ".join(i.name for i in found)
        raise BadFrame(filename, f"several instruments claim it ({names}): {written}")
    raise BadFrame(
        filename,
        f"no installed instrument recognises it: {written}",
        f"installed: {', '.join(all_instruments()) or 'none'}",
    )


def classify_file(path: str | Path) -> FrameInfo:
    """Read the header of a raw file and say what the frame is.

    Parameters
    ----------
    path : str or Path
        A raw FITS file, plain or compressed.

    Raises
    ------
    BadFrame
        Where the file is no sound FITS file, or its header cannot be understood.
    """
    from pathlib import Path

    from polarnight.frames.blocks import parsing
    from polarnight.frames.reading import read_header

    path = Path(path)
    header = read_header(path)
    try:
        with parsing(path):
            return identify(header, path.name).classify(header, path.name)
    except BadFrame as error:
        # The instrument knows the name only; the observer needs to find the file.
        raise BadFrame(path, error.reason, error.remedy) from None
