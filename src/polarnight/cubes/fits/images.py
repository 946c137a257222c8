"""One image of a FITS file as an array that is read when it is indexed."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.fits.formats import PixelFormat
from polarnight.cubes.fits.values import blanks, fill_values, has_blanks, value_dtype
from polarnight.errors import BadFrame
from polarnight.frames.bits import Bit

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FileImage", "StoredImage"]

_CHANGED = "import it again"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """Where the pixels of an image lie.

    Parameters
    ----------
    path : str
    index : int
        Position of the HDU.
    shape : tuple of int
        Slowest axis first.
    format : PixelFormat
    offset : int
        Byte where the pixels begin; negative where file or image is compressed.
    size, mtime_ns : int
        Of the file, which must not change while a view of it is in use.
    """

    path: str
    index: int
    shape: tuple[int, ...]
    format: PixelFormat
    offset: int
    size: int
    mtime_ns: int

    @property
    def is_compressed(self) -> bool:
        """Whether rows cannot be read alone."""
        return self.offset < 0

    def read(self, starts: tuple[int, ...], stops: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return stored pixels of a box.

        Raises
        ------
        BadFrame
            Where the file has changed, or cannot be read.
        """
        if self.is_compressed:
            from polarnight.cubes.fits.packed import decode

            self.check()
            return decode(self)[tuple(map(slice, starts, stops))]
        try:
            # A pipe in its place would keep us waiting.
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise BadFrame(self.path, f"cannot be read: {error.strerror}") from error
        try:
            self._check(os.fstat(file))
            return self._read_plain(file, starts, stops)
        finally:
            os.close(file)

    def read_unpacked(self, starts: tuple[int, ...], stops: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return what `read` returns; a compressed image is decoded only the first time.

        Raises
        ------
        BadFrame
            As `read`.
        """
        if not self.is_compressed:
            return self.read(starts, stops)
        from polarnight.cubes.fits.packed import unpacked

        self.check()
        plain = replace(self, offset=0)
        return plain._read_plain(unpacked(self).fileno(), starts, stops)

    def check(self) -> None:
        """Raise `BadFrame` where the file is gone or has changed."""
        try:
            found = os.stat(self.path)  # noqa: PTH116  (of many files: a Path costs as much)
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            raise BadFrame(self.path, reason, _CHANGED) from error
        self._check(found)

    def _check(self, found: os.stat_result) -> None:
        if (found.st_size, found.st_mtime_ns) != (self.size, self.mtime_ns):
            raise BadFrame(self.path, "has changed since the cube was made", _CHANGED)

    def _read_plain(
        self, file: int, starts: tuple[int, ...], stops: tuple[int, ...]
    ) -> npt.NDArray[Any]:
        """Read the shortest runs of whole lines that hold the box."""
        dtype = self.format.stored
        counts = [stop - start for start, stop in zip(starts, stops, strict=True)]
        out = np.empty(counts, dtype)
        if out.size == 0:
            return out
        # Axes behind the run are read whole; the run itself is one range of the next axis.
        run = len(self.shape) - 1
        while run > 0 and counts[run] == self.shape[run]:
            run -= 1
        run = min(run, len(self.shape) - 2) if len(self.shape) > 1 else 0
        line = int(np.prod(self.shape[run + 1 :], dtype=np.int64))
        outer = [range(a, b) for a, b in zip(starts[:run], stops[:run], strict=True)]
        inner = tuple(map(slice, starts[run + 1 :], stops[run + 1 :]))
        for place in itertools.product(*outer):
            number = 0
            for at, size in zip(place, self.shape[:run], strict=True):
                number = number * size + at
            first = number * self.shape[run] + starts[run]
            lines = np.empty((counts[run], *self.shape[run + 1 :]), dtype)
            self._fill(file, lines, self.offset + first * line * dtype.itemsize)
            target = tuple(at - start for at, start in zip(place, starts[:run], strict=True))
            if lines.shape == out.shape:
                return lines
            out[target] = lines[(slice(None), *inner)]
        return out

    def _fill(self, file: int, out: npt.NDArray[Any], offset: int) -> None:
        pixels: Any = out.reshape(-1).view(np.uint8)
        view, done = memoryview(pixels), 0
        while done < len(view):
            try:
                got = os.preadv(file, [view[done:]], offset + done)
            except OSError as error:
                raise BadFrame(self.path, f"cannot be read: {error.strerror}") from error
            if got == 0:
                raise BadFrame(self.path, "ended early; did it change meanwhile?")
            done += got


@dataclass(frozen=True, slots=True)
class FileImage:
    """The part of an image that a cube shows, for dask to cut blocks from.

    Parameters
    ----------
    image : StoredImage
    starts, stops : tuple of int
        The part, axis by axis.
    kind : {'values', 'bits'}
        The values, or `Bit.NO_DATA` where they are blank.
    """

    image: StoredImage
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    kind: str = "values"

    @classmethod
    def whole(cls, image: StoredImage) -> FileImage:
        """Return the whole of an image."""
        return cls(image, (0,) * len(image.shape), image.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the part."""
        return tuple(b - a for a, b in zip(self.starts, self.stops, strict=True))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.starts)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        if self.kind == "bits":
            return np.dtype(np.uint16)
        return value_dtype(self.image.format)

    @property
    def has_blanks(self) -> bool:
        """Whether pixels may be blank."""
        return has_blanks(self.image.format)

    def cut(self, slices: tuple[slice, ...]) -> FileImage:
        """Return a smaller part; slices have step 1 and lie inside."""
        starts, stops = [], []
        for one, start, size in zip(slices, self.starts, self.shape, strict=True):
            first, last, _ = one.indices(size)
            starts.append(start + first)
            stops.append(start + max(first, last))
        return FileImage(self.image, tuple(starts), tuple(stops), self.kind)

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        """Read; takes a tuple of slices, one for each axis or fewer."""
        given = index if isinstance(index, tuple) else (index,)
        given += (slice(None),) * (self.ndim - len(given))
        inside = tuple(slice(*one.indices(n)[:2]) for one, n in zip(given, self.shape, strict=True))
        part = self.cut(inside)
        stored = self.image.read(part.starts, part.stops)
        if self.kind == "bits":
            flags = blanks(stored, self.image.format).astype(np.uint16)
            np.multiply(flags, np.uint16(Bit.NO_DATA), out=flags)
            found: npt.NDArray[Any] = flags
        else:
            found = fill_values(np.empty(stored.shape, self.dtype), stored, self.image.format)
        steps = tuple(slice(None, None, one.step) for one in given)
        return found[steps]
