"""Reading raw frames: plain, gzipped and tile-compressed FITS, of one or several units."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from polarnight.errors import BadFrame
from polarnight.frames.blocks import (
    LARGEST_BYTES,
    Block,
    decode_pixels,
    open_plain,
    parsing,
    scale_pixels,
    walk,
)
from polarnight.frames.headers import is_structural

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["RawImage", "list_images", "read_header", "read_raw"]


@dataclass(frozen=True)
class RawImage:
    """A raw image as the camera wrote it.

    Attributes
    ----------
    data : ndarray, shape (ny, nx)
        Native type and byte order: uint16 for 16-bit data with a BZERO of 32768, and so on.
    header : astropy.io.fits.Header
        Of the image, completed by what only the primary header says.
    blank : int or None
        The value that means no measurement.
    hdu : int
        Position of the unit in the file, from 0.
    """

    data: npt.NDArray[Any]
    header: Header
    blank: int | None
    hdu: int


def read_raw(path: str | Path, hdu: int | str | None = None) -> RawImage:
    """Read a raw image.

    Parameters
    ----------
    path : str or Path
        Plain FITS, or compressed as ``.gz``, ``.bz2`` or tiles (``.fz``).
    hdu : int or str, optional
        Position or EXTNAME of the unit; by default the first two-dimensional image.

    Returns
    -------
    RawImage

    Raises
    ------
    BadFrame
        Where the file is missing, empty, truncated, not FITS or holds no such image.
    """
    path = Path(path)
    with parsing(path), open_plain(path) as handle:
        block, primary = _select(handle, path, hdu)
        if block.is_compressed_image:
            data, header, blank = _read_tiles(handle, path, block.index)
        else:
            handle.seek(block.offset)
            data, blank = decode_pixels(handle.read(block.size), block.header, path)
            header = block.header
    return RawImage(data, _completed(header, primary), blank, block.index)


def read_header(path: str | Path, hdu: int | str | None = None) -> Header:
    """Read the header of a raw image without its pixels.

    Parameters and errors are those of `read_raw`; a file that ends within its pixels is an
    error here too, so that it is noticed when the night is first looked at.

    Returns
    -------
    astropy.io.fits.Header
        Of the image, completed by what only the primary header says.
    """
    path = Path(path)
    with parsing(path), open_plain(path) as handle:
        block, primary = _select(handle, path, hdu)
        header = block.header
        if block.is_compressed_image:
            header = _tile_header(handle, path, block.index)
    return _completed(header, primary)


def list_images(path: str | Path) -> list[tuple[int, str, tuple[int, int]]]:
    """List the two-dimensional images of a file.

    Returns
    -------
    list of tuple
        ``(position, EXTNAME, (ny, nx))`` of each.

    Raises
    ------
    BadFrame
        Where the file is not readable as FITS.
    """
    path = Path(path)
    with parsing(path), open_plain(path) as handle:
        return [
            (block.index, block.name, (block.shape[-2], block.shape[-1]))
            for block in walk(handle, path)
            if block.is_image
        ]


def _select(handle: BinaryIO, path: Path, hdu: int | str | None) -> tuple[Block, Header]:
    """Return the unit asked for and the primary header."""
    primary = None
    for block in walk(handle, path):
        if primary is None:
            primary = block.header
        if hdu is None:
            chosen = block.is_image
        elif isinstance(hdu, str):
            chosen = block.name.upper() == hdu.upper()
        else:
            chosen = block.index == hdu
        if chosen:
            if not block.is_image:
                raise BadFrame(path, f"unit {hdu!r} is no two-dimensional image: {block.shape}")
            if block.available < block.size:
                raise BadFrame(
                    path,
                    f"truncated: {block.available} of {block.size} bytes of data in unit "
                    f"{block.index}",
                    "copy it again from the telescope",
                )
            if block.unpacked_size > LARGEST_BYTES:
                raise BadFrame(
                    path,
                    f"the header promises {block.shape[-1]} x {block.shape[-2]} pixels, more than "
                    f"{LARGEST_BYTES >> 20} MiB",
                    "correct NAXIS1 and NAXIS2, or copy it again",
                )
            return block, primary
    wanted = "two-dimensional image" if hdu is None else f"unit {hdu!r}"
    raise BadFrame(path, f"the file holds no {wanted}")


def _read_tiles(
    handle: BinaryIO, path: Path, index: int
) -> tuple[npt.NDArray[Any], Header, int | None]:
    from astropy.io import fits

    handle.seek(0)
    try:
        # Tiles of no size give a warning before the error.
        with (
            np.errstate(all="ignore"),
            fits.open(handle, mode="readonly", **_ASTROPY_OPTIONS) as hdus,
        ):
            header = hdus[index].header.copy()
            data = np.asarray(hdus[index].data)
    except MemoryError:
        raise
    except Exception as error:
        # Decoders raise any kind for broken tiles, some their own.
        raise BadFrame(path, f"the compressed tiles cannot be read: {error}") from error
    data = data.reshape(data.shape[-2:])
    scaled, blank = scale_pixels(data, header, path)
    return scaled, header, blank


def _tile_header(handle: BinaryIO, path: Path, index: int) -> Header:
    from astropy.io import fits

    handle.seek(0)
    try:
        with fits.open(handle, mode="readonly", **_ASTROPY_OPTIONS) as hdus:
            return hdus[index].header.copy()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadFrame(path, f"the compressed header cannot be read: {error}") from error


# Stored integers are wanted as they are: the scaling is ours, exact for unsigned ones.
_ASTROPY_OPTIONS: dict[str, Any] = {
    "memmap": False,
    "do_not_scale_image_data": True,
    "ignore_blank": True,
    "lazy_load_hdus": True,
}


def _completed(header: Header, primary: Header) -> Header:
    """Return a copy of the header with the cards that only the primary header has."""
    from astropy.io.fits import VerifyError

    whole = header.copy()
    if header is primary:
        return whole
    for card in primary.cards:
        if card.keyword in ("COMMENT", "HISTORY", "") or is_structural(card.keyword):
            continue
        try:
            if card.keyword not in whole:
                whole.append((card.keyword, card.value, card.comment))
        except VerifyError:
            continue  # an unreadable card of the primary header helps nobody
    return whole
