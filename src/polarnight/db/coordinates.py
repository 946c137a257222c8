"""Coordinates given as text; small, so that the catalogue needs no astropy to be read."""

from __future__ import annotations

import re

__all__ = ["format_dec", "format_ra", "parse_dec", "parse_ra"]

_PARTS = re.compile(
    r"\s*([+\-−]?)\s*(\d+(?:\.\d*)?)"
    r"(?:[\s:hd°]+(\d+(?:\.\d*)?))?"
    r"(?:[\s:m'′]+(\d+(?:\.\d*)?))?"
    r"\s*[s\"″m'′hd°]?\s*",
    re.IGNORECASE,
)


def _sexagesimal(text: str, what: str) -> tuple[float, bool]:
    match = _PARTS.fullmatch(text)
    if match is None:
        msg = f"{text!r} is not a {what}"
        raise ValueError(msg)
    sign, *parts = match.groups()
    whole, minutes, seconds = (float(part or 0) for part in parts)
    if minutes >= 60 or seconds >= 60:
        msg = f"{text!r} is not a {what}: minutes and seconds end at 60"
        raise ValueError(msg)
    value = whole + minutes / 60 + seconds / 3600
    return (-value if sign in {"-", "−"} else value), parts[1] is not None


def parse_ra(text: str) -> float:
    """Return a right ascension in degrees.

    ``22:02:43.29``, ``22 02 43.29`` and ``22h02m43.29s`` are hours; a single number is
    degrees, unless it ends in ``h``.

    Raises
    ------
    ValueError
        Where the text is none of these, or out of range.
    """
    text = str(text)
    value, split = _sexagesimal(text, "right ascension")
    degrees = value * 15 if split or text.strip().lower().endswith("h") else value
    if not 0 <= degrees < 360:
        msg = f"{text!r} is not a right ascension: out of range"
        raise ValueError(msg)
    return degrees


def parse_dec(text: str) -> float:
    """Return a declination in degrees, from ``+42:16:40.0`` and the like or degrees.

    Raises
    ------
    ValueError
        Where the text is no declination, or out of range.
    """
    value, _ = _sexagesimal(str(text), "declination")
    if not -90 <= value <= 90:
        msg = f"{text!r} is not a declination: out of range"
        raise ValueError(msg)
    return value


def format_ra(degrees: float) -> str:
    """Return a right ascension as ``hh:mm:ss.ssss``."""
    text = _format(degrees % 360 / 15, 4)
    return "00:00:00.0000" if text.startswith("24") else text


def format_dec(degrees: float) -> str:
    """Return a declination as ``+dd:mm:ss.sss``."""
    return ("-" if degrees < 0 else "+") + _format(abs(degrees), 3)


def _format(value: float, digits: int) -> str:
    scale = 10**digits
    units = round(value * 3600 * scale)
    whole, rest = divmod(units, 3600 * scale)
    minutes, seconds = divmod(rest, 60 * scale)
    return f"{whole:02d}:{minutes:02d}:{seconds / scale:0{3 + digits}.{digits}f}"
