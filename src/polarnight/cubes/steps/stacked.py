"""Many FITS images of one shape as one lazy stack, read band by band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.fits.images import FileImage
from polarnight.cubes.fits.layout import ImageLayout
from polarnight.cubes.fits.values import blanks, fill_values
from polarnight.cubes.kernels.stack import FrameStack
from polarnight.cubes.views import FitsView, Planes, View, lazy_array, row_chunks
from polarnight.frames.bits import Bit
from polarnight.frames.info import Section

if TYPE_CHECKING:
    import numpy.typing as npt
    from dask.array import Array

__all__ = ["StackImage", "StackView"]


@dataclass(frozen=True, slots=True)
class StackImage:
    """The same part of many images, for dask to cut blocks from.

    Parameters
    ----------
    images : tuple of FileImage
        Of one shape.
    kind : {'values', 'bits'}
    """

    images: tuple[FileImage, ...]
    kind: str = "values"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, slowest axis first."""
        return (len(self.images), *self.images[0].shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.images[0].ndim + 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        if self.kind == "bits":
            return np.dtype(np.uint16)
        return np.result_type(*{image.dtype for image in self.images})

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        given = index if isinstance(index, tuple) else (index,)
        given += (slice(None),) * (self.ndim - len(given))
        sizes = self.shape
        inside = tuple(slice(*one.indices(n)[:2]) for one, n in zip(given, sizes, strict=True))
        box = inside[1:]
        parts = [image.cut(box) for image in self.images[inside[0]]]
        shape = (len(parts), *(max(0, one.stop - one.start) for one in box))
        out = np.empty(shape, self.dtype)
        for plane, part, stored in zip(out, parts, _stored(parts), strict=True):
            if self.kind == "bits":
                np.multiply(blanks(stored, part.image.format), np.uint16(Bit.NO_DATA), out=plane)
            else:
                fill_values(plane, stored, part.image.format)
        return out[tuple(slice(None, None, one.step) for one in given)]


def _stored(parts: list[FileImage]) -> Iterator[npt.NDArray[Any]]:
    """Yield the stored pixels of parts of images; of plain ones all are read at once."""
    first = parts[0] if parts else None
    alike = first is not None and all(
        not part.image.is_compressed
        and part.ndim == 2
        and part.starts == first.starts
        and part.image.shape == first.image.shape
        for part in parts
    )
    if first is None or not alike or 0 in first.shape:
        for part in parts:
            yield part.image.read_unpacked(part.starts, part.stops)
        return
    layouts = []
    for part in parts:
        one = part.image
        one.check()
        layouts.append(ImageLayout(one.path, (one.shape[0], one.shape[1]), one.offset, one.format))
    (y0, x0), (y1, x1) = first.starts, first.stops
    with FrameStack.of_layouts(layouts, Section(x0, x1, y0, y1)) as stack:
        yield from stack.reader(y1 - y0).stored(0, y1 - y0)


@dataclass(frozen=True, slots=True)
class StackView:
    """A stack of images that have no variance and no bits of their own.

    Parameters
    ----------
    images : tuple of FileImage
    """

    images: tuple[FileImage, ...]

    @classmethod
    def of(cls, views: Sequence[View | None]) -> StackView | None:
        """Return the stack of single images; None where one is anything else."""
        images = []
        for view in views:
            if not isinstance(view, FitsView) or not view.is_single:
                return None
            images.append(view.values)
        return cls(tuple(images))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, slowest axis first."""
        return (len(self.images), *self.images[0].shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return StackImage(self.images).dtype

    @property
    def has_variance(self) -> bool:
        """Whether there are variances."""
        return False

    @property
    def has_bits(self) -> bool:
        """Whether there are bits."""
        return any(image.has_blanks for image in self.images)

    def planes(self) -> Planes:
        """Return lazy arrays."""
        image = StackImage(self.images)
        chunks = row_chunks(self.shape, image.dtype.itemsize)
        bits = StackImage(self.images, "bits") if self.has_bits else None
        return Planes(
            lazy_array(image, chunks, "stack"),
            None,
            None if bits is None else lazy_array(bits, chunks, "stack-bits"),
        )

    def plane(self, number: int, chunks: tuple[Any, ...]) -> Array | None:
        """Return one of the `planes` read in other blocks; None where that costs more."""
        if number == 1 or len(chunks[0]) > 1:
            return None
        return lazy_array(
            StackImage(self.images, "values" if number == 0 else "bits"), chunks, "stack"
        )

    def cut(self, slices: tuple[slice, ...]) -> StackView:
        """Return the view of a part."""
        return StackView(tuple(image.cut(slices[1:]) for image in self.images[slices[0]]))
