"""Where the image lies in a FITS file, found without astropy.

A stack of twenty frames should not wait a third of a second for an import, so the few
cards that say where pixels are and what they mean are read here. Compressed files are
left to astropy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from polarnight.cubes.fits.formats import PixelFormat
from polarnight.cubes.fits.scan import AGAIN, Cards, Unit, integer, number, scan
from polarnight.errors import BadFrame

__all__ = ["ImageLayout", "check_start", "locate_image", "pixel_format"]

_STORED = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_PACKED = (b"\x1f\x8b", b"BZ", b"\x1f\x9d", b"PK", b"\xfd7zXZ\x00")


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


def check_start(start: bytes, path: str) -> bool:
    """Whether a file that begins so is compressed as a whole.

    Raises
    ------
    BadFrame
        Where it is empty or no FITS.
    """
    if not start:
        raise BadFrame(path, "the file is empty", AGAIN)
    if start.startswith(_PACKED):
        return True
    if not start.startswith(b"SIMPLE  ="):
        raise BadFrame(path, "is no FITS file: it does not begin with SIMPLE")
    return False


def pixel_format(cards: Cards, path: str) -> PixelFormat:
    """Return how the pixels of an image are stored.

    Raises
    ------
    BadFrame
        Where BITPIX, BSCALE or BZERO make no sense.
    """
    bitpix = integer(cards, "BITPIX", path)
    if bitpix not in _STORED:
        raise BadFrame(path, f"header key BITPIX is {bitpix}, which is no FITS type")
    blank = cards.get("BLANK") if bitpix > 0 else None
    return PixelFormat(
        np.dtype(_STORED[bitpix]),
        number(cards, "BSCALE", 1.0, path),
        number(cards, "BZERO", 0.0, path),
        blank if isinstance(blank, int) and not isinstance(blank, bool) else None,
    )


def _search(file: BinaryIO, path: str, hdu: int | str | None) -> ImageLayout | None:
    size = os.fstat(file.fileno()).st_size
    if check_start(file.read(9), path):
        return None
    for unit in scan(file, path):
        if hdu is not None and not unit.is_named(hdu):
            continue
        if unit.is_tiled:
            return None
        if hdu is not None or _plane(unit):
            return _image(unit, path, size)
    what = "two-dimensional image" if hdu is None else f"HDU {hdu!r}"
    raise BadFrame(path, f"holds no {what}")


def _plane(unit: Unit) -> tuple[int, int] | None:
    """Shape of the image; further axes of length one are nothing."""
    shape = unit.shape
    if len(shape) < 2 or any(size != 1 for size in shape[:-2]):
        return None
    return shape[-2], shape[-1]


def _image(unit: Unit, path: str, size: int) -> ImageLayout:
    shape = _plane(unit)
    if shape is None:
        raise BadFrame(path, "the HDU holds no two-dimensional image")
    layout = ImageLayout(path, shape, unit.offset, pixel_format(unit.cards, path))
    needed = unit.offset + shape[0] * layout.row_bytes
    if size < needed:
        raise BadFrame(path, f"is cut short: {size} bytes, its header promises {needed}", AGAIN)
    return layout
