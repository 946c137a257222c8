"""A lazy stack of frames on disk, read in bands of rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from polarnight.cubes.fits.layout import ImageLayout, locate_image
from polarnight.cubes.kernels.files import BandFiles, DecodedFrames
from polarnight.errors import BadFrame

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.kernels.arrays import Addresses, Reader
    from polarnight.frames import Section

__all__ = ["FrameStack"]


class FrameStack:
    """Frames on disk as one lazy array of shape (n, ny, nx).

    Headers are read when the stack is made, pixels only when asked for: plain reads of
    the same rows of all files. Compressed files (``.fz``, ``.gz``) are decoded once, when
    the stack is made, into an unnamed temporary file. Use it as a context manager, or
    call `close`.

    Parameters
    ----------
    paths : iterable of str or Path
        FITS files.
    hdu : int or str, optional
        Number or name of the HDU; by default the first with a two-dimensional image.
    section : Section, optional
        The part of the frames wanted; all by default.

    Attributes
    ----------
    shape : tuple of int
        (n, ny, nx), of the section.
    paths : list of str
    formats : list of PixelFormat
        How the pixels of every frame are stored.

    Raises
    ------
    BadFrame
        Names the file that is missing, empty, no FITS, cut short, or of another shape
        than the first.
    ValueError
        Where there are no paths, or the section lies outside the frames.
    """

    def __init__(
        self,
        paths: Iterable[str | Path],
        *,
        hdu: int | str | None = None,
        section: Section | None = None,
    ) -> None:
        self.paths = [os.fspath(path) for path in paths]
        self._decoded = DecodedFrames()
        self._files: BandFiles | None = None
        if not self.paths:
            msg = "a stack needs at least one frame"
            raise ValueError(msg)
        try:
            self._open([self._locate(path, hdu) for path in self.paths], section)
        except BaseException:
            self.close()
            raise

    @classmethod
    def of_layouts(cls, layouts: Sequence[ImageLayout], section: Section | None = None) -> Self:
        """Return a stack of plain images whose places are known; no header is read.

        Parameters
        ----------
        layouts : sequence of ImageLayout
            At least one.
        section : Section, optional
            The part wanted; all by default.

        Raises
        ------
        BadFrame
            Where a file cannot be opened, or a shape is another than that of the first.
        ValueError
            Where the section lies outside the frames.
        """
        stack = cls.__new__(cls)
        stack.paths = [layout.path for layout in layouts]
        stack._decoded = DecodedFrames()
        stack._files = None
        stack._open(list(layouts), section)
        return stack

    def _open(self, layouts: list[ImageLayout], section: Section | None) -> None:
        self._layouts = layouts
        self._check_shapes()
        self._x0, self._y0, ny, nx = self._place(section)
        self._files = BandFiles([layout.path for layout in self._layouts], self._decoded)
        self.shape: tuple[int, int, int] = (len(self.paths), ny, nx)
        self.formats = [layout.format for layout in self._layouts]

    def _locate(self, path: str, hdu: int | str | None) -> ImageLayout:
        return locate_image(path, hdu) or self._decoded.add(path, hdu)

    def _check_shapes(self) -> None:
        expected = self._layouts[0].shape
        for path, layout in zip(self.paths, self._layouts, strict=True):
            if layout.shape != expected:
                raise BadFrame(
                    path,
                    f"has {layout.shape[0]} rows and {layout.shape[1]} columns, "
                    f"{self.paths[0]} has {expected[0]} and {expected[1]}",
                    "combine frames of one size only",
                )

    def _place(self, section: Section | None) -> tuple[int, int, int, int]:
        ny, nx = self._layouts[0].shape
        if section is None:
            return 0, 0, ny, nx
        if not (0 <= section.x0 < section.x1 <= nx and 0 <= section.y0 < section.y1 <= ny):
            msg = f"{section} lies outside frames of {ny} rows and {nx} columns"
            raise ValueError(msg)
        return section.x0, section.y0, section.y1 - section.y0, section.x1 - section.x0

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type that holds the values of every frame exactly.

        ``uint16`` for 16 bits with BZERO 32768; float32 where pixels may be blank.
        """
        return np.result_type(*{pixels.native for pixels in self.formats})

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        n, ny, nx = self.shape
        return f"<FrameStack of {n} frames, {ny} rows x {nx} columns, {self.dtype}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_files"):
            self.close()

    def close(self) -> None:
        """Close all files; the pixels can no longer be read."""
        if self._files is not None:
            self._files.close()
        self._decoded.close()

    def read(self, y0: int = 0, y1: int | None = None) -> npt.NDArray[Any]:
        """Return rows of all frames.

        Parameters
        ----------
        y0, y1 : int
            First row, and the one after the last; all by default.

        Returns
        -------
        ndarray of `dtype`, shape (n, y1 - y0, nx)
        """
        first, last, _ = slice(y0, y1).indices(self.shape[1])
        rows = self.reader(max(last - first, 1)).stored(first, last)
        out = np.empty((self.shape[0], max(last - first, 0), self.shape[2]), self.dtype)
        for plane, stored, pixels in zip(out, rows, self.formats, strict=True):
            plane[:] = pixels.exact(stored)
        return out

    def frame(self, index: int) -> npt.NDArray[Any]:
        """Return one frame whole in its own native type, shape (ny, nx)."""
        number = range(len(self))[index]
        rows = _StackReader(self, self.shape[1], [number]).stored(0, self.shape[1])
        return self.formats[number].exact(rows[0])

    def reader(self, rows: int) -> Reader:
        """Return a reader of bands of at most `rows` rows, for one thread."""
        return _StackReader(self, rows, list(range(len(self))))


class _StackReader:
    """Reads the same rows of some frames of a stack into a buffer of its own."""

    def __init__(self, stack: FrameStack, rows: int, frames: list[int]) -> None:
        self._stack = stack
        self._frames = np.array(frames)
        layouts = [stack._layouts[k] for k in frames]
        self._dtypes = [layout.format.stored for layout in layouts]
        self._row_bytes = np.array([layout.row_bytes for layout in layouts], np.int64)
        self._offsets = np.array([layout.offset for layout in layouts], np.int64)
        # Beginnings on cache lines, and not all at the same place of a memory page.
        self._stride = (int(self._row_bytes.max()) * rows + 63) // 64 * 64 + 64
        self._buffer = np.empty((len(frames), self._stride), np.uint8)
        starts = self._buffer.ctypes.data + np.arange(len(frames), dtype=np.int64) * self._stride
        sizes = np.array([dtype.itemsize for dtype in self._dtypes], np.int64)
        self._starts = (starts + sizes * stack._x0).astype(np.uint64)

    def _fill(self, y0: int, y1: int) -> None:
        files = self._stack._files
        if files is None:  # never: a stack whose making failed is not handed out
            msg = "the stack has no files"
            raise RuntimeError(msg)
        first = self._offsets + (y0 + self._stack._y0) * self._row_bytes
        files.read(self._frames, first, self._row_bytes * (y1 - y0), self._buffer)

    def addresses(self, y0: int, y1: int) -> Addresses:
        self._fill(y0, y1)
        return self._starts, self._row_bytes

    def stored(self, y0: int, y1: int) -> list[npt.NDArray[Any]]:
        self._fill(y0, y1)
        rows, (x0, nx) = y1 - y0, (self._stack._x0, self._stack.shape[2])
        found = []
        for line, dtype, row_bytes in zip(self._buffer, self._dtypes, self._row_bytes, strict=True):
            block = line[: rows * row_bytes].view(dtype).reshape(rows, -1)
            found.append(block[:, x0 : x0 + nx])
        return found
