"""Cubes as FITS files: written block by block, under their name only when complete."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.cubes.fits.cards import lines_of
from polarnight.cubes.fits.origin import history, provenance_table
from polarnight.cubes.fits.wcs import arranged
from polarnight.cubes.metadata import Metadata
from polarnight.errors import CubeError
from polarnight.frames.atomic import atomic_write
from polarnight.frames.checksum import ones_sum, signed_header, with_checksums

if TYPE_CHECKING:
    import numpy.typing as npt
    from astropy.io.fits import Header

    from polarnight.cubes.cube import Cube
    from polarnight.cubes.running.runner import Runner

__all__ = ["cube_header", "write_fits"]

_BLOCK: Final = 2880
_READ: Final = _BLOCK * 256
# BITPIX, stored type and BZERO of each type.
_STORED: Final = {
    "b1": (8, "u1", 0),
    "u1": (8, "u1", 0),
    "i1": (8, "u1", -(1 << 7)),
    "i2": (16, ">i2", 0),
    "u2": (16, ">i2", 1 << 15),
    "i4": (32, ">i4", 0),
    "u4": (32, ">i4", 1 << 31),
    "i8": (64, ">i8", 0),
    "u8": (64, ">i8", 1 << 63),
    "f2": (-32, ">f4", 0),
    "f4": (-32, ">f4", 0),
    "f8": (-64, ">f8", 0),
}


def write_fits(
    cube: Cube,
    path: str | Path,
    *,
    overwrite: bool = False,
    header: Header | Metadata | Mapping[str, Any] | None = None,
    runner: Runner | None = None,
) -> None:
    """Write a cube as a FITS file, atomically.

    The data are the primary unit (EXTNAME ``SCI``); ``VAR`` and ``BITS`` follow where there
    are any, then ``PROVENANCE``. The first dimension is the slowest axis. All units have
    checksums. Only a few blocks are in memory at a time.

    Parameters
    ----------
    cube : Cube
    path : str or Path
    overwrite : bool
        Whether a file of that name may be replaced.
    header : Header, Metadata or mapping, optional
        Cards to write instead of those of the cube; those on the structure are ignored.
    runner : Runner, optional
        Where the work is done; threads of this process by default.

    Raises
    ------
    CubeError
        Where the file exists and may not be replaced, or the cube is empty.
    OSError
        Where the disk is full or the place cannot be written; nothing is then left behind.
    """
    final = Path(path)
    if final.exists() and not overwrite:
        raise CubeError(f"{final} exists; write it with overwrite=True, or under another name")
    if final.is_dir():
        raise CubeError(f"{final} is a directory; give the name of a file")
    if cube.size == 0 or cube.ndim == 0:
        raise CubeError("the cube is empty or a single value; there is no image to write")
    cards = cube_header(cube, header)
    planes = [(cube.data, cards)]
    if cube.variance is not None:
        planes.append((cube.variance, _plane_header("VAR", cube)))
    if cube.bits is not None:
        planes.append((cube.bits, _plane_header("BITS", cube)))
    table = _table(cube)
    with atomic_write(final) as temporary:
        _write(temporary, planes, table, runner)
        if final.exists() and not overwrite:  # made by somebody else meanwhile
            raise CubeError(f"{final} exists by now; write it under another name")


def cube_header(cube: Cube, cards: Header | Metadata | Mapping[str, Any] | None = None) -> Header:
    """Return the header a cube is written with, without the cards on the structure.

    Parameters
    ----------
    cube : Cube
    cards : Header, Metadata or mapping, optional
        Instead of those of the cube.
    """
    if cards is None:
        metadata = arranged(cube.metadata.derived(), cube.axes)
    elif isinstance(cards, Metadata):
        metadata = cards.derived()
    elif hasattr(cards, "tostring"):
        metadata = Metadata.from_header(cards).derived()
    else:
        metadata = Metadata(cards).derived()
    made = metadata.to_header()
    made["EXTNAME"] = "SCI"
    if cube.unit not in ("", "1"):
        made["BUNIT"] = cube.unit
    axes = ", ".join(f"{dim.name} ({dim.size})" for dim in reversed(cube.dims))
    if any(name != f"NAXIS{cube.ndim - k}" for k, name in enumerate(cube.names)):
        for line in lines_of(f"Axes: {axes}"):
            made.add_history(line)
    for text in history(cube):
        for line in lines_of(text):
            made.add_history(line)
    return made


def _plane_header(name: str, cube: Cube) -> Header:
    from astropy.io.fits import Header

    from polarnight.cubes.units import power_unit
    from polarnight.frames.bits import BIT_DEFINITIONS

    made = Header()
    made["EXTNAME"] = name
    if name == "VAR":
        made["UTYPE"] = ("VarianceUncertainty", "as astropy.nddata names it")
        unit = power_unit(cube.unit, 2)
        if unit not in ("", "1"):
            made["BUNIT"] = unit
    else:
        for position, definition in enumerate(BIT_DEFINITIONS):
            made[f"BIT{position:02d}"] = (definition.name, definition.short)
    return made


def _table(cube: Cube) -> list[bytes | memoryview]:
    from astropy.io import fits

    content = io.BytesIO()
    table = provenance_table(cube)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(content)
    return with_checksums(content.getvalue())[2:]


def _write(
    path: Path,
    planes: list[tuple[Any, Header]],
    table: list[bytes | memoryview],
    runner: Runner | None,
) -> None:
    from polarnight.cubes.running.runner import default_runner

    headers, targets = [], []
    position = 0
    for number, (array, cards) in enumerate(planes):
        header = _structured(array, cards, first=number == 0)
        length = len(signed_header(header, 0))
        targets.append(FitsTarget(str(path), position + length, array.shape, array.dtype))
        headers.append((position, header, length))
        position += length + targets[-1].padded
    with path.open("wb") as file:
        # The space is taken now, so that a full disk is noticed before the work; the padding
        # of the data is zero.
        file.truncate(position)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, position)
        (runner or default_runner()).fill([array for array, _ in planes], targets)
    with path.open("r+b") as file:
        for (start, header, length), target in zip(headers, targets, strict=True):
            file.seek(start + length)
            total, left = 0, target.padded
            while left:
                piece = file.read(min(left, _READ))
                total = ones_sum(piece, total)
                left -= len(piece)
            file.seek(start)
            file.write(signed_header(header, total))
        file.seek(position)
        file.writelines(table)


def _structured(array: Any, cards: Header, *, first: bool) -> bytes:
    """Return a whole header with the cards on the structure in front."""
    from astropy.io.fits import Header

    bitpix, _, zero = _STORED[_code(array.dtype)]
    made = Header()
    if first:
        made["SIMPLE"] = (True, "conforms to FITS standard")
    else:
        made["XTENSION"] = ("IMAGE", "Image extension")
    made["BITPIX"] = (bitpix, "array data type")
    made["NAXIS"] = (array.ndim, "number of array dimensions")
    for axis, size in enumerate(reversed(array.shape), 1):
        made[f"NAXIS{axis}"] = size
    if first:
        made["EXTEND"] = True
    else:
        made["PCOUNT"], made["GCOUNT"] = 0, 1
    if zero:
        made["BSCALE"], made["BZERO"] = 1, zero
    made.extend(cards.cards, unique=False, end=True)
    return made.tostring(padding=True).encode("ascii")  # type: ignore[no-any-return]


def _code(dtype: np.dtype[Any]) -> str:
    code = f"{dtype.kind}{dtype.itemsize}"
    if code not in _STORED:
        raise CubeError(f"values of type {dtype} cannot be written to FITS")
    return code


class FitsTarget:
    """The pixels of one image in a file that is being written.

    Parameters
    ----------
    path : str
    offset : int
        Byte where they begin.
    shape : tuple of int
    dtype : numpy.dtype
        Of the values.
    """

    anywhere = True

    def __init__(
        self, path: str, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.path = path
        self.offset = offset
        self.shape = shape
        _, stored, self.zero = _STORED[_code(dtype)]
        self.stored = np.dtype(stored)

    @property
    def padded(self) -> int:
        """Bytes with the padding behind."""
        size = int(np.prod(self.shape, dtype=np.int64)) * self.stored.itemsize
        return -(-size // _BLOCK) * _BLOCK

    def write(self, region: tuple[slice, ...], block: npt.NDArray[Any]) -> None:
        """Put a block in its place."""
        data = self._to_stored(block)
        starts = [part.indices(size)[0] for part, size in zip(region, self.shape, strict=True)]
        # The longest run of bytes that lie together: axes behind it are whole.
        run = len(self.shape) - 1
        while run > 0 and data.shape[run] == self.shape[run]:
            run -= 1
        steps = [int(np.prod(self.shape[k + 1 :], dtype=np.int64)) for k in range(len(self.shape))]
        first = sum(start * step for start, step in zip(starts, steps, strict=True))
        file = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            for place in itertools.product(*(range(n) for n in data.shape[:run])):
                at = first + sum(k * step for k, step in zip(place, steps, strict=False))
                piece = memoryview(data[place].reshape(-1).view(np.uint8))
                position, done = self.offset + at * self.stored.itemsize, 0
                while done < len(piece):
                    done += os.pwrite(file, piece[done:], position + done)
        finally:
            os.close(file)

    def _to_stored(self, block: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if not self.zero:
            return np.ascontiguousarray(block, self.stored)
        size = self.stored.itemsize
        # Taking half of the range from a number in two's complement turns its highest bit.
        half = np.array([1], f"u{size}") << (8 * size - 1)
        bits = np.bitwise_xor(np.ascontiguousarray(block).view(f"u{size}"), half)
        stored: npt.NDArray[Any] = bits.astype(self.stored.str.replace("i", "u"))
        return stored
