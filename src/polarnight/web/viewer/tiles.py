"""The pyramid of a plane, cut into tiles.

Level 0 holds the pixels as stored; every next level has half the pixels in each direction,
the mean of the finite ones of 2 x 2 (of flags: all that any of them has).
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from polarnight.web.viewer.problems import NotFound

__all__ = ["TILE", "Pyramid", "Tile", "browser_type", "etag"]

TILE: Final = 256
"""Side of a tile in pixels; those at the upper and right edge are smaller."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile: rows from the bottom of the frame, little-endian values of one type.

    Attributes
    ----------
    data : bytes
    width, height : int
    dtype : str
        Of numpy, such as ``<f4``.
    """

    data: bytes
    width: int
    height: int
    dtype: str


class Pyramid:
    """Levels of a plane, each made of the one below when it is first asked for.

    Parameters
    ----------
    plane : ndarray, shape (ny, nx)
    flags : bool
        Whether values are bits, which are united instead of averaged.
    """

    def __init__(self, plane: npt.NDArray[Any], *, flags: bool = False) -> None:
        self._levels = [plane]
        self._flags = flags
        self._lock = threading.Lock()
        longest = max(plane.shape)
        self.n_levels = 1
        while longest > TILE:
            longest = -(-longest // 2)
            self.n_levels += 1

    def level(self, number: int) -> npt.NDArray[Any]:
        """Return a level, shape (ceil(ny / 2**number), ceil(nx / 2**number)).

        Raises
        ------
        NotFound
            Where there is no such level.
        """
        if not 0 <= number < self.n_levels:
            msg = f"there is no level {number}; there are 0 to {self.n_levels - 1}"
            raise NotFound(msg)
        with self._lock:
            while len(self._levels) <= number:
                halve = _unite if self._flags else _average
                self._levels.append(halve(self._levels[-1]))
            return self._levels[number]

    def tile(self, number: int, column: int, row: int) -> Tile:
        """Return a tile of a level; column 0 and row 0 are at the first pixel.

        Raises
        ------
        NotFound
            Where it lies outside.
        """
        pixels = self.level(number)
        if not (0 <= column <= (pixels.shape[1] - 1) // TILE) or not (
            0 <= row <= (pixels.shape[0] - 1) // TILE
        ):
            msg = f"level {number} has no tile at column {column}, row {row}"
            raise NotFound(msg)
        part = pixels[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
        kind = browser_type(part.dtype)
        return Tile(part.astype(kind).tobytes(), part.shape[1], part.shape[0], kind)

    def dtype(self, number: int) -> str:
        """Return the type of the values of a level, without making it."""
        if number and not self._flags:
            return "<f4"
        return browser_type(self._levels[0].dtype)


def browser_type(dtype: np.dtype[Any]) -> str:
    """Return the little-endian type in which values of `dtype` are sent, all exact."""
    small = f"{dtype.kind}{dtype.itemsize}"
    return small if dtype.itemsize == 1 else f"<{small}"


def etag(version: str, *parts: object) -> str:
    """Return a strong ETag of a response made of a file and some parameters."""
    text = "\n".join([version, *map(str, parts)])
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _quarters(pixels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], list[npt.NDArray[Any]]]:
    """Return where the halved level goes, and the one to four pixels under each of its own."""
    ny, nx = pixels.shape
    target = np.empty((-(-ny // 2), -(-nx // 2)))
    return target, [pixels[dy::2, dx::2] for dy in (0, 1) for dx in (0, 1)]


def _average(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    target, quarters = _quarters(pixels)
    total = np.zeros(target.shape, np.float64 if pixels.dtype.itemsize > 2 else np.float32)
    even = all(quarter.shape == target.shape for quarter in quarters)
    if even and (pixels.dtype.kind != "f" or np.isfinite(pixels).all()):
        for quarter in quarters:
            total += quarter
        return np.asarray(total / 4, np.float32)
    count = np.zeros(target.shape, np.float32)
    for quarter in quarters:
        finite = np.isfinite(quarter)
        part = (slice(quarter.shape[0]), slice(quarter.shape[1]))
        total[part] += np.where(finite, quarter, 0)
        count[part] += finite
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / count, np.float32)  # 0 / 0: no pixel is finite


def _unite(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    target, quarters = _quarters(pixels)
    united = np.zeros(target.shape, pixels.dtype)
    for quarter in quarters:
        united[: quarter.shape[0], : quarter.shape[1]] |= quarter
    return united
