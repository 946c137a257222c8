"""From expressions to lazy arrays: one task per block, images with the halo they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.ophidia.primitives.blocks import RowTask, image_block, pick, with_placeholder
from polarnight.ophidia.primitives.checking import needs_rows, split
from polarnight.ophidia.primitives.declaration import find
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.evaluation import Block, arguments_of
from polarnight.ophidia.primitives.parser import Call, Name, Node, Text
from polarnight.ophidia.primitives.values import Value

if TYPE_CHECKING:
    from dask.array import Array

    from polarnight.cubes.cube import Cube

__all__ = ["Arrays", "QueryGraph"]


@dataclass(frozen=True)
class Arrays:
    """Lazy planes in the order of explicit and implicit dimensions."""

    data: Array
    variance: Array | None
    bits: Array | None

    def __iter__(self) -> Iterator[Array]:
        return (one for one in (self.data, self.variance, self.bits) if one is not None)

    @property
    def has(self) -> tuple[bool, bool]:
        """Whether there are variances, and bits."""
        return self.variance is not None, self.bits is not None

    def each(self, change: Any) -> Arrays:
        """Return all planes changed in the same way."""
        return Arrays(*(None if one is None else change(one)
                         for one in (self.data, self.variance, self.bits)))  # fmt: skip


class QueryGraph:
    """One evaluation: from expressions to lazy arrays."""

    def __init__(self, query: str, cube: Cube, implicit: tuple[str, ...]) -> None:
        self.query = query
        self.cube = cube
        self.explicit = tuple(name for name in cube.names if name not in implicit)
        self.implicit = implicit
        self.names = (*self.explicit, *implicit)
        self.remarks: set[str] = set()
        self.by_row = False
        self.exact: frozenset[str] = frozenset()
        axes = [cube.axis(name) for name in self.names]
        arrays = Arrays(cube.data, cube.variance, cube.bits)
        if axes != sorted(axes):
            arrays = arrays.each(lambda plane: plane.transpose(axes))
        self.arrays = arrays

    def run(self, tree: Node) -> tuple[Arrays, Value, bool]:
        """Return the arrays of an expression, a sample of it, and whether rows got shorter."""
        rest, images = split(tree, self.query)
        inputs = {"measure": self.arrays}
        for name, call in images.items():
            inputs[name] = self.image(call)
        self.exact = frozenset(
            name for name, call in images.items() if find(call, self.query).exact
        )
        by_row = needs_rows(rest, self.query)
        self.by_row = by_row
        return self.rows(rest, inputs, by_row)

    def rows(
        self, node: Node, inputs: dict[str, Arrays], by_row: bool
    ) -> tuple[Arrays, Value, bool]:
        """Return the arrays of an expression without primitives of images; see `run`."""
        import dask.array as da

        if by_row:
            whole = {len(self.explicit) + k: -1 for k in range(len(self.implicit))}
            inputs = {
                name: arrays.each(lambda plane: plane.rechunk(whole))
                for name, arrays in inputs.items()
            }
        first = inputs["measure"].data
        inputs = {
            name: arrays.each(lambda plane: plane.rechunk(first.chunks))
            for name, arrays in inputs.items()
        }
        rows = len(self.explicit) if by_row else max(0, first.ndim - 1)
        only = self.implicit[0] if len(self.implicit) == 1 else None
        coordinates = (
            self.cube.dim(only).coordinates.astype(np.float64) if only and by_row else None
        )
        task = RowTask(
            node, self.query, rows, tuple(inputs),
            tuple(arrays.has for arrays in inputs.values()), coordinates,
            self.exact,
        )  # fmt: skip
        planes = [plane for arrays in inputs.values() for plane in arrays]
        sample = self._sample(task, planes)
        after = task.shape_of(sample, first.shape[rows:]) if by_row else first.shape[rows:]
        sample = replace(sample, shape=after)
        chunks = (*first.chunks[:rows], *((n,) for n in after)) if by_row else first.chunks
        packed = da.map_blocks(
            task,
            *planes,
            dtype=object,
            chunks=chunks,
            drop_axis=list(range(rows + len(after), first.ndim)),
            meta=np.empty((0,) * len(chunks), dtype=object),
        )
        has = (True, sample.variance is not None, sample.bits is not None)
        dtypes = (sample.data.dtype, getattr(sample.variance, "dtype", None), np.dtype(np.uint16))
        made = [
            _plane(packed, place, dtype) if there else None
            for place, (there, dtype) in enumerate(zip(has, dtypes, strict=True))
        ]
        shorter = by_row and np.prod(after, dtype=np.int64) < np.prod(
            first.shape[rows:], dtype=np.int64
        )
        return Arrays(*made), sample, bool(shorter)

    def _sample(self, task: RowTask, planes: list[Array]) -> Value:
        """Work the expression out on one row of ones: types, sizes and errors show at once."""
        one_row = [
            np.ones((1,) * task.rows + plane.shape[task.rows :], plane.dtype) for plane in planes
        ]
        cleared = [
            np.zeros_like(block) if block.dtype == np.uint16 and plane is not planes[0] else block
            for block, plane in zip(one_row, planes, strict=True)
        ]
        made = task.value(tuple(cleared))
        return made

    def image(self, call: Call) -> Arrays:
        """Return the arrays of a primitive of images."""
        import dask.array as da

        known = find(call, self.query)
        inner = next(one for one in call.arguments if not isinstance(one, Text))
        arrays = self.arrays
        if not (isinstance(inner, Name) and inner.value == "measure"):
            before = self.by_row
            arrays, sample, _ = self.run(inner)
            self.by_row = before
            self.remarks |= sample.remarks
            if arrays.data.shape != self.arrays.data.shape:
                msg = f"{known.name} needs images; what it is given has other sizes than the cube"
                raise QueryError(msg, self.query, call.at)
        axes = self._image_axes(call)
        depth = self._halo(call)
        options: dict[str, Any] = {
            "call": call, "query": self.query, "has": arrays.has, "axes": axes,
        }  # fmt: skip
        meta = np.empty((0,) * arrays.data.ndim, dtype=object)
        if depth is None:
            arrays = arrays.each(lambda plane: plane.rechunk(dict.fromkeys(axes, -1)))
            arrays = arrays.each(lambda plane: plane.rechunk(arrays.data.chunks))
            reach = {}
        else:
            reach = {axis: min(depth, arrays.data.shape[axis]) for axis in axes}
            arrays = _with_halo(arrays, reach)
        packed = da.map_blocks(image_block, *arrays, dtype=object, meta=meta, **options)
        tried = image_block(*_tiny(arrays, axes), **options)
        if arrays.variance is not None and tried[1] is None and not known.exact:
            self.remarks.add(f"the variance is dropped: that of {known.name} is not propagated")
        made = Arrays(*(
            None if one is None else _plane(packed, place, one.dtype)
            for place, one in enumerate(tried)
        ))  # fmt: skip
        if not reach:
            return made
        trim = {axis: reach.get(axis, 0) for axis in range(arrays.data.ndim)}
        return made.each(lambda plane: da.overlap.trim_internal(plane, trim, boundary="none"))

    def _image_axes(self, call: Call) -> tuple[int, int]:
        if {"NAXIS1", "NAXIS2"} <= set(self.names):
            return self.names.index("NAXIS2"), self.names.index("NAXIS1")
        if len(self.names) < 2:
            msg = f"{call.name} needs images; the cube has one dimension"
            raise QueryError(msg, self.query, call.at)
        rows, columns = self.cube.names[-2:]
        return self.names.index(rows), self.names.index(columns)

    def _halo(self, call: Call) -> int | None:
        known = find(call, self.query)
        names = {"_": Value(np.zeros((1, 1)))}
        given = arguments_of(with_placeholder(call), known, Block(names, self.query))[1]
        if known.halo is None:
            return None
        try:
            return known.halo(*list(given.values())[1:])
        except QueryError as error:
            if error.query:
                raise
            raise QueryError(f"{known.name}: {error.bare}", self.query, call.at) from None


def _plane(packed: Array, place: int, dtype: Any) -> Array:
    import dask.array as da

    meta = np.empty((0,) * packed.ndim, dtype=dtype)
    return da.map_blocks(pick, packed, place, dtype=dtype, meta=meta)


def _with_halo(arrays: Arrays, reach: dict[int, int]) -> Arrays:
    import dask.array as da

    depth = {axis: reach.get(axis, 0) for axis in range(arrays.data.ndim)}
    # No block may be thinner than the halo of its neighbours.
    data = arrays.data
    sizes = {
        axis: -1 if min(data.chunks[axis]) < reach[axis] else data.chunks[axis] for axis in reach
    }
    arrays = arrays.each(lambda plane: plane.rechunk(sizes))
    return arrays.each(lambda plane: da.overlap.overlap(plane, depth=depth, boundary="none"))


def _tiny(arrays: Arrays, axes: tuple[int, int]) -> list[Any]:
    shape = tuple(8 if axis in axes else 1 for axis in range(arrays.data.ndim))
    data = np.arange(1, 1 + np.prod(shape)).reshape(shape).astype(arrays.data.dtype)
    planes: list[Any] = [data]
    if arrays.variance is not None:
        planes.append(np.ones(shape, arrays.variance.dtype))
    if arrays.bits is not None:
        planes.append(np.zeros(shape, np.uint16))
    return planes
