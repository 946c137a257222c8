"""Where the image lies in a FITS file, found without astropy.

A stack of twenty frames should not wait a third of a second for an import, so the few
cards that say where pixels are and what they mean are read here. Compressed files are
left to astropy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from polarnight.cubes.formats import PixelFormat
from polarnight.errors import BadFrame

__all__ = ["ImageLayout", "locate_image"]

_BLOCK = 2880
_CARD = 80
_MOST_AXES = 999
_STORED = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_AGAIN = "copy the file again from its source"

Cards: TypeAlias = dict[str, bool | int | float | str]


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """Place and format of the pixels of one image.

    Parameters
    ----------
    path : str
    shape : tuple of int
        Rows and columns.
    offset : int
        Byte in the file where the pixels begin.
    format : PixelFormat
    """

    path: str
    shape: tuple[int, int]
    offset: int
    format: PixelFormat

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.shape[1] * self.format.stored.itemsize


def locate_image(path: str | Path, hdu: int | str | None = None) -> ImageLayout | None:
    """Find the pixels of an uncompressed image.

    Parameters
    ----------
    path : str or Path
    hdu : int or str, optional
        Number or EXTNAME of the HDU; by default the first with a two-dimensional image.

    Returns
    -------
    ImageLayout or None
        None where the file or the image is compressed.

    Raises
    ------
    BadFrame
        Where the file is missing, empty, no FITS, cut short or holds no such image.
    """
    try:
        with Path(path).open("rb") as file:
            return _search(file, str(path), hdu)
    except OSError as error:
        raise BadFrame(path, f"cannot be read: {error.strerror}") from error


def _search(file: BinaryIO, path: str, hdu: int | str | None) -> ImageLayout | None:
    size = os.fstat(file.fileno()).st_size
    start = file.read(len("SIMPLE  ="))
    if not start:
        raise BadFrame(path, "the file is empty", _AGAIN)
    if start[:2] in {b"\x1f\x8b", b"BZ", b"\x1f\x9d", b"PK"} or start[:6] == b"\xfd7zXZ\x00":
        return None
    if start != b"SIMPLE  =":
        raise BadFrame(path, "is no FITS file: it does not begin with SIMPLE")
    offset = number = 0
    while offset < size:
        file.seek(offset)
        if number and file.read(len("XTENSION")) != b"XTENSION":
            break  # what follows the last HDU has no meaning
        file.seek(offset)
        cards, header_size = _read_cards(file, path)
        data = offset + header_size
        if _wanted(cards, number, hdu):
            if cards.get("ZIMAGE") is True:
                return None
            if hdu is not None or _image_shape(cards):
                return _image(cards, path, data, size)
        offset = data + _data_size(cards, path)
        number += 1
    what = "two-dimensional image" if hdu is None else f"HDU {hdu!r}"
    raise BadFrame(path, f"holds no {what}")


def _wanted(cards: Cards, number: int, hdu: int | str | None) -> bool:
    if hdu is None:
        return True
    if isinstance(hdu, int):
        return number == hdu
    name = str(cards.get("EXTNAME", "PRIMARY" if number == 0 else ""))
    return name.strip().upper() == hdu.strip().upper()


def _read_cards(file: BinaryIO, path: str) -> tuple[Cards, int]:
    """Read one header; returns the cards that matter and the size with padding."""
    cards: Cards = {}
    size = 0
    while True:
        block = file.read(_BLOCK)
        if len(block) < _BLOCK:
            raise BadFrame(path, "is cut short inside a header (no END card)", _AGAIN)
        size += _BLOCK
        for at in range(0, _BLOCK, _CARD):
            keyword = block[at : at + 8].rstrip()
            if keyword == b"END":
                return cards, size
            if block[at + 8 : at + 10] == b"= ":
                text = block[at + 10 : at + _CARD].decode("latin-1")
                cards.setdefault(keyword.decode("latin-1"), _parse(text))


def _parse(text: str) -> bool | int | float | str:
    text = text.strip()
    if text.startswith("'"):
        return text[1:].split("'", 1)[0].rstrip()
    text = text.split("/", 1)[0].strip()
    if text in {"T", "F"}:
        return text == "T"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text.replace("D", "E").replace("d", "e"))
    except ValueError:
        return text


def _integer(cards: Cards, key: str, path: str) -> int:
    value = cards.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadFrame(path, f"header key {key} is {value!r}, an integer is needed")
    return value


def _number(cards: Cards, key: str, default: float, path: str) -> float:
    value = cards.get(key, default)
    if isinstance(value, str | bool):
        raise BadFrame(path, f"header key {key} is {value!r}, a number is needed")
    return float(value)


def _axes(cards: Cards) -> list[int]:
    count = cards.get("NAXIS", 0)
    if not isinstance(count, int) or not 0 <= count <= _MOST_AXES:
        return []
    sizes = [cards.get(f"NAXIS{k}") for k in range(1, count + 1)]
    return [size for size in sizes if isinstance(size, int)]


def _image_shape(cards: Cards) -> tuple[int, int] | None:
    """Shape of the image; further axes of length one are nothing."""
    if cards.get("XTENSION", "IMAGE") != "IMAGE":
        return None
    axes = _axes(cards)
    if len(axes) < 2 or min(axes) < 1 or any(size != 1 for size in axes[2:]):
        return None
    return axes[1], axes[0]


def _data_size(cards: Cards, path: str) -> int:
    axes = _axes(cards)
    if not axes:
        return 0
    size = abs(_integer(cards, "BITPIX", path)) // 8
    pixels = 1
    for length in axes:
        pixels *= length
    groups = int(_number(cards, "GCOUNT", 1, path))
    size *= groups * (pixels + int(_number(cards, "PCOUNT", 0, path)))
    if size < 0:
        raise BadFrame(path, "PCOUNT, GCOUNT or NAXISn is negative", _AGAIN)
    return -(-size // _BLOCK) * _BLOCK


def _image(cards: Cards, path: str, offset: int, size: int) -> ImageLayout:
    shape = _image_shape(cards)
    if shape is None:
        raise BadFrame(path, "the HDU holds no two-dimensional image")
    bitpix = _integer(cards, "BITPIX", path)
    if bitpix not in _STORED:
        raise BadFrame(path, f"header key BITPIX is {bitpix}, which is no FITS type")
    blank = cards.get("BLANK") if bitpix > 0 else None
    pixels = PixelFormat(
        np.dtype(_STORED[bitpix]),
        _number(cards, "BSCALE", 1.0, path),
        _number(cards, "BZERO", 0.0, path),
        blank if isinstance(blank, int) and not isinstance(blank, bool) else None,
    )
    layout = ImageLayout(path, shape, offset, pixels)
    needed = offset + shape[0] * layout.row_bytes
    if size < needed:
        raise BadFrame(path, f"is cut short: {size} bytes, its header promises {needed}", _AGAIN)
    return layout
