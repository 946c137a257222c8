"""The lazy arrays of a reduced cube: one task for every block."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import numpy as np

from polarnight.cubes.running.memory import block_rows
from polarnight.cubes.steps.blocks import can_stream, reduce_block, reduce_files
from polarnight.cubes.steps.reduction import Reduction
from polarnight.cubes.steps.stacked import StackImage, StackView
from polarnight.cubes.views import FitsView, Planes, lazy_array

if TYPE_CHECKING:
    from dask.array import Array

    from polarnight.cubes.cube import Cube

__all__ = ["reduced_planes"]

# Bands that stream have no block to fit into memory: enough of them for all workers, and
# so many rows that opening the files of each costs nothing.
_LEAST_BANDS: Final = 16
_LEAST_ROWS: Final = 32
_MASTERS: Final = ("bias", "dark", "bias_variance", "dark_variance")


def reduced_planes(
    cube: Cube, reduction: Reduction, masters: Mapping[str, Cube], groups: int
) -> Planes:
    """Return the arrays of a reduced cube.

    Parameters
    ----------
    cube : Cube
    reduction : Reduction
    masters : mapping of str to Cube
        ``bias`` and ``dark``, with the dimensions that remain. Their variances are added where
        they have some.
    groups : int
        Along the axis.
    """
    view = cube.view
    if isinstance(view, StackView) and reduction.axis == 0 and can_stream(view.images):
        return _streamed(view, reduction, masters, groups)
    return _by_block(cube, reduction, masters, groups)


def _streamed(
    view: StackView, reduction: Reduction, masters: Mapping[str, Cube], groups: int
) -> Planes:
    _, ny, nx = view.shape
    rows = min(block_rows(1, nx, 16, ny=ny), _power_of_two(max(_LEAST_ROWS, ny // _LEAST_BANDS)))
    chunks = (_cut(ny, rows), (nx,))
    blocks = _blocks_of(masters, chunks, reduction)
    tasks: dict[tuple[int, ...], Any] = {}
    for k, (first, size) in enumerate(zip(_starts(chunks[0]), chunks[0], strict=True)):
        extra = [_key(blocks.get(key), (k, 0)) for key in _MASTERS]
        tasks[(k, 0)] = (reduce_files, reduction, view.images, (first, first + size), *extra)
    return _planes(tasks, reduction, chunks, groups, list(blocks.values()), masters)


def _by_block(cube: Cube, reduction: Reduction, masters: Mapping[str, Cube], groups: int) -> Planes:
    axis = reduction.axis
    chunks = _chunks(cube, axis)
    arrays = _with_chunks(cube, chunks)
    rest = chunks[:axis] + chunks[axis + 1 :]
    blocks = _blocks_of(masters, rest, reduction)
    tasks: dict[tuple[int, ...], Any] = {}
    for at in itertools.product(*(range(len(sizes)) for sizes in rest)):
        inside = (*at[:axis], 0, *at[axis:])
        planes = [_key(array, inside) for array in arrays]
        extra = [_key(blocks.get(key), at) for key in _MASTERS]
        tasks[at] = (reduce_block, reduction, *planes, *extra)
    needed = [array for array in (*arrays, *blocks.values()) if array is not None]
    return _planes(tasks, reduction, rest, groups, needed, masters)


def _blocks_of(
    masters: Mapping[str, Cube], chunks: tuple[tuple[int, ...], ...], reduction: Reduction
) -> dict[str, Any]:
    """Return values and variances of bias and dark in blocks."""
    found: dict[str, Any] = {}
    for key, cube in masters.items():
        found[key] = _rechunked(cube.data, chunks)
        if reduction.counts_masters and cube.variance is not None:
            found[f"{key}_variance"] = _rechunked(cube.variance, chunks)
    return found


def _planes(
    tasks: dict[tuple[int, ...], Any],
    reduction: Reduction,
    rest: tuple[tuple[int, ...], ...],
    groups: int,
    needed: list[Array],
    masters: Mapping[str, Cube],
) -> Planes:
    """Return the arrays made of tasks that return all planes of a block."""
    import dask.array as da
    from dask.highlevelgraph import HighLevelGraph

    mark = uuid4().hex
    name, axis = f"reduce-{mark}", reduction.axis
    layer = {(name, *at): task for at, task in tasks.items()}
    whole = HighLevelGraph.from_collections(name, layer, dependencies=needed)
    chunks = (*rest[:axis], (groups,), *rest[axis:]) if reduction.size else rest
    dtypes = [reduction.dtype, _variance_dtype(reduction), np.dtype(np.uint16)]
    made: list[Any] = []
    for number, (kind, dtype) in enumerate(zip(Planes._fields, dtypes, strict=True)):
        if dtype is None:
            made.append(None)
            continue
        own = f"reduced-{kind}-{mark}"
        picks: dict[Any, Any] = {}
        for at in tasks:
            place = (*at[:axis], 0, *at[axis:]) if reduction.size else at
            picks[(own, *place)] = (operator.getitem, (name, *at), number)
        graph = HighLevelGraph({**whole.layers, own: picks}, {**whole.dependencies, own: {name}})
        made.append(da.Array(graph, own, chunks, dtype=dtype))
    for master in masters.values():
        if master.bits is not None:
            bits = _rechunked(master.bits, rest)
            shown = bits[(slice(None),) * axis + (None,)] if reduction.size else bits
            made[2] = made[2] | shown
    return Planes(*made)


def _variance_dtype(reduction: Reduction) -> np.dtype[Any] | None:
    if not reduction.has_variance:
        return None
    return reduction.dtype


def _chunks(cube: Cube, axis: int) -> tuple[tuple[int, ...], ...]:
    """Return chunks that are whole along an axis and small enough: those there, or others."""
    real = np.dtype(np.float64).itemsize if cube.dtype.itemsize > 4 else 4
    budget = block_rows(1, 1, real)
    there = cube.chunks
    largest = int(np.prod([max(sizes) for sizes in there], dtype=np.int64))
    if len(there[axis]) == 1 and largest <= max(budget, there[axis][0]):
        return there
    sizes = list(cube.shape)
    for k in range(cube.ndim):
        if k != axis:
            inner = int(np.prod([n for i, n in enumerate(sizes) if i != k], dtype=np.int64))
            sizes[k] = min(sizes[k], _power_of_two(max(1, budget // inner)))
    return tuple(_cut(n, size) for n, size in zip(cube.shape, sizes, strict=True))


def _with_chunks(cube: Cube, chunks: tuple[tuple[int, ...], ...]) -> list[Any]:
    """Return data, variance and bits in chunks; what is read from files in these at once."""
    view = cube.view
    if cube.chunks != chunks:
        # Other blocks of a file are read, not cut from blocks that were read.
        if isinstance(view, StackView):
            bits = StackImage(view.images, "bits") if view.has_bits else None
            return [
                None if image is None else lazy_array(image, chunks, "stack")
                for image in (StackImage(view.images), None, bits)
            ]
        if isinstance(view, FitsView) and view.is_plain and not view.has_bits:
            return [lazy_array(view.values, chunks, "fits"), None, None]
    planes = (cube.data, cube.variance, cube.bits)
    return [None if plane is None else _rechunked(plane, chunks) for plane in planes]


def _rechunked(array: Any, chunks: tuple[tuple[int, ...], ...]) -> Any:
    return array if array.chunks == chunks else array.rechunk(chunks)


def _key(array: Any, at: tuple[int, ...]) -> Any:
    return None if array is None else (array.name, *at)


def _power_of_two(n: int) -> int:
    """Return the largest power of two that is not above n."""
    return 1 << (n.bit_length() - 1)


def _cut(n: int, size: int) -> tuple[int, ...]:
    return tuple(min(size, n - first) for first in range(0, n, size))


def _starts(sizes: tuple[int, ...]) -> list[int]:
    return [0, *itertools.accumulate(sizes[:-1])]
