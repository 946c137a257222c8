"""Header cards with typed values: reading them, naming them, comparing them.

One rule for all of Polarnight that looks for a card (cubes, the catalogue of the database,
the terminal): keys do not care for case, ``-`` is ``_``, ``HIERARCH`` in front counts for
nothing; values are compared as what they are, numbers as numbers; ``*`` and ``?`` are wildcards.

The form of cards is section 4 of "Definition of the Flexible Image Transport System", version
4.0 (FITS Working Group 2018). Cards that break it are kept as far as they can be understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "CLEAN_BYTES",
    "COMMENTARY",
    "Card",
    "CardValue",
    "is_pattern",
    "key_matches",
    "normalise_key",
    "parse_cards",
    "parse_value",
    "value_type",
]

CardValue: TypeAlias = bool | int | float | complex | str | None

COMMENTARY = frozenset({"COMMENT", "HISTORY", ""})
"""Keys whose cards are text without a value and may repeat."""

# Bytes that no FITS header may hold become question marks; a NUL is the commonest of them and
# stands for a blank.
CLEAN_BYTES = bytes([32 if c == 0 else c if 32 <= c <= 126 else 63 for c in range(256)])
"""Translation table for the bytes of headers."""

_CARD = 80
_INTEGER = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?")
_COMPLEX = re.compile(r"\(\s*([^,()]+?)\s*,\s*([^,()]+?)\s*\)")
_STRING = re.compile(r"\s*'((?:[^']|'')*)'(.*)", re.DOTALL)
_DIVIDED = re.compile(r"\s*'(.*)'\s*(?:/(.*))?", re.DOTALL)
_LOOSE_KEY = re.compile(r"\s*([A-Za-z0-9_-]{1,30})\s*=")


@dataclass(frozen=True, slots=True)
class Card:
    """One card.

    Attributes
    ----------
    key : str
        As written, without ``HIERARCH``; ``""`` for a blank keyword.
    value : bool, int, float, complex, str or None
        None where the card has no value. The text of COMMENT and HISTORY.
    comment : str
        What stands behind the slash.
    variable : str
        The variable or dimension the card is about; ``""`` for the whole cube.
    """

    key: str
    value: CardValue = None
    comment: str = ""
    variable: str = ""

    @property
    def type(self) -> str:
        """``text``, ``int``, ``long``, ``double``, ``bool``, ``complex`` or ``none``."""
        return value_type(self.value)

    @property
    def text(self) -> str:
        """The value as text: ``T`` and ``F``, numbers so that they read back exactly."""
        if self.value is None:
            return ""
        if isinstance(self.value, bool):
            return "T" if self.value else "F"
        return self.value if isinstance(self.value, str) else repr(self.value)

    @property
    def is_commentary(self) -> bool:
        """Whether the card is mere text (COMMENT, HISTORY, blank)."""
        return self.key.upper() in COMMENTARY


def value_type(value: CardValue) -> str:
    """Return the name of the type of a value; see `Card.type`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(1 << 31) <= value < 1 << 31 else "long"
    if isinstance(value, float):
        return "double"
    return "complex" if isinstance(value, complex) else "text"


def normalise_key(key: str) -> str:
    """Return the form of a key in which equal keys are equal.

    Upper case, ``_`` as ``-``, no ``HIERARCH`` in front, single blanks:
    ``obs_type`` gives ``OBS-TYPE``.
    """
    words = key.upper().replace("_", "-").split()
    if len(words) > 1 and words[0] == "HIERARCH":
        words = words[1:]
    return " ".join(words)


def is_pattern(text: str) -> bool:
    """Whether a text holds a wildcard (``*`` or ``?``)."""
    return "*" in text or "?" in text


def key_matches(pattern: str, key: str) -> bool:
    """Whether a key is the wanted one; `pattern` may hold wildcards."""
    wanted, found = normalise_key(pattern), normalise_key(key)
    if wanted == found:
        return True
    return is_pattern(wanted) and wildcard(wanted).fullmatch(found) is not None


def wildcard(pattern: str, *, many: str = "*", one: str = "?") -> re.Pattern[str]:
    """Return the regular expression of a pattern with wildcards, blind to case.

    It is meant for ``fullmatch``, which takes a time in proportion to the length of the text:
    each piece between two stars is looked for once, where it comes first, and never again.

    Parameters
    ----------
    pattern : str
    many, one : str
        The characters that stand for any text, and for any single character.
    """
    first, *others = (
        "".join("." if c in one else re.escape(c) for c in piece)
        for piece in re.split(f"[{re.escape(many)}]+", pattern)
    )
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1])
    last = f".*{others[-1]}" if others else ""
    return re.compile(first + middle + last, re.IGNORECASE | re.DOTALL)


def parse_value(text: str) -> CardValue:
    """Return the value that a text stands for, in the types of FITS.

    ``T`` and ``F`` are truth values, ``1.5D3`` is a number, ``(1, 2)`` a complex one, nothing
    is None, quotes make text of anything; what is none of these is text.

    >>> [parse_value(t) for t in ("12", "1.5D3", "T", "'12'", "B_JOHN_10")]
    [12, 1500.0, True, '12', 'B_JOHN_10']
    """
    text = text.strip()
    if not text:
        return None
    if text[0] == "'":
        quoted = _STRING.fullmatch(text)
        return _unquote(quoted[1]) if quoted and not quoted[2].strip() else text.strip("'")
    if text in ("T", "F"):
        return text == "T"
    if _INTEGER.fullmatch(text):
        # Python refuses to convert numbers of thousands of digits; FITS has none.
        return int(text) if len(text) < 100 else float(text)
    if _FLOAT.fullmatch(text):
        return float(text.upper().replace("D", "E"))
    parts = _COMPLEX.fullmatch(text)
    if parts:
        real, imaginary = parse_value(parts[1]), parse_value(parts[2])
        if isinstance(real, int | float) and isinstance(imaginary, int | float):
            return complex(real, imaginary)
    return text


def parse_cards(header: bytes) -> Iterator[Card]:
    """Yield the cards of a header.

    Long strings (CONTINUE) are put together; the END card and blank lines behind it are left
    out.

    Parameters
    ----------
    header : bytes
        Cards of 80 bytes.
    """
    text = header.translate(CLEAN_BYTES).decode("ascii")
    images = [text[at : at + _CARD] for at in range(0, len(text), _CARD)]
    position = 0
    while position < len(images):
        image = images[position]
        position += 1
        if image.startswith("END") and not image[3:].strip():
            return
        key, value, comment = _split(image)
        if (
            isinstance(value, str)
            and key.upper() not in COMMENTARY
            and position < len(images)
            and images[position].startswith("CONTINUE  ")
        ):
            texts = [image.partition("=")[2]]
            while position < len(images) and images[position].startswith("CONTINUE  "):
                texts.append(images[position][8:])
                position += 1
            value, comment = _continued(texts)
        yield Card(key, value, comment)


def _split(image: str) -> tuple[str, CardValue, str]:
    """Return key, value and comment of one card."""
    key = image[:8].rstrip()
    if key.upper() in COMMENTARY:
        return key, image[8:].rstrip(), ""
    if image[8:9] == "=" and (key[:1] != " " and " " not in key):
        return (key, *_value_and_comment(image[9:]))
    if key == "HIERARCH" and "=" in image:
        name, _, rest = image[8:].partition("=")
        return (" ".join(name.split()), *_value_and_comment(rest))
    loose = _LOOSE_KEY.match(image)
    if loose:
        return (loose[1], *_value_and_comment(image[loose.end() :]))
    # No value indicator: such a card is commentary, whatever its keyword.
    return key, image[8:].strip(), ""


def _value_and_comment(text: str) -> tuple[CardValue, str]:
    quoted = _STRING.match(text)
    if quoted:
        comment = quoted[2].partition("/")[2]
        return _unquote(quoted[1]), comment.strip()
    value, _, comment = text.partition("/")
    if value.lstrip().startswith("'"):
        # A string that is never closed: all that is left is its text.
        return text.strip()[1:].rstrip(), ""
    return parse_value(value), comment.strip()


def _continued(texts: list[str]) -> tuple[str, str]:
    """Return value and comment of a long string that goes on over several cards."""
    whole, comments = "", []
    for text in texts:
        quoted = _STRING.match(text)
        if quoted and quoted[2].strip()[:1] in ("", "/"):
            part, comment = quoted[1], quoted[2].partition("/")[2]
        else:
            # A quote that was doubled may be divided between two cards.
            loose = _DIVIDED.match(text)
            part, comment = (loose[1], loose[2] or "") if loose else (text.strip(), "")
        whole = whole.removesuffix("&") + part.rstrip()
        comments.append(comment.strip())
    return _unquote(whole), " ".join(filter(None, comments))


def _unquote(text: str) -> str:
    return text.replace("''", "'").rstrip()
