"""Reading values from raw headers with errors that name key and remedy."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from polarnight.errors import BadFrame

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["HeaderReader", "degrees_from_text"]

_SEXAGESIMAL: Final = re.compile(
    r"([+-]?)\s*(\d+)[\s:hd°]+(\d+)[\s:m']+(\d+(?:\.\d*)?)\s*[s\"]?", re.ASCII
)


def degrees_from_text(value: object) -> float | None:
    """Return a number or a sexagesimal text (``12 34 56.7``) as a float, else None.

    Hours stay hours: the unit of the result is the unit of the leading field.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else None
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        match = _SEXAGESIMAL.fullmatch(text)
        if match is None:
            return None
        sign, first, minutes, seconds = match.groups()
        if int(minutes) > 59 or float(seconds) >= 60.0:
            return None
        number = int(first) + int(minutes) / 60.0 + float(seconds) / 3600.0
        number = -number if sign == "-" else number
    return number if math.isfinite(number) else None


class HeaderReader:
    """A raw header with typed access.

    Parameters
    ----------
    header : mapping
        The raw header.
    filename : str
        Named in errors.
    """

    def __init__(self, header: Mapping[str, Any], filename: str) -> None:
        self.header = header
        self.filename = filename

    def fail(self, reason: str, remedy: str = "") -> BadFrame:
        """Return the error of this frame, to be raised."""
        return BadFrame(self.filename, reason, remedy)

    def value(self, keys: Iterable[str]) -> tuple[str, Any]:
        """Return the first key that is present and has a value, with it; else ``("", None)``."""
        for key in keys:
            found = self.header.get(key)
            # An undefined card (KEY =) comes as an object that is neither text nor number.
            if isinstance(found, (str, int, float)) and str(found).strip():
                return key, found
        return "", None

    def text(self, keys: Iterable[str]) -> str:
        """Return a text without surrounding and repeated white space, ``""`` where absent."""
        _, found = self.value(keys)
        return "" if found is None else " ".join(str(found).split())

    def number(self, keys: Iterable[str]) -> float | None:
        """Return a finite number, None where absent.

        Raises
        ------
        BadFrame
            Where the value is there but is no number.
        """
        key, found = self.value(keys)
        if found is None:
            return None
        try:
            number = float(found)
        except ValueError:
            number = math.nan
        if isinstance(found, bool) or not math.isfinite(number):
            raise self.fail(f"{key} = {found!r} is no number", f"correct {key} in the header")
        return number

    def required_number(self, keys: Iterable[str], what: str) -> float:
        """Return a finite number.

        Raises
        ------
        BadFrame
            Where no key of `keys` is present or the value is no number.
        """
        keys = tuple(keys)
        number = self.number(keys)
        if number is None:
            raise self.fail(
                f"the header has no {' or '.join(keys)}", f"add the {what} to the header"
            )
        return number

    def required_text(self, keys: Iterable[str], what: str) -> str:
        """Return a text that is not empty.

        Raises
        ------
        BadFrame
            Where no key of `keys` has one.
        """
        keys = tuple(keys)
        text = self.text(keys)
        if not text:
            raise self.fail(
                f"the header has no {' or '.join(keys)}", f"add the {what} to the header"
            )
        return text
