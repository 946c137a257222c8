"""Header by header through a FITS file, at the cost of reading the headers.

Only the few cards that say where pixels are and what they mean are understood here; the rest
of a header stays bytes until somebody asks for it (`polarnight.cubes.metadata`).
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from polarnight.errors import BadFrame
from polarnight.frames.cards import CardValue, parse_value

__all__ = ["AGAIN", "BLOCK", "LARGEST", "Cards", "Unit", "integer", "number", "scan"]

BLOCK = 2880
CARD = 80
_EQUALS = ord("=")
AGAIN = "copy the file again from its source"
LARGEST = 1 << 50
"""Bytes of a unit; offsets beyond 2**63 are none."""
_MOST_AXES = 999
_MOST_HEADER = 4096 * BLOCK
_NAMES = (
    *("SIMPLE", "XTENSION", "BITPIX", "PCOUNT", "GCOUNT"),
    *("BSCALE", "BZERO", "BLANK", "EXTNAME", "TFIELDS"),
)
_AXES = [f"{z}NAXIS{n}" for z in ("", "Z") for n in ("", *range(1, _MOST_AXES + 1))]
_WANTED = {
    name.ljust(8).encode(): name
    for name in (*_NAMES, "ZIMAGE", "ZBITPIX", *_AXES)
    if len(name) <= 8
}

Cards: TypeAlias = dict[str, CardValue]


@dataclass(frozen=True, slots=True)
class Unit:
    """One header and data unit.

    Attributes
    ----------
    index : int
        Position in the file, from 0.
    header : bytes
        All cards, padding included.
    cards : dict
        Those of the structure.
    offset : int
        Byte where the data begin.
    size : int
        Bytes of the data with padding.
    """

    index: int
    header: bytes
    cards: Cards
    offset: int
    size: int

    @property
    def name(self) -> str:
        """EXTNAME; ``PRIMARY`` for a nameless first unit."""
        return str(self.cards.get("EXTNAME") or ("" if self.index else "PRIMARY")).strip()

    @property
    def is_tiled(self) -> bool:
        """Whether it holds an image compressed in tiles."""
        return self.cards.get("ZIMAGE") is True

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the image, slowest axis first; empty where there is none."""
        if not self.is_tiled and self.cards.get("XTENSION", "IMAGE") != "IMAGE":
            return ()
        axes = _axes(self.cards, "Z" if self.is_tiled else "")
        return tuple(axes[::-1]) if axes and min(axes) > 0 else ()

    def is_named(self, hdu: int | str) -> bool:
        """Whether it is the one of that position or EXTNAME."""
        if isinstance(hdu, int):
            return self.index == hdu
        return self.name.upper() == hdu.strip().upper()


def scan(file: BinaryIO, path: str) -> Iterator[Unit]:
    """Yield the units of an open file.

    Raises
    ------
    BadFrame
        Where a header is cut short or its sizes make no sense.
    """
    offset = index = 0
    while True:
        file.seek(offset)
        header = _read_header(file, path, first=index == 0)
        if header is None:
            return
        cards = _structure(header)
        data = offset + len(header)
        size = _data_size(cards, path)
        yield Unit(index, header, cards, data, size)
        offset = data + size
        index += 1


def _read_header(file: BinaryIO, path: str, *, first: bool) -> bytes | None:
    block = file.read(BLOCK)
    if not first and block[:8] != b"XTENSION":
        return None  # the end, or what has no meaning behind the last unit
    blocks = io.BytesIO()
    while True:
        if len(block) < BLOCK:
            raise BadFrame(path, "is cut short inside a header (no END card)", AGAIN)
        blocks.write(block)
        # Faster than a search: the blanks behind END are everywhere in a header.
        for at in range(0, BLOCK, CARD):
            if block[at : at + 8] == b"END     ":
                return blocks.getvalue()
        if blocks.tell() > _MOST_HEADER:
            raise BadFrame(path, "has a header without END", AGAIN)
        block = file.read(BLOCK)


def _structure(header: bytes) -> Cards:
    cards: Cards = {}
    wanted = _WANTED.get
    for at in range(0, len(header), CARD):
        name = wanted(header[at : at + 8])
        if name and header[at + 8] == _EQUALS and name not in cards:
            cards[name] = _parse(header[at + 9 : at + CARD].decode("latin-1"))
    return cards


def _parse(text: str) -> CardValue:
    text = text.strip()
    if text.startswith("'"):
        return text[1:].split("'", 1)[0].rstrip()
    return parse_value(text.split("/", 1)[0])


def integer(cards: Cards, key: str, path: str) -> int:
    """Return a card that must be an integer.

    Raises
    ------
    BadFrame
        Where it is none.
    """
    value = cards.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadFrame(path, f"header key {key} is {value!r}, an integer is needed")
    return value


def number(cards: Cards, key: str, default: float, path: str) -> float:
    """Return a card that must be a number where it is there.

    Raises
    ------
    BadFrame
        Where it is none.
    """
    value = cards.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFrame(path, f"header key {key} is {value!r}, a number is needed")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise BadFrame(path, f"header key {key} is not finite, a number is needed")
    return found


def _axes(cards: Cards, prefix: str = "") -> list[int]:
    count = cards.get(f"{prefix}NAXIS", 0)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST_AXES:
        return []
    sizes = [cards.get(f"{prefix}NAXIS{k}") for k in range(1, count + 1)]
    return [size for size in sizes if isinstance(size, int)]


def _data_size(cards: Cards, path: str) -> int:
    axes = _axes(cards)
    count = cards.get("NAXIS", 0)
    if isinstance(count, int) and len(axes) < count:
        for axis in range(1, min(count, _MOST_AXES) + 1):
            integer(cards, f"NAXIS{axis}", path)
    if not axes:
        return 0
    size = abs(integer(cards, "BITPIX", path)) // 8
    pixels = 1
    for length in axes:
        pixels *= length
    groups = int(number(cards, "GCOUNT", 1, path))
    size *= groups * (pixels + int(number(cards, "PCOUNT", 0, path)))
    if size < 0:
        raise BadFrame(path, "PCOUNT, GCOUNT or NAXISn is negative", AGAIN)
    if size > LARGEST:
        raise BadFrame(path, f"the header promises {size} bytes of pixels", "correct NAXISn")
    return -(-size // BLOCK) * BLOCK
