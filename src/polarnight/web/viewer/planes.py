"""The pixels of a frame's file, read with bounds and kept in bounded memory."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from polarnight.errors import BadFrame
from polarnight.web.viewer.problems import NotFound

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.frames import Card
    from polarnight.web.viewer.opening import FrameFile
    from polarnight.web.viewer.tiles import Pyramid

__all__ = ["CACHE", "LARGEST_PIXELS", "PLANES", "Image", "ImageCache", "load", "unnamed"]

PLANES: Final = ("sci", "var", "bits")
"""Planes of a frame: values, their variance, and what is wrong with each pixel."""

LARGEST_PIXELS: Final = 1 << 27
"""Pixels of the largest frame that is shown (11585 squared); no camera of ours comes near."""

_LARGEST_UNPACKED: Final = 1 << 30
_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Image:
    """What the viewer needs of a file.

    Attributes
    ----------
    planes : mapping of str to ndarray, shape (ny, nx)
        ``sci`` as stored (integers stay integers unless some are blank), ``var``, ``bits``.
    cards : tuple of Card
        The header, as written.
    header : astropy.io.fits.Header
        The same, for the coordinates.
    version : str
        Of the file.
    """

    planes: Mapping[str, npt.NDArray[Any]]
    cards: tuple[Card, ...]
    header: Header
    version: str
    pyramids: dict[str, Pyramid] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ny, nx = self.planes["sci"].shape
        return ny, nx

    @property
    def nbytes(self) -> int:
        """Memory of the planes; their pyramids take another third."""
        return sum(plane.nbytes for plane in self.planes.values()) * 4 // 3

    def pyramid(self, plane: str) -> Pyramid:
        """Return the pyramid of a plane, made at the first use.

        Raises
        ------
        NotFound
            Where the frame has no such plane.
        """
        from polarnight.web.viewer.tiles import Pyramid

        if plane not in self.planes:
            msg = f"the frame has no plane {plane!r}; it has {', '.join(self.planes)}"
            raise NotFound(msg)
        with self.lock:
            if plane not in self.pyramids:
                self.pyramids[plane] = Pyramid(self.planes[plane], flags=plane == "bits")
            return self.pyramids[plane]


def load(file: FrameFile) -> Image:
    """Read a file, or take it from memory where it is unchanged.

    Raises
    ------
    BadFrame
        Where it is no FITS, damaged, or promises more than `LARGEST_PIXELS`.
    """
    return CACHE.get(file)


class ImageCache:
    """Images by path, time and size; those that were not asked for longest give way.

    Parameters
    ----------
    limit : int
        Bytes of all images together. One that is larger alone is given and not kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._images: OrderedDict[FrameFile, Image] = OrderedDict()
        self._lock = threading.Lock()
        # One file is read at a time, so that many requests do not multiply the memory.
        self._reading = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Memory of what is kept."""
        with self._lock:
            return sum(image.nbytes for image in self._images.values())

    def get(self, file: FrameFile) -> Image:
        """Return the image of a file; errors are those of `load`."""
        found = self._known(file)
        if found is not None:
            return found
        with self._reading:
            found = self._known(file)
            if found is None:
                with unnamed(file):
                    found = _read(file)
                self._keep(file, found)
        return found

    def clear(self) -> None:
        """Forget all images."""
        with self._lock:
            self._images.clear()

    def _known(self, file: FrameFile) -> Image | None:
        with self._lock:
            if file in self._images:
                self._images.move_to_end(file)
            return self._images.get(file)

    def _keep(self, file: FrameFile, image: Image) -> None:
        with self._lock:
            for other in [known for known in self._images if known.path == file.path]:
                del self._images[other]
            if image.nbytes > self.limit:
                return
            self._images[file] = image
            total = sum(kept.nbytes for kept in self._images.values())
            while total > self.limit:
                total -= self._images.popitem(last=False)[1].nbytes


CACHE: Final = ImageCache(400 << 20)
"""The images of this process."""


@contextlib.contextmanager
def unnamed(file: FrameFile) -> Iterator[None]:
    """Tell what is wrong with a file without its path, which concerns no reader."""
    try:
        yield
    except BadFrame as error:
        reason = error.reason.replace(str(file.path), file.path.name)
        raise BadFrame(file.path.name, reason, error.remedy) from error


def _read(file: FrameFile) -> Image:
    from polarnight.cubes.fits.opening import Found, find_images
    from polarnight.cubes.metadata import Metadata
    from polarnight.frames import read_raw

    path = file.path
    _check_unpacked(path)
    chosen: Found | None = None
    units: dict[str, int] = {}
    for found in find_images(path):
        shape = found.image.shape
        if chosen is None and _is_picture(shape):
            _check_size(path, shape)
            chosen, units["sci"] = found, found.image.index
        elif chosen is not None and shape == chosen.image.shape and found.name in ("VAR", "BITS"):
            units[found.name.lower()] = found.image.index
    if chosen is None:
        raise BadFrame(path.name, "holds no two-dimensional image")
    planes, header = {}, None
    for plane, index in units.items():
        raw = read_raw(path, index)
        planes[plane] = _plane(raw.data, raw.blank)
        header = raw.header if header is None else header
    cards = Metadata.from_bytes(chosen.header, chosen.primary).cards
    assert header is not None  # there is a plane `sci`
    return Image(planes, tuple(cards), header, file.version)


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 2 and min(shape[-2:]) > 0 and math.prod(shape[:-2]) == 1


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    if math.prod(shape) > LARGEST_PIXELS:
        raise BadFrame(
            path.name,
            f"promises {shape[-1]} x {shape[-2]} pixels, more than are shown",
            "correct NAXIS1 and NAXIS2",
        )


def _plane(data: npt.NDArray[Any], blank: int | None) -> npt.NDArray[Any]:
    """Return stored values with blank ones as NaN, none wider than a browser can hold."""
    if blank is not None:
        wide = data.astype(np.float32 if data.dtype.itemsize <= 2 else np.float64)
        wide[data == blank] = np.nan
        data = wide
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8:
        data = data.astype(np.float64)
    data = np.ascontiguousarray(data)
    data.setflags(write=False)
    return data


def _check_unpacked(path: Path) -> None:
    """Refuse a compressed file that expands without end, before any of it is kept."""
    import bz2
    import gzip
    import zlib

    with path.open("rb") as file:
        start = file.read(3)
    if start[:2] != b"\x1f\x8b" and start != b"BZh":
        return
    opener: Any = gzip.open if start[:2] == b"\x1f\x8b" else bz2.open
    total = 0
    try:
        with opener(path, "rb") as packed:
            while chunk := packed.read(_CHUNK):
                total += len(chunk)
                if total > min(_LARGEST_UNPACKED, 16 * LARGEST_PIXELS):
                    raise BadFrame(path.name, "the compressed file expands to more than 1 GiB")
    except (OSError, EOFError, zlib.error) as error:
        raise BadFrame(path.name, f"the compressed file is damaged: {error}") from error
