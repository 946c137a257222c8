"""Instruments: what a raw header means, detector, optics; found as plug-ins."""

from __future__ import annotations

import warnings
from datetime import date
from typing import TYPE_CHECKING, Any

from polarnight.errors import BadFrame, PolarnightError
from polarnight.frames import FrameInfo, PairVector
from polarnight.instruments.base import Detector, Instrument
from polarnight.instruments.declaration import is_band
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
    "left_out",
    "place_of",
]

GROUP = "polarnight.instruments"
"""The entry-point group of instrument plug-ins."""


def all_instruments() -> dict[str, Instrument]:
    """Return every installed instrument by name, sorted by name.

    Warns
    -----
    UserWarning
        Where a plug-in is no instrument; it is left out.
    """
    return {name: found for name, found in load_plugins(GROUP).items() if _is_one(name, found)}


def _is_one(name: str, found: object) -> bool:
    """Return whether a plug-in has what makes an instrument, and its own name."""
    wanted = ("recognises", "classify", "telescopes")
    lacking = [attribute for attribute in wanted if not hasattr(found, attribute)]
    own = getattr(found, "name", None)
    if own != name:
        lacking.append(f"name = {name!r}")
    if lacking:
        warnings.warn(
            f"the plug-in {name!r} of {GROUP} is left out: a {type(found).__name__} without "
            f"{', '.join(lacking)} is no instrument of that name; correct its package",
            stacklevel=3,
        )
    return not lacking


def get_instrument(name: str) -> Instrument:
    """Return an instrument by name.

    Raises
    ------
    ConfigError
        Where none of that name is installed.
    """
    instrument: Instrument = get_plugin(GROUP, name)
    return instrument


def place_of(name: str) -> str:
    """Return where an instrument is declared: a file, or the package that brings it."""
    from importlib.metadata import entry_points

    file = place_of_file(name)
    if file:
        return file
    packages = [point.dist.name for point in entry_points(group=GROUP, name=name) if point.dist]
    return f"package {packages[0]}" if packages else ""


def place_of_file(name: str) -> str:
    """Return the file that declares an instrument, ``""`` where it comes with a package."""
    from polarnight.instruments.observatories import OBSERVATORIES

    return OBSERVATORIES.place_of(name)


def left_out() -> dict[str, str]:
    """Return what is wrong with each file of a declared observatory, by path of the file."""
    from polarnight.instruments.observatories import OBSERVATORIES

    return OBSERVATORIES.faults()


def identify(header: Mapping[str, Any], filename: str) -> Instrument:
    """Return the instrument that wrote a raw header.

    Where an installed one and one that the observatory declares in a file both recognise it, it
    is the observatory's: whoever wrote the file knows what stands in the dome.

    Raises
    ------
    BadFrame
        Where no installed instrument recognises the header, or more than one does.
    """
    found = [i for i in all_instruments().values() if _recognises(i, header)]
    if len(found) > 1:
        found = [i for i in found if place_of_file(i.name)] or found
    if len(found) == 1:
        return found[0]
    written = ", ".join(
        f"{key} = {header.get(key)!r}" if key in header else f"no {key}"
        for key in ("TELESCOP", "INSTRUME")
    )
    if found:
        names = ", ".join(i.name for i in found)
        raise BadFrame(filename, f"several instruments claim it ({names}): {written}")
    for instrument in all_instruments().values():
        doubt = _doubt(instrument, header)
        if doubt is not None:
            reason = f"whether it is of {instrument.name} depends on its date, and {doubt.reason}"
            raise BadFrame(filename, reason, doubt.remedy)
    raise BadFrame(
        filename,
        f"no installed instrument recognises it: {written}",
        f"installed: {', '.join(all_instruments()) or 'none'}"
        + "".join(f"; left out: {fault}" for fault in left_out().values()),
    )


def _doubt(instrument: Instrument, header: Mapping[str, Any]) -> BadFrame | None:
    try:
        return instrument.doubt(header)
    except Exception:  # noqa: BLE001 - a foreign package may raise, or lack, anything
        return None


def _recognises(instrument: Instrument, header: Mapping[str, Any]) -> bool:
    """Ask an instrument; one whose package is at fault must not hide the frames of others."""
    from astropy.io.fits import VerifyError

    try:
        return bool(instrument.recognises(header))
    except (BadFrame, VerifyError):
        raise  # of the header, not of the instrument
    except Exception as error:  # noqa: BLE001 - a foreign package may raise anything
        warnings.warn(
            f"the instrument {instrument.name} ({place_of(instrument.name)}) cannot tell whether "
            f"frames are its own, and gets none: {error!r}",
            stacklevel=3,
        )
        return False


def _classified(instrument: Instrument, header: Mapping[str, Any], filename: str) -> FrameInfo:
    """Let an instrument translate a header, and believe it what can be.

    Raises
    ------
    BadFrame
        Where the header is wrong, or the package of the instrument is.
    """
    from astropy.io.fits import VerifyError

    def where() -> str:  # only for faults: to search the installed packages takes milliseconds
        return f"the instrument {instrument.name} ({place_of(instrument.name)})"

    remedy = "correct its package"
    try:
        info = instrument.classify(header, filename)
    except (PolarnightError, VerifyError):
        raise
    except Exception as error:
        raise BadFrame(
            filename, f"{where()} cannot translate the header: {error!r}", remedy
        ) from error
    if not isinstance(info, FrameInfo):
        raise BadFrame(filename, f"{where()} answers {type(info).__name__}, no FrameInfo", remedy)
    believed = {
        "instrument": info.instrument == instrument.name,
        "filename": info.filename == filename,
        "telescope": info.telescope in instrument.telescopes,
        "night": _is_night(info.night),
        "band": is_band(info.band),
    }
    for key, sound in believed.items():
        if not sound:
            raise BadFrame(filename, f"{where()} says {key} = {getattr(info, key)!r}", remedy)
    return info


def _is_night(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except (TypeError, ValueError):
        return False


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
            return _classified(identify(header, path.name), header, path.name)
    except BadFrame as error:
        # The instrument knows the name only; the observer needs to find the file.
        raise BadFrame(path, error.reason, error.remedy) from None
