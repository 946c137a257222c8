"""One array on disk in the Zarr format, version 3: plain chunks with a checksum.

Written and read here without the zarr package, which takes longer to import than a cube to
read; any program that reads Zarr reads it. Chunks are not compressed: raw frames and noise
hardly are compressible, and plain ones are read at the speed of the disk. Each ends with the
CRC32C of its bytes (the codec ``crc32c``), so that damage is found when it is read.

The format: https://zarr-specs.readthedocs.io/en/latest/v3/core/
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.errors import CubeError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ZarrArray", "regular"]

_CHECKSUM: Final = 4
_MOST_CHUNKS: Final = 1 << 24
# CRC32C of any bytes with their own CRC32C behind them.
_RESIDUE: Final = 0x48674BC7
_TYPES: Final = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)


@dataclass(frozen=True, slots=True)
class ZarrArray:
    """An array in a directory.

    A target of `polarnight.cubes.running.runner.Runner.fill`, also from other processes.

    Parameters
    ----------
    directory : str
    shape : tuple of int
    dtype : str
        Name of a numpy type.
    chunk : tuple of int
        Shape of the chunks; the last along an axis is cut, and padded on disk.
    """

    directory: str
    shape: tuple[int, ...]
    dtype: str
    chunk: tuple[int, ...]

    anywhere = True

    def __post_init__(self) -> None:
        if self.dtype not in _TYPES:
            raise CubeError(f"arrays of type {self.dtype} are not stored; convert it first")

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return np.dtype(self.dtype).itemsize

    @property
    def chunk_bytes(self) -> int:
        """Size of the file of each chunk."""
        return math.prod(self.chunk) * self.itemsize + _CHECKSUM

    def numbers(self) -> Iterator[tuple[int, ...]]:
        """Yield the numbers of all chunks."""
        counts = (-(-size // step) for size, step in zip(self.shape, self.chunk, strict=True))
        return product(*(range(count) for count in counts))

    def path(self, number: Sequence[int]) -> Path:
        """Return the file of a chunk."""
        return Path(self.directory, "c", *map(str, number))

    def prepare(self) -> None:
        """Make the directories of the chunks."""
        for folder in sorted({self.path(number).parent for number in self.numbers()}):
            folder.mkdir(parents=True, exist_ok=True)
        Path(self.directory).mkdir(parents=True, exist_ok=True)

    def write(self, region: tuple[slice, ...], block: npt.NDArray[Any]) -> None:
        """Write the chunk of a region.

        Raises
        ------
        CubeError
            Where the disk is full or cannot be written.
        """
        import google_crc32c

        number = tuple(part.start // step for part, step in zip(region, self.chunk, strict=True))
        little = np.dtype(self.dtype).newbyteorder("<")
        if block.shape != self.chunk:
            whole = np.zeros(self.chunk, little)
            whole[tuple(slice(size) for size in block.shape)] = block
            block = whole
        data = block.astype(little, copy=False).tobytes()
        checksum = google_crc32c.value(data).to_bytes(_CHECKSUM, "little")
        path = self.path(number)
        try:
            with path.open("wb", buffering=0) as file:
                _write_all(file.fileno(), data)
                _write_all(file.fileno(), checksum)
        except OSError as error:
            raise CubeError(f"{path}: cannot be written: {error.strerror}") from error

    def read(self, number: Sequence[int]) -> npt.NDArray[Any]:
        """Read a chunk, cut to the array; the array is read-only.

        Raises
        ------
        CubeError
            Where it is missing or damaged.
        """
        import google_crc32c

        path = self.path(number)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CubeError(
                f"{path}: cannot be read: {error.strerror}; was the cube deleted? make it again"
            ) from error
        if len(content) != self.chunk_bytes or google_crc32c.value(content) != _RESIDUE:
            raise CubeError(f"{path}: is damaged; delete the cube from the store and make it again")
        little = np.dtype(self.dtype).newbyteorder("<")
        chunk = np.frombuffer(content, little, math.prod(self.chunk)).reshape(self.chunk)
        edges = tuple(
            slice(min(step, size - step * k))
            for k, step, size in zip(number, self.chunk, self.shape, strict=True)
        )
        return chunk[edges].astype(self.dtype, copy=False)

    def box(self, starts: Sequence[int], stops: Sequence[int]) -> npt.NDArray[Any]:
        """Read a part that begins where a chunk begins.

        Raises
        ------
        CubeError
            Where a chunk is missing or damaged.
        """
        ranges = [
            range(start // step, max(-(-stop // step), start // step))
            for start, stop, step in zip(starts, stops, self.chunk, strict=True)
        ]
        if all(len(numbers) == 1 for numbers in ranges):
            return self.read([numbers[0] for numbers in ranges])
        out = np.empty([b - a for a, b in zip(starts, stops, strict=True)], self.dtype)
        for number in product(*ranges):
            at = (k * step - a for k, step, a in zip(number, self.chunk, starts, strict=True))
            piece = self.read(number)
            out[tuple(slice(a, a + n) for a, n in zip(at, piece.shape, strict=True))] = piece
        return out

    def damage(self) -> str | None:
        """Return what is wrong with the chunks as far as their sizes tell, None for nothing."""
        sizes: dict[Path, int] = {}
        for folder, _, names in os.walk(Path(self.directory, "c")):
            for name in names:
                path = Path(folder, name)
                sizes[path] = path.stat().st_size
        if not self.chunk:  # a single number: the file is called c
            with contextlib.suppress(OSError):
                sizes[self.path(())] = self.path(()).stat().st_size
        for number in self.numbers():
            path = self.path(number)
            if sizes.get(path) != self.chunk_bytes:
                found = "is missing" if path not in sizes else f"has {sizes[path]} bytes"
                return f"{path} {found}, {self.chunk_bytes} are needed"
        return None

    def metadata(self, names: Sequence[str], attributes: dict[str, Any]) -> dict[str, Any]:
        """Return what ``zarr.json`` says.

        Parameters
        ----------
        names : sequence of str
            Of the dimensions.
        attributes : dict
            JSON-able.
        """
        dtype = np.dtype(self.dtype)
        fill: Any = {"f": "NaN", "c": ["NaN", "NaN"], "b": False}.get(dtype.kind, 0)
        endian = {} if dtype.itemsize == 1 else {"configuration": {"endian": "little"}}
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": self.dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.chunk)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": fill,
            "codecs": [{"name": "bytes", **endian}, {"name": "crc32c"}],
            "attributes": attributes,
            "dimension_names": list(names),
            "storage_transformers": [],
        }

    @classmethod
    def from_metadata(cls, directory: str | Path, metadata: dict[str, Any]) -> ZarrArray:
        """Return the array that `metadata` described.

        Raises
        ------
        CubeError
            Where it was written by another program in another way.
        """
        try:
            chunk = metadata["chunk_grid"]["configuration"]["chunk_shape"]
            made = cls(
                str(directory), tuple(metadata["shape"]), metadata["data_type"], tuple(chunk)
            )
            _check_sizes(made.shape, made.chunk)
            if [codec["name"] for codec in metadata["codecs"]] != ["bytes", "crc32c"]:
                raise ValueError(metadata["codecs"])
        except (KeyError, TypeError, ValueError) as error:
            raise CubeError(f"{directory}: was not written by Polarnight: {error!r}") from error
        return made

    def save(self, values: npt.NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
        """Write a small array at once, with its ``zarr.json``; return the metadata."""
        self.prepare()
        for number in self.numbers():
            region = tuple(
                slice(k * step, min((k + 1) * step, size))
                for k, step, size in zip(number, self.chunk, self.shape, strict=True)
            )
            self.write(region, values[region])
        metadata = self.metadata(names, {})
        Path(self.directory, "zarr.json").write_text(json.dumps(metadata))
        return metadata


def _check_sizes(shape: tuple[Any, ...], chunk: tuple[Any, ...]) -> None:
    """Refuse sizes that no array has; what reads chunks trusts them.

    Raises
    ------
    ValueError
    """
    whole = all(type(size) is int for size in (*shape, *chunk))
    if not whole or len(shape) != len(chunk) or min((*shape, 0)) < 0 or min((*chunk, 1)) < 1:
        msg = f"shape {shape} in chunks of {chunk}"
        raise ValueError(msg)
    count = math.prod(-(-size // step) for size, step in zip(shape, chunk, strict=True))
    if count > _MOST_CHUNKS:
        msg = f"{count} chunks"
        raise ValueError(msg)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def regular(array: Any) -> Any:
    """Return a dask array whose chunks are alike along each axis, but for the last.

    Arrays that are so already are returned as they are.
    """
    wanted = {}
    for axis, sizes in enumerate(array.chunks):
        if len(set(sizes[:-1])) > 1 or (len(sizes) > 1 and sizes[-1] > sizes[0]):
            wanted[axis] = max(sizes)
    return array.rechunk(wanted) if wanted else array
