"""Frames in memory, and what a source of frames is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from polarnight.cubes.fits.formats import PixelFormat

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Addresses",
    "ArraySource",
    "Reader",
    "Source",
    "WideSource",
    "per_frame",
    "plane",
    "planes",
]

Addresses: TypeAlias = "tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]"


class Reader(Protocol):
    """Bands of rows of all frames, for one thread; owns its buffer."""

    def addresses(self, y0: int, y1: int) -> Addresses:
        """Return where rows begin in memory and how far apart they are, frame by frame.

        Valid until the next call.
        """

    def stored(self, y0: int, y1: int) -> list[npt.NDArray[Any]]:
        """Return the rows as stored, frame by frame; valid until the next call."""


class Source(Protocol):
    """Frames of one shape, from which bands are read."""

    shape: tuple[int, int, int]
    formats: list[PixelFormat]

    def reader(self, rows: int) -> Reader:
        """Return a reader of bands of at most `rows` rows."""


class ArraySource:
    """Frames in memory.

    Parameters
    ----------
    arrays : ndarray, shape (n, ny, nx), or sequence of ndarrays, shape (ny, nx)
        Any integer or floating type, any byte order; may be memory maps.

    Raises
    ------
    ValueError
        Where there is no frame, or shapes differ.
    """

    def __init__(self, arrays: npt.NDArray[Any] | Sequence[npt.NDArray[Any]]) -> None:
        self._whole: npt.NDArray[Any] | None = None
        if isinstance(arrays, np.ndarray) and arrays.ndim == 3 and len(arrays):
            # One look at all planes: there may be thousands.
            self._whole = whole = _plain(arrays)
            self.planes = list(whole)
            self.formats = [PixelFormat(whole.dtype)] * len(whole)
            self.shape: tuple[int, int, int] = whole.shape
            return
        planes = [_plain(np.asanyarray(plane)) for plane in arrays]
        if not planes:
            msg = "there is no frame to combine"
            raise ValueError(msg)
        for k, plane in enumerate(planes):
            if plane.ndim != 2 or plane.shape != planes[0].shape:
                msg = f"frame {k} has shape {plane.shape}, frame 0 has {planes[0].shape}"
                raise ValueError(msg)
        self.planes = planes
        self.formats = [PixelFormat(plane.dtype) for plane in planes]
        self.shape = (len(planes), *planes[0].shape)

    def reader(self, rows: int) -> Reader:
        """Return a reader; arrays need no buffer."""
        return _ArrayReader(self.planes, self._whole)


def _plain(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a plane of a type the kernels know, whose pixels of a row are neighbours."""
    if plane.dtype.kind not in "iuf" or f"{plane.dtype.kind}{plane.dtype.itemsize}" in {
        "u4",
        "u8",
        "f2",
        "f16",
    }:
        plane = plane.astype(np.uint8 if plane.dtype.kind == "b" else np.float32)
    if plane.ndim in (2, 3) and plane.strides[-1] != plane.dtype.itemsize:
        plane = np.ascontiguousarray(plane)
    return plane


class _ArrayReader:
    def __init__(self, planes: list[npt.NDArray[Any]], whole: npt.NDArray[Any] | None) -> None:
        self._planes = planes
        if whole is None:
            self._first = np.array([plane.ctypes.data for plane in planes], np.uint64)
            self._strides = np.array([plane.strides[0] for plane in planes], np.int64)
        else:
            steps = np.arange(len(whole), dtype=np.int64) * whole.strides[0]
            self._first = (whole.ctypes.data + steps).astype(np.uint64)
            self._strides = np.full(len(whole), whole.strides[1], np.int64)

    def addresses(self, y0: int, y1: int) -> Addresses:
        return self._first + (self._strides * y0).astype(np.uint64), self._strides

    def stored(self, y0: int, y1: int) -> list[npt.NDArray[Any]]:
        return [plane[y0:y1] for plane in self._planes]


class WideSource:
    """The frames of another source as float64, each value exact where float64 holds it.

    Parameters
    ----------
    source : Source
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.shape = source.shape
        self.formats = [PixelFormat(np.dtype(np.float64))] * source.shape[0]

    def reader(self, rows: int) -> Reader:
        """Return a reader with a buffer of its own."""
        return _WideReader(self._source, rows)


class _WideReader:
    def __init__(self, source: Source, rows: int) -> None:
        self._reader = source.reader(rows)
        self._formats = source.formats
        n, _, nx = source.shape
        self._buffer = np.empty((n, rows, nx), np.float64)

    def stored(self, y0: int, y1: int) -> list[npt.NDArray[Any]]:
        planes = self._buffer[:, : y1 - y0]
        rows = self._reader.stored(y0, y1)
        for plane, stored, pixels in zip(planes, rows, self._formats, strict=True):
            plane[:] = pixels.exact(stored)
        return list(planes)

    def addresses(self, y0: int, y1: int) -> Addresses:
        planes = self.stored(y0, y1)
        first = np.array([plane.ctypes.data for plane in planes], np.uint64)
        return first, np.array([plane.strides[0] for plane in planes], np.int64)


def plane(
    given: npt.ArrayLike | None, name: str, shape: tuple[int, int], dtype: Any = np.float32
) -> npt.NDArray[Any] | None:
    """Return one plane in the type and order of the kernels.

    Raises
    ------
    ValueError
        Where the shape differs.
    """
    if given is None:
        return None
    array = np.ascontiguousarray(given, dtype=dtype)
    if array.shape != shape:
        msg = f"{name} has shape {array.shape}, the frames have {shape}"
        raise ValueError(msg)
    return array


def planes(
    given: npt.NDArray[Any] | Sequence[npt.NDArray[Any] | None] | None,
    name: str,
    shape: tuple[int, int, int],
    dtype: Any,
) -> list[npt.NDArray[Any] | None] | None:
    """Return one plane for each frame; a single plane serves all.

    Raises
    ------
    ValueError
        Where the number of planes or a shape differs.
    """
    if given is None:
        return None
    n, ny, nx = shape
    if isinstance(given, np.ndarray) and given.ndim == 2:
        return [plane(given, name, (ny, nx), dtype)] * n
    if len(given) != n:
        msg = f"{name} has {len(given)} planes, there are {n} frames"
        raise ValueError(msg)
    return [plane(one, f"{name}[{k}]", (ny, nx), dtype) for k, one in enumerate(given)]


def per_frame(
    given: float | Sequence[float] | npt.NDArray[Any], name: str, n: int, dtype: Any = np.float32
) -> npt.NDArray[Any]:
    """Return a number for each of n frames, finite.

    Raises
    ------
    ValueError
        Where there are not one or n, or one is not finite.
    """
    numbers = np.asarray(given, np.float64)
    if numbers.shape not in {(), (n,)} or not np.isfinite(numbers).all():
        msg = f"{name} must be one finite number, or {n} of them"
        raise ValueError(msg)
    return np.ascontiguousarray(np.broadcast_to(numbers, (n,)), dtype=dtype)
