"""What the pixels of a cube are before anything was computed: parts of FITS files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import uuid4

import numpy as np

from polarnight.cubes.fits.images import FileImage
from polarnight.cubes.running.memory import block_rows

if TYPE_CHECKING:
    from dask.array import Array

__all__ = ["FitsView", "Planes", "View", "lazy_array", "row_chunks"]


class Planes(NamedTuple):
    """The arrays of a cube.

    Attributes
    ----------
    data : dask.array.Array
    variance, bits : dask.array.Array or None
    """

    data: Array
    variance: Array | None = None
    bits: Array | None = None


class View(Protocol):
    """Pixels of which nothing was read yet."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Slowest axis first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    @property
    def has_variance(self) -> bool:
        """Whether there is a plane of variances."""

    @property
    def has_bits(self) -> bool:
        """Whether there is a plane of bits."""

    def planes(self) -> Planes:
        """Return lazy arrays."""

    def plane(self, number: int, chunks: tuple[Any, ...]) -> Array | None:
        """Return one of the `planes` read in other blocks; None where that costs more."""

    def cut(self, slices: tuple[slice, ...]) -> View:
        """Return a view of a part; slices have step 1 and lie inside."""


def row_chunks(shape: Sequence[int], itemsize: int, *, whole: bool = False) -> tuple[Any, ...]:
    """Return chunks of bands of whole rows, all other axes undivided.

    Parameters
    ----------
    shape : sequence of int
    itemsize : int
        Of the largest type that arithmetic will make of it.
    whole : bool
        One chunk for everything.
    """
    sizes: list[tuple[int, ...]] = [(n,) for n in shape]
    if whole or len(shape) < 2 or 0 in shape:
        return tuple(sizes)
    ny, nx = shape[-2:]
    depth = int(np.prod(shape[:-2], dtype=np.int64))
    rows = min(ny, block_rows(depth, nx, max(itemsize, 4), ny=ny))
    bands = [rows] * (ny // rows) + ([ny % rows] if ny % rows else [])
    sizes[-2] = tuple(bands)
    return tuple(sizes)


def lazy_array(source: Any, chunks: tuple[Any, ...], kind: str) -> Array:
    """Return a dask array of blocks cut from something that is read when indexed.

    Parameters
    ----------
    source : object
        With shape, dtype, ndim and indexing by slices; can be pickled.
    chunks : tuple
    kind : str
        Beginning of the name of its tasks.
    """
    from polarnight.cubes.running.light import da

    meta = np.empty((0,) * source.ndim, source.dtype)
    return da.from_array(
        source,
        chunks=chunks,
        name=f"{kind}-{uuid4().hex}",
        asarray=False,
        fancy=False,
        inline_array=True,
        meta=meta,
    )


@dataclass(frozen=True, slots=True)
class FitsView:
    """An image of a FITS file, and its variance and bits where the file is one of ours.

    Parameters
    ----------
    values : FileImage
    errors, flags : FileImage, optional
    """

    values: FileImage
    errors: FileImage | None = None
    flags: FileImage | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, slowest axis first."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.values.dtype

    @property
    def has_variance(self) -> bool:
        """Whether there are variances."""
        return self.errors is not None

    @property
    def has_bits(self) -> bool:
        """Whether there are bits."""
        return self.flags is not None or self.values.has_blanks

    @property
    def is_single(self) -> bool:
        """Whether it is one image, without variance and bits of its own."""
        return self.errors is None and self.flags is None

    @property
    def is_plain(self) -> bool:
        """Whether it is one image that is not compressed."""
        return self.is_single and not self.values.image.is_compressed

    @property
    def _bits(self) -> FileImage | None:
        if self.flags is None and self.values.has_blanks:
            return replace(self.values, kind="bits")
        return self.flags

    def plane(self, number: int, chunks: tuple[Any, ...]) -> Array | None:
        """Return one of the `planes` read in other blocks; None where that costs more."""
        image = (self.values, self.errors, self._bits)[number]
        if image is None or image.image.is_compressed:
            return None
        return lazy_array(image, chunks, "fits")

    def planes(self) -> Planes:
        """Return lazy arrays."""
        bits = self._bits
        return Planes(
            _lazy(self.values, "fits"),
            None if self.errors is None else _lazy(self.errors, "fits-variance"),
            None if bits is None else _lazy(bits, "fits-bits"),
        )

    def cut(self, slices: tuple[slice, ...]) -> FitsView:
        """Return the view of a part."""
        parts = [
            None if image is None else image.cut(slices)
            for image in (self.values, self.errors, self.flags)
        ]
        return FitsView(*parts)  # type: ignore[arg-type]


def _lazy(image: FileImage, kind: str) -> Array:
    # A compressed image is decoded whole for every block of it.
    chunks = row_chunks(image.shape, image.dtype.itemsize, whole=image.image.is_compressed)
    return lazy_array(image, chunks, kind)
