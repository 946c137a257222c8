"""Finding the images of a FITS file: from headers alone."""

from __future__ import annotations

import contextlib
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from polarnight.cubes.fits.images import StoredImage
from polarnight.cubes.fits.layout import check_start, pixel_format
from polarnight.cubes.fits.packed import TILED, unpacking
from polarnight.cubes.fits.scan import AGAIN, LARGEST, Cards, Unit, integer, scan
from polarnight.errors import BadFrame
from polarnight.frames.blocks import LARGEST_BYTES

__all__ = ["Found", "find_images", "list_hdus", "open_units"]

_MOST_AXES = 32
_MOST_FIELDS = 999  # of a table of tiles, as the standard has it


@dataclass(frozen=True, slots=True)
class Found:
    """An image and its headers.

    Attributes
    ----------
    image : StoredImage
    name : str
        EXTNAME.
    header, primary : bytes
        Of the image and, where it is another, of the file.
    """

    image: StoredImage
    name: str
    header: bytes
    primary: bytes


def list_hdus(path: str | Path) -> list[tuple[int, str, tuple[int, ...], str]]:
    """List the image HDUs of a file.

    Returns
    -------
    list of tuple
        Position from 0, EXTNAME, shape (slowest axis first) and name of the type of the values.

    Raises
    ------
    BadFrame
        Where the file is missing, empty, no FITS or cut short.
    """
    from polarnight.cubes.fits.values import value_dtype

    return [
        (found.image.index, found.name, found.image.shape, value_dtype(found.image.format).name)
        for found in find_images(path)
    ]


def find_images(path: str | Path) -> Iterator[Found]:
    """Yield the images of a file; no more is read than is asked for.

    Raises
    ------
    BadFrame
        Where the file is missing, empty, no FITS or cut short.
    """
    name = os.fspath(path)
    with _opened(name) as (file, state, packed):
        yield from _images(file, name, state, packed=packed)


@contextlib.contextmanager
def open_units(path: str) -> Iterator[Iterator[Unit]]:
    """Open a file and give its units, of whatever kind.

    Raises
    ------
    BadFrame
        Where the file is missing, empty, no FITS or cut short.
    """
    with _opened(path) as (file, _, packed):
        yield _units(file, path, packed=packed)


@contextlib.contextmanager
def _opened(name: str) -> Iterator[tuple[BinaryIO, os.stat_result, bool]]:
    """Open a file, unpacked; also give its state, and whether it is compressed as a whole."""
    try:
        kind = Path(name).stat().st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            # A pipe would keep us waiting, a device would never end.
            raise BadFrame(name, "is no regular file")
        with Path(name).open("rb") as file:
            state = os.fstat(file.fileno())
            start = file.read(10)
            packed = check_start(start, name)
            if packed:
                with unpacking(name, start) as inside:
                    check_start(inside.read(10), name)
                    yield inside, state, True
            else:
                yield file, state, False
    except OSError as error:
        raise BadFrame(name, f"cannot be read: {error.strerror or error}") from error
    except EOFError as error:
        raise BadFrame(name, f"the compressed file is damaged: {error}", AGAIN) from error


def _units(file: BinaryIO, path: str, *, packed: bool) -> Iterator[Unit]:
    for unit in scan(file, path):
        yield unit
        if packed and (end := unit.offset + unit.size) > LARGEST_BYTES:
            # What follows would have to be unpacked from the beginning.
            reason = (
                f"the headers promise {end} bytes in compressed form, more than {LARGEST_BYTES}"
            )
            raise BadFrame(path, reason, "correct NAXISn, or unpack the file")


def _images(file: BinaryIO, path: str, state: os.stat_result, *, packed: bool) -> Iterator[Found]:
    primary = b""
    for unit in _units(file, path, packed=packed):
        if unit.shape:
            image = _stored(unit, path, state, packed=packed)
            yield Found(image, unit.name, unit.header, primary)
        if not unit.index:
            primary = unit.header


def _stored(unit: Unit, path: str, state: os.stat_result, *, packed: bool) -> StoredImage:
    cards: Cards = unit.cards
    offset = unit.offset
    if unit.is_tiled:
        if not 0 < integer(cards, "TFIELDS", path) <= _MOST_FIELDS:
            raise BadFrame(path, f"header key TFIELDS is {cards['TFIELDS']}", AGAIN)
        cards = {**cards, "BITPIX": cards.get("ZBITPIX")}
        offset = TILED
    elif packed:
        offset = -offset
    if len(unit.shape) > _MOST_AXES:
        raise BadFrame(path, f"has {len(unit.shape)} axes, at most {_MOST_AXES} are read")
    pixels = pixel_format(cards, path)
    size = math.prod(unit.shape) * pixels.stored.itemsize
    if size > LARGEST:
        raise BadFrame(path, f"the header promises {size} bytes of pixels", "correct NAXISn")
    if offset < 0 and size > LARGEST_BYTES:
        reason = f"the header promises {size} bytes in compressed form, more than {LARGEST_BYTES}"
        raise BadFrame(path, reason, "correct NAXISn, or unpack the file")
    end = unit.offset + (unit.size if unit.is_tiled else size)
    if not packed and state.st_size < end - (2880 if unit.is_tiled else 0):
        raise BadFrame(
            path, f"is cut short: {state.st_size} bytes, its header promises {end}", AGAIN
        )
    return StoredImage(
        path, unit.index, unit.shape, pixels, offset, state.st_size, state.st_mtime_ns
    )
