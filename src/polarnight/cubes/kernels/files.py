"""Open files of a stack, and the unnamed file of those that were compressed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight._native import library
from polarnight.cubes.fits.formats import PixelFormat
from polarnight.cubes.fits.layout import ImageLayout
from polarnight.errors import BadFrame

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["BandFiles", "DecodedFrames"]


def _most_open() -> int:
    """Return how many files a stack may hold open, leaving the process its half."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 4096 if soft == resource.RLIM_INFINITY else max(16, min(4096, soft // 2))


class DecodedFrames:
    """Pixels of compressed frames, decoded once into a file without a name.

    So a stack of many compressed frames needs no more memory than of plain ones.
    """

    def __init__(self) -> None:
        self.descriptor = -1
        self._end = 0

    def close(self) -> None:
        """Give the space back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def add(self, path: str, hdu: int | str | None) -> ImageLayout:
        """Decode one frame.

        Returns
        -------
        ImageLayout
            With an empty path: the pixels lie in this file.

        Raises
        ------
        BadFrame
            Where the frame cannot be decoded or holds no such image.
        """
        stored, pixels = _decode(path, hdu)
        if self.descriptor < 0:
            self.descriptor, name = tempfile.mkstemp(prefix="polarnight-")
            Path(name).unlink()
        offset = self._end
        data = memoryview(np.ascontiguousarray(stored).tobytes())
        done = 0
        while done < len(data):
            done += os.pwrite(self.descriptor, data[done:], offset + done)
        # Pages begin where pages of the file begin: reads then copy whole ones.
        self._end = (offset + len(data) + 4095) // 4096 * 4096
        ny, nx = stored.shape
        return ImageLayout("", (ny, nx), offset, pixels)


def _decode(path: str, hdu: int | str | None) -> tuple[npt.NDArray[Any], PixelFormat]:
    """Return the pixels of a compressed image as stored, and their format."""
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False, do_not_scale_image_data=True) as hdus:
            for candidate in hdus if hdu is None else [hdus[hdu]]:
                data = candidate.data if candidate.is_image else None
                if data is None or data.ndim < 2 or data.size != data.shape[-1] * data.shape[-2]:
                    continue
                header = candidate.header
                pixels = PixelFormat(
                    data.dtype,
                    float(header.get("BSCALE", 1.0)),
                    float(header.get("BZERO", 0.0)),
                    header.get("BLANK") if data.dtype.kind in "iu" else None,
                )
                return data.reshape(data.shape[-2:]), pixels
    except MemoryError:
        raise
    except Exception as error:
        # Decoders raise any kind for broken files, some their own; all mean that this is lost.
        raise BadFrame(path, f"cannot be decoded: {error}", "copy the file again") from error
    raise BadFrame(path, "holds no two-dimensional image")


class BandFiles:
    """Files held open for reading pieces of all of them.

    Parameters
    ----------
    paths : list of str
        An empty path stands for the file of decoded frames.
    decoded : DecodedFrames

    Raises
    ------
    BadFrame
        Where a file cannot be opened, now or later, or turns out shorter than it was.
    """

    def __init__(self, paths: list[str], decoded: DecodedFrames) -> None:
        self._paths = paths
        self._own: list[int] = []
        self._closed = False
        budget = _most_open()
        numbers = []
        try:
            for path in paths:
                if not path:
                    numbers.append(decoded.descriptor)
                elif len(self._own) < budget:
                    self._own.append(_open(path))
                    numbers.append(self._own[-1])
                else:
                    numbers.append(-1)
        except BadFrame:
            self.close()
            raise
        self._numbers = np.array(numbers, np.int32)

    def close(self) -> None:
        """Close them."""
        self._closed = True
        while self._own:
            os.close(self._own.pop())

    def read(
        self,
        files: npt.NDArray[np.intp],
        offsets: npt.NDArray[np.int64],
        sizes: npt.NDArray[np.int64],
        out: npt.NDArray[np.uint8],
    ) -> None:
        """Read `sizes` bytes at `offsets` of some files into the rows of `out`."""
        if self._closed:
            msg = "the stack is closed"
            raise ValueError(msg)
        numbers = self._numbers[files]
        if (numbers >= 0).all():
            self._read_open(files, numbers, offsets, sizes, out)
            return
        # More files than may be open: the rest are opened for this one read, a few at once.
        for first in range(0, len(files), 16):
            part = slice(first, first + 16)
            some, visitors = numbers[part].copy(), []
            try:
                for k in np.flatnonzero(some < 0):
                    visitors.append(_open(self._paths[files[part][k]]))
                    some[k] = visitors[-1]
                self._read_open(files[part], some, offsets[part], sizes[part], out[part])
            finally:
                for number in visitors:
                    os.close(number)

    def _read_open(
        self,
        files: npt.NDArray[np.intp],
        numbers: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int64],
        sizes: npt.NDArray[np.int64],
        out: npt.NDArray[np.uint8],
    ) -> None:
        kernels = library()
        if kernels is not None and sizes.min() == sizes.max():
            short = kernels.pn_read_bands(
                len(numbers),
                numbers.ctypes.data,
                offsets.ctypes.data,
                int(sizes[0]),
                out.ctypes.data,
                out.strides[0],
            )
        else:
            short = _read_one_by_one(numbers, offsets, sizes, out)
        if short >= 0:
            path = self._paths[files[short]] or "decoded frame"
            raise BadFrame(path, "ended early or could not be read; did it change meanwhile?")


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BadFrame(path, f"cannot be read: {error.strerror}") from error


def _read_one_by_one(
    numbers: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint8],
) -> int:
    for k, (number, offset, size) in enumerate(zip(numbers, offsets, sizes, strict=True)):
        view, done = memoryview(out[k]), 0
        while done < size:
            try:
                got = os.preadv(int(number), [view[done : int(size)]], int(offset) + done)
            except OSError:
                return k
            if got == 0:
                return k
            done += got
    return -1
