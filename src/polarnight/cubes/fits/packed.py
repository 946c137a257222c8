"""Images in compressed files (``.gz``, ``.bz2``) and of compressed tiles (``.fz``)."""

from __future__ import annotations

import bz2
import gzip
import io
import math
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import numpy as np

from polarnight.cubes.fits.layout import check_start
from polarnight.cubes.fits.scan import AGAIN, BLOCK, scan
from polarnight.errors import BadFrame
from polarnight.frames.blocks import LARGEST_BYTES

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.fits.images import StoredImage

__all__ = ["TILED", "decode", "unpacked", "unpacking"]

TILED: Final = -1
"""Offset of an image of tiles. One in a file compressed as a whole has minus the offset that
it has in the plain file, which is more than a header long."""


def unpacking(path: str, start: bytes) -> BinaryIO:
    """Open a compressed file so that reading its first header unpacks no more than that.

    Raises
    ------
    BadFrame
        Where the compression is neither gzip nor bzip2.
    """
    if start.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.open(path, "rb"))
    if start.startswith(b"BZ"):
        return cast("BinaryIO", bz2.open(path, "rb"))
    raise BadFrame(path, "is compressed in a way that is not read", "use gzip, bzip2 or fpack")


def decode(image: StoredImage) -> npt.NDArray[Any]:
    """Return the stored pixels of a compressed image, whole.

    A file that is compressed as a whole is unpacked to its end, where its checksum is; no
    further than its headers promise, and only this image is in memory.

    Raises
    ------
    BadFrame
        Where it is damaged, or unpacks to more than its headers promise.
    """
    path = Path(image.path)
    try:
        with path.open("rb") as file:
            start = file.read(10)
            packed = check_start(start, image.path)
            file.seek(0)
            if packed:
                return _packed(image, start)
            return _tiles(file, image)
    except (MemoryError, BadFrame):
        raise
    except Exception as error:
        # Decoders raise any kind for broken files, some their own; all mean that this is lost.
        raise BadFrame(path, f"cannot be decoded: {error}", "copy the file again") from error


def _packed(image: StoredImage, start: bytes) -> npt.NDArray[Any]:
    """Return an image of a file compressed as a whole."""
    data, end = b"", 0
    with unpacking(image.path, start) as inside:
        for unit in scan(inside, image.path):
            end = unit.offset + unit.size
            if end > LARGEST_BYTES:
                reason = f"the headers promise {end} bytes, more than {LARGEST_BYTES}"
                raise BadFrame(image.path, reason, "unpack the file")
            if unit.index == image.index and image.offset != TILED:
                data = _image_bytes(inside, image, unit.offset)
        # Some writers fill up ten blocks, as tapes had them.
        inside.seek(end)
        if len(inside.read(10 * BLOCK + 1)) > 10 * BLOCK:
            reason = f"unpacks to more than the {end} bytes that its headers promise"
            raise BadFrame(image.path, reason, "copy the file again, or correct NAXISn")
    if image.offset != TILED:
        return np.frombuffer(data, image.format.stored).reshape(image.shape)
    with unpacking(image.path, start) as inside:
        return _tiles(io.BytesIO(inside.read(end)), image)


def _image_bytes(inside: BinaryIO, image: StoredImage, offset: int) -> bytes:
    count = math.prod(image.shape) * image.format.stored.itemsize
    if offset != -image.offset or count > LARGEST_BYTES:
        raise BadFrame(image.path, "has changed since the cube was made", "import it again")
    inside.seek(offset)
    data = inside.read(count)
    if len(data) < count:
        reason = f"is cut short: {len(data)} bytes of pixels, its header promises {count}"
        raise BadFrame(image.path, reason, AGAIN)
    return data


def _tiles(file: BinaryIO, image: StoredImage) -> npt.NDArray[Any]:
    from astropy.io import fits

    # Tiles of no size give a warning before the error.
    with (
        np.errstate(all="ignore"),
        fits.open(
            file,
            mode="readonly",
            memmap=False,
            do_not_scale_image_data=True,
            ignore_blank=True,
            lazy_load_hdus=True,
        ) as hdus,
    ):
        data = np.asarray(hdus[image.index].data)
    if data.shape != image.shape or data.dtype.itemsize != image.format.stored.itemsize:
        msg = f"the tiles hold {data.shape} {data.dtype}"
        raise ValueError(msg)
    return data


class _Unpacked:
    """Pixels of compressed images, decoded once into unnamed files.

    A stack of compressed images is then read in bands like one of plain ones, in bounded
    memory. Images that were not asked for longest give way where too many files are open.
    """

    def __init__(self) -> None:
        self._files: OrderedDict[StoredImage, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._locks: dict[StoredImage, threading.Lock] = {}

    def file(self, image: StoredImage) -> Any:
        """Return the open file of the pixels of an image."""
        with self._lock:
            if image in self._files:
                self._files.move_to_end(image)
                return self._files[image]
            lock = self._locks.setdefault(image, threading.Lock())
        with lock:
            with self._lock:
                if image in self._files:
                    return self._files[image]
            file = self._decoded(image)
            with self._lock:
                self._files[image] = file
                self._locks.pop(image, None)
                while len(self._files) > _most_files():
                    self._files.popitem(last=False)  # closed when the last reader lets it go
            return file

    @staticmethod
    def _decoded(image: StoredImage) -> Any:
        stored = np.ascontiguousarray(decode(image), image.format.stored)
        # Not a context: it is closed when nobody reads it any more.
        file = tempfile.TemporaryFile(prefix="polarnight-")  # noqa: SIM115
        file.write(stored.tobytes())
        file.flush()
        return file


def _most_files() -> int:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1024 if soft == resource.RLIM_INFINITY else max(16, min(1024, soft // 4))


_UNPACKED: Final = _Unpacked()


def unpacked(image: StoredImage) -> Any:
    """Return an open file with the stored pixels of a compressed image from its beginning on."""
    return _UNPACKED.file(image)
