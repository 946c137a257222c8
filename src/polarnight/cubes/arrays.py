"""Frames in memory, and what a source of frames is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from polarnight.cubes.formats import PixelFormat

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Addresses", "ArraySource", "Reader", "Source", "per_frame", "plane", "planes"]

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
        self.shape: tuple[int, int, int] = (len(planes), *planes[0].shape)

    def reader(self, rows: int) -> Reader:
        """Return a reader; arrays need no buffer."""
        return _ArrayReader(self.planes)


def _plain(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a plane of a type the kernels know, whose pixels of a row are neighbours."""
    if plane.dtype.kind not in "iuf" or f"{plane.dtype.kind}{plane.dtype.itemsize}" in {
        "u4",
        "u8",
        "f2",
        "f16",
    }:
        plane = plane.astype(np.uint8 if plane.dtype.kind == "b" else np.float32)
    if plane.ndim == 2 and plane.strides[1] != plane.dtype.itemsize:
        plane = np.ascontiguousarray(plane)
    return plane


class _ArrayReader:
    def __init__(self, planes: list[npt.NDArray[Any]]) -> None:
        self._planes = planes
        self._first = np.array([plane.ctypes.data for plane in planes], np.uint64)
        self._strides = np.array([plane.strides[0] for plane in planes], np.int64)

    def addresses(self, y0: int, y1: int) -> Addresses:
        return self._first + (self._strides * y0).astype(np.uint64), self._strides

    def stored(self, y0: int, y1: int) -> list[npt.NDArray[Any]]:
        return [plane[y0:y1] for plane in self._planes]


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
    given: float | Sequence[float] | npt.NDArray[Any], name: str, n: int
) -> npt.NDArray[np.float32]:
    """Return a number for each of n frames, finite float32.

    Raises
    ------
    ValueError
        Where there are not one or n, or one is not finite.
    """
    numbers = np.asarray(given, np.float64)
    if numbers.shape not in {(), (n,)} or not np.isfinite(numbers).all():
        msg = f"{name} must be one finite number, or {n} of them"
        raise ValueError(msg)
    return np.ascontiguousarray(np.broadcast_to(numbers, (n,)), dtype=np.float32)
