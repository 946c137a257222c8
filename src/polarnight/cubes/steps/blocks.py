"""Reductions of one block of a cube: what a task does, in one thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.fits.layout import ImageLayout
from polarnight.cubes.kernels.combine import Combined
from polarnight.cubes.kernels.stack import FrameStack
from polarnight.cubes.kernels.statistics import describe_frames
from polarnight.cubes.steps.reduction import Reduced, Reduction
from polarnight.cubes.steps.spread import completed
from polarnight.cubes.steps.turning import as_frames
from polarnight.cubes.steps.whole import EXACT, is_long, reduce_whole
from polarnight.frames.bits import UNUSABLE
from polarnight.frames.info import Section

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.fits.images import FileImage

__all__ = ["can_stream", "reduce_block", "reduce_files"]


def reduce_block(
    reduction: Reduction,
    data: npt.NDArray[Any],
    variance: npt.NDArray[Any] | None = None,
    bits: npt.NDArray[np.uint16] | None = None,
    bias: npt.NDArray[Any] | None = None,
    dark: npt.NDArray[Any] | None = None,
    bias_variance: npt.NDArray[Any] | None = None,
    dark_variance: npt.NDArray[Any] | None = None,
) -> Reduced:
    """Reduce a block.

    Parameters
    ----------
    reduction : Reduction
    data, variance, bits : ndarray
        Of one shape, whole along the axis.
    bias, dark, bias_variance, dark_variance : ndarray, optional
        Of that shape without the axis.

    Returns
    -------
    Reduced
    """
    shape = tuple(n for k, n in enumerate(data.shape) if k != reduction.axis)
    frames = as_frames(data, reduction.axis)
    n, size = len(frames), reduction.size or len(frames)
    errors, flags = (
        None if plane is None else as_frames(plane, reduction.axis) for plane in (variance, bits)
    )
    if n == size:
        masters: list[Any] = [
            None if one is None else one.reshape(frames.shape[1:])
            for one in (bias, dark, bias_variance, dark_variance)
        ]
        made = [_one(reduction, slice(0, n), frames, errors, flags, *masters)]
        return reduction.finished(made, shape)
    columns = [None if p is None else p.reshape(n, -1) for p in (frames, errors, flags)]
    masters = [
        None if one is None else one.reshape(1, -1)
        for one in (bias, dark, bias_variance, dark_variance)
    ]
    whole = n // size * size
    alike = all(np.ndim(value) == 0 for value in reduction.scales.values())
    made = []
    # Groups of one size are rows of one image: frame k has element k of every group.
    batches = [(0, whole, size)] if alike else [(a, a + size, size) for a in range(0, whole, size)]
    if whole < n:
        batches.append((whole, n, n - whole))
    for first, last, step in batches:
        if first == last:
            continue
        rows = (last - first) // step
        parts: list[Any] = [
            None if plane is None else [plane[first + k : last : step] for k in range(step)]
            for plane in columns
        ]
        wide = [
            None if one is None else np.broadcast_to(one, (rows, one.shape[1])) for one in masters
        ]
        made.append(_one(reduction, slice(first, last), *parts, *wide))
    return reduction.finished(made, shape)


def _one(
    reduction: Reduction,
    group: slice,
    frames: npt.NDArray[Any] | list[npt.NDArray[Any]],
    variance: npt.NDArray[Any] | list[npt.NDArray[Any]] | None,
    bits: npt.NDArray[Any] | list[npt.NDArray[Any]] | None,
    bias: npt.NDArray[Any] | None,
    dark: npt.NDArray[Any] | None,
    *errors: npt.NDArray[Any] | None,
) -> Combined:
    """Reduce the same number of frames everywhere."""
    scales = reduction.scales_of(group)
    found = describe_frames(
        frames,
        reduction.operation,
        bias=bias,
        dark=dark,
        bits=bits,
        variance=variance,
        threads=1,
        **scales,
    )
    known = variance is not None
    found = completed(found, reduction, len(frames), scales, errors, known=known)
    name = reduction.operation.name
    raw = bias is None and dark is None and not scales
    if not (raw and is_long(frames[0].dtype) and name in EXACT):
        return found
    usable = None
    if bits is not None:
        usable = np.stack([(plane & np.uint16(UNUSABLE)) == 0 for plane in bits])
    exact = reduce_whole(np.stack(list(frames)), usable, name)
    if usable is not None:
        exact = np.where(found.count > 0, exact, np.nan)
    return Combined(exact, found.variance, found.count, found.bits)


def can_stream(images: Sequence[FileImage]) -> bool:
    """Return whether images can be reduced while they are read, in float32, by the kernels."""
    from polarnight.cubes.kernels.statistics import is_wide

    return all(
        image.ndim == 2 and not image.image.is_compressed and not is_wide(image.dtype)
        for image in images
    )


def reduce_files(
    reduction: Reduction,
    images: Sequence[FileImage],
    rows: tuple[int, int],
    bias: npt.NDArray[Any] | None = None,
    dark: npt.NDArray[Any] | None = None,
    *errors: npt.NDArray[Any] | None,
) -> Reduced:
    """Reduce a band of rows of images in files, a few rows of all at a time.

    Parameters
    ----------
    reduction : Reduction
        Along the axis of the images.
    images : sequence of FileImage
        For which `can_stream` is true.
    rows : tuple of int
        First row, and the one after the last.
    bias, dark : ndarray, shape (rows, columns), optional
    *errors : ndarray or None
        Their variances.

    Returns
    -------
    Reduced

    Raises
    ------
    BadFrame
        Where a file cannot be read or has changed since the cube was made.
    """
    first = images[0]
    nx = first.shape[1]
    made = []
    for group in reduction.groups(len(images)):
        layouts, part = [], None
        for image in images[group]:
            image.image.check()
            y0, x0 = image.starts
            section = Section(x0, x0 + nx, y0 + rows[0], y0 + rows[1])
            if part is not None and section != part:
                return _read_block(reduction, images, rows, bias, dark, *errors)
            part = section
            stored = image.image
            layouts.append(
                ImageLayout(
                    stored.path, (stored.shape[0], stored.shape[1]), stored.offset, stored.format
                )
            )
        if len({layout.shape for layout in layouts}) > 1:
            return _read_block(reduction, images, rows, bias, dark, *errors)
        scales = reduction.scales_of(group)
        with FrameStack.of_layouts(layouts, part) as stack:
            found = describe_frames(
                stack, reduction.operation, bias=bias, dark=dark, threads=1, **scales
            )
        n = len(layouts)
        made.append(completed(found, reduction, n, scales, errors, known=False))
    return reduction.finished(made, (rows[1] - rows[0], nx))


def _read_block(
    reduction: Reduction,
    images: Sequence[FileImage],
    rows: tuple[int, int],
    *masters: npt.NDArray[Any] | None,
) -> Reduced:
    """Reduce parts that lie at different places of their files."""
    block = np.stack([image[slice(*rows)] for image in images])
    return reduce_block(reduction, block, None, None, *masters)
