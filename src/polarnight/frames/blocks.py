"""The bare structure of FITS files: header blocks, data sizes, pixel types.

A small reader of our own for plain images, because it is several times faster at start-up than
a general one, says exactly which byte is missing from a damaged file, and never warns from
inside a library. Tile-compressed images go through astropy (`polarnight.frames.reading`).

The standard is described in "Definition of the Flexible Image Transport System", version 4.0
(FITS Working Group 2018).
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from polarnight.errors import BadFrame
from polarnight.frames.cards import CLEAN_BYTES

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["LARGEST_BYTES", "Block", "decode_pixels", "open_plain", "parsing", "walk"]

BLOCK_SIZE = 2880
_CARD_SIZE = 80
_MAX_HEADER_BLOCKS = 4096
LARGEST_BYTES = 1 << 30
"""What a frame may take in memory; cameras make a tenth of it, damaged headers any number."""
_FILLED_UP = 10 * BLOCK_SIZE  # some writers fill up ten blocks, as tapes had them
_BITPIX = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}
_UNSIGNED_ZERO = {16: 1 << 15, 32: 1 << 31, 64: 1 << 63}


@dataclass(frozen=True)
class Block:
    """One header and data unit.

    Attributes
    ----------
    index : int
        Position in the file, from 0.
    header : astropy.io.fits.Header
    offset, size : int
        Of the data, in bytes of the uncompressed file.
    available : int
        Bytes of the data that the file really holds.
    """

    index: int
    header: Header
    offset: int
    size: int
    available: int

    @property
    def name(self) -> str:
        """The EXTNAME keyword."""
        return str(self.header.get("EXTNAME", "")).strip()

    @property
    def is_compressed_image(self) -> bool:
        """Whether the unit is a table of compressed tiles of an image."""
        return bool(self.header.get("ZIMAGE", False))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the image (also of a compressed one), slowest axis first."""
        z = "Z" if self.is_compressed_image else ""
        n = int(self.header.get(f"{z}NAXIS", 0))
        return tuple(int(self.header[f"{z}NAXIS{i}"]) for i in range(n, 0, -1))

    @property
    def unpacked_size(self) -> int:
        """Bytes of the image in memory (also of a compressed one)."""
        z = "Z" if self.is_compressed_image else ""
        return prod(self.shape) * (abs(int(self.header.get(f"{z}BITPIX", 8))) // 8)

    @property
    def is_image(self) -> bool:
        """Whether the unit holds a two-dimensional image (axes of length 1 do not count)."""
        if not self.is_compressed_image and self.header.get("XTENSION", "IMAGE") != "IMAGE":
            return False
        shape = self.shape
        return len(shape) >= 2 and prod(shape) > 0 and prod(shape[:-2]) == 1


def open_plain(path: Path) -> BinaryIO:
    """Open a FITS file for reading, uncompressing ``.gz`` and ``.bz2`` into memory.

    Raises
    ------
    BadFrame
        Where the file is missing, empty, not FITS, or its compression is damaged.
    """
    try:
        if not (path.is_file() or path.is_dir()) and path.exists():
            # A pipe would keep us waiting, a device would never end.
            raise BadFrame(path, "is no regular file")
        handle: BinaryIO = path.open("rb")
        start = handle.read(10)
    except OSError as error:
        raise BadFrame(path, f"cannot be read: {error.strerror}") from error
    handle.seek(0)
    if start[:2] in (b"\x1f\x8b", b"BZ"):
        with handle:
            content = _unpacked(_unpacker(handle, start), path)
        handle = content
        start = handle.read(10)
        handle.seek(0)
    if not start:
        handle.close()
        raise BadFrame(path, "the file is empty", "copy it again from the telescope")
    if not start.startswith(b"SIMPLE  ="):
        handle.close()
        raise BadFrame(path, "not a FITS file: it does not begin with SIMPLE")
    return handle


def _unpacker(handle: BinaryIO, start: bytes) -> gzip.GzipFile | bz2.BZ2File:
    if start.startswith(b"BZ"):
        return bz2.BZ2File(handle)
    return gzip.GzipFile(fileobj=handle)


def _unpacked(packed: Any, path: Path) -> BinaryIO:
    """Return the content of a compressed file; one that expands without end is refused.

    What its headers promise may be there, and some blocks that writers filled up with.
    """
    content = io.BytesIO()
    promised = _FILLED_UP
    try:
        with packed:
            while chunk := packed.read(1 << 22):
                content.write(chunk)
                # What is there is looked at again whenever it is longer than was known of.
                if content.tell() > promised:
                    promised = _promised(content, path) + _FILLED_UP
                if content.tell() > min(promised, LARGEST_BYTES):
                    raise BadFrame(
                        path,
                        f"the compressed file expands to more than the "
                        f"{min(promised - _FILLED_UP, LARGEST_BYTES) >> 10} KiB that its headers "
                        "promise or a frame may have",
                        "copy the file again, or correct NAXISn",
                    )
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadFrame(path, f"the compressed file is damaged: {error}") from error
    content.seek(0)
    return content


def _promised(content: io.BytesIO, path: Path) -> int:
    """Return how long the headers that were unpacked so far say the file is.

    A header whose end is still to come may be as long as headers may be.
    """
    end = 0
    try:
        for unit in walk(content, path):
            end = unit.offset + -(-unit.size // BLOCK_SIZE) * BLOCK_SIZE
    except BadFrame:
        end += _MAX_HEADER_BLOCKS * BLOCK_SIZE
    finally:
        content.seek(0, io.SEEK_END)
    return end


@contextlib.contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Turn a header card that nobody can parse into `BadFrame`, naming its key.

    Astropy parses a card when it is asked for, and then only warns of odd ones.
    """
    from astropy.io.fits import VerifyError
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)
        try:
            yield
        except VerifyError as error:
            reason = str(error).split(",")[0]
            raise BadFrame(path, f"header: {reason}", "correct the card") from error


def walk(handle: BinaryIO, path: Path) -> Iterator[Block]:
    """Yield the header and data units of an open FITS file, one after the other.

    Raises
    ------
    BadFrame
        Where a header is cut short or contradicts the standard.
    """
    end = handle.seek(0, io.SEEK_END)
    position = 0
    index = 0
    while position < end:
        handle.seek(position)
        header, length = _read_header(handle, path, index)
        if header is None:
            return
        offset = position + length
        size = _data_size(header, path)
        if header.get("ZIMAGE", False):
            _lengths(header, path, "Z")
        yield Block(index, header, offset, size, max(0, min(size, end - offset)))
        position = offset + -(-size // BLOCK_SIZE) * BLOCK_SIZE
        index += 1


def decode_pixels(raw: bytes, header: Header, path: Path) -> tuple[npt.NDArray[Any], int | None]:
    """Turn the bytes of an image into an array of its native type.

    Unsigned integers, which FITS stores as signed ones with a BZERO, are exact. Any other
    BSCALE and BZERO give float32 (stored 8 and 16 bits) or float64, with blanks as NaN.

    Returns
    -------
    data : ndarray, shape (ny, nx)
    blank : int or None
        The value of `data` that means no measurement; None where there is none. A BLANK that
        the stored type cannot hold (some cameras write 32768 for 16-bit data) means none.
    """
    bitpix = int(header["BITPIX"])
    ny, nx = int(header["NAXIS2"]), int(header["NAXIS1"])
    stored = np.frombuffer(raw, dtype=f">{_BITPIX[bitpix]}").reshape(ny, nx)
    return scale_pixels(stored, header, path)


def scale_pixels(
    stored: npt.NDArray[Any], header: Header, path: Path
) -> tuple[npt.NDArray[Any], int | None]:
    """Apply BSCALE, BZERO and BLANK to stored values; see `decode_pixels`."""
    native = stored.astype(stored.dtype.newbyteorder("="))
    zero, scale = _number(header, "BZERO", 0.0, path), _number(header, "BSCALE", 1.0, path)
    bits = stored.dtype.itemsize * 8
    if stored.dtype.kind == "f":
        if (zero, scale) != (0.0, 1.0):
            native = native * native.dtype.type(scale) + native.dtype.type(zero)
        return native, None
    blank = _stored_blank(header, stored.dtype)
    if scale == 1.0 and zero == 0.0:
        return native, blank
    if scale == 1.0 and stored.dtype.kind == "i" and zero == _UNSIGNED_ZERO.get(bits):
        # Adding 2^(bits - 1) to a two's complement number is flipping its highest bit.
        unsigned = native.view(f"u{native.dtype.itemsize}")
        unsigned ^= unsigned.dtype.type(_UNSIGNED_ZERO[bits])
        return unsigned, None if blank is None else blank + _UNSIGNED_ZERO[bits]
    if scale == 1.0 and bits == 8 and zero == -128.0:
        signed = (native ^ np.uint8(0x80)).view(np.int8)
        return signed, None if blank is None else blank - 128
    kind = np.float32 if bits <= 16 else np.float64
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (native * np.float64(scale) + zero).astype(kind)
    if blank is not None:
        scaled[native == blank] = np.nan
    return scaled, None


def _stored_blank(header: Header, dtype: np.dtype[Any]) -> int | None:
    blank = header.get("BLANK")
    if isinstance(blank, bool) or not isinstance(blank, int):
        return None
    limits = np.iinfo(dtype)
    return blank if limits.min <= blank <= limits.max else None


def _number(header: Header, key: str, default: float, path: Path) -> float:
    value = header.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFrame(path, f"{key} = {value!r} is not a number")
    return float(value)


def _read_header(handle: BinaryIO, path: Path, index: int) -> tuple[Header | None, int]:
    from astropy.io.fits import Header

    blocks: list[bytes] = []
    while True:
        block = handle.read(BLOCK_SIZE)
        if index > 0 and not blocks and block[:8] != b"XTENSION":
            return None, 0  # special records or padding behind the last unit
        if len(block) < BLOCK_SIZE:
            raise BadFrame(
                path,
                f"truncated: the header of unit {index} ends after "
                f"{len(blocks) * BLOCK_SIZE + len(block)} bytes, before its END",
                "copy it again from the telescope",
            )
        blocks.append(block)
        cards = range(0, BLOCK_SIZE, _CARD_SIZE)
        if any(block[i : i + 8] == b"END     " for i in cards):
            break
        if len(blocks) > _MAX_HEADER_BLOCKS:
            raise BadFrame(path, f"the header of unit {index} has no END")
    text = b"".join(blocks).translate(CLEAN_BYTES).decode("ascii")
    return Header.fromstring(text), len(blocks) * BLOCK_SIZE


def _data_size(header: Header, path: Path) -> int:
    lengths = _lengths(header, path)
    if not lengths:
        return 0
    groups, parameters = _count(header, "GCOUNT", 1, path), _count(header, "PCOUNT", 0, path)
    return abs(int(header["BITPIX"])) // 8 * groups * (parameters + prod(lengths))


def _lengths(header: Header, path: Path, z: str = "") -> list[int]:
    """Return the lengths of the axes after checking pixel type and axes; `z` is of tiles."""
    bitpix = header.get(f"{z}BITPIX")
    if isinstance(bitpix, bool) or not isinstance(bitpix, int) or bitpix not in _BITPIX:
        raise BadFrame(path, f"{z}BITPIX = {bitpix!r} is none of {sorted(_BITPIX)}")
    naxis = header.get(f"{z}NAXIS")
    if isinstance(naxis, bool) or not isinstance(naxis, int) or not 0 <= naxis <= 999:
        raise BadFrame(path, f"{z}NAXIS = {naxis!r} is not a number of axes")
    lengths = []
    for axis in range(1, naxis + 1):
        length = header.get(f"{z}NAXIS{axis}")
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise BadFrame(path, f"{z}NAXIS{axis} = {length!r} is not a length")
        lengths.append(length)
    return lengths


def _count(header: Header, key: str, default: int, path: Path) -> int:
    value = header.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadFrame(path, f"{key} = {value!r} is not a number of things")
    return value
