"""Cubes whose dimensions meet by name, cut into the same blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.steps import elementwise
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from dask.array import Array

    from polarnight.cubes.cube import Cube

__all__ = ["blockwise", "common_dimensions", "united_bits"]


def common_dimensions(*cubes: Cube) -> tuple[Dimension, ...]:
    """Return the dimensions of the result: those of the first cube that has them all.

    Raises
    ------
    CubeError
        Where a dimension has different sizes, neither of them 1.
    """
    dims: dict[str, Dimension] = {}
    # The order of the cube with most dimensions; then what only others have.
    for cube in sorted(cubes, key=lambda one: -one.ndim):
        for dim in cube.dims:
            known = dims.get(dim.name)
            if known is None or (known.size == 1 and dim.size != 1):
                dims[dim.name] = dim
            elif dim.size not in (1, known.size):
                raise CubeError(
                    f"dimension {dim.name} has size {known.size} in one cube and {dim.size} in "
                    "another; take a subset of the larger"
                )
    first = {dim.name: dim for dim in cubes[0].dims}
    # Coordinates are those of the first cube.
    return tuple(
        first[name] if name in first and first[name].size == dim.size else dim
        for name, dim in dims.items()
    )


def blockwise(
    function: Callable[..., Any],
    dims: Sequence[Dimension],
    operands: Sequence[tuple[Array | None, Cube]],
    dtype: Any,
    options: Mapping[str, Any] | None = None,
) -> Array:
    """Return a dask array of a function of blocks.

    Parameters
    ----------
    function : callable
        Of blocks with all dimensions, of length 1 where an operand lacks one.
    dims : sequence of Dimension
        Of the result.
    operands : sequence of (dask.array.Array or None, Cube)
        Planes of cubes.
    dtype : numpy type
        Of the result.
    options : mapping, optional
        Keyword arguments of the function.
    """
    from polarnight.cubes.running.light import da

    placed = _same_blocks([_placed(array, cube, dims) for array, cube in operands], len(dims))
    arguments = [part for one in placed for part in one]
    shown = tuple(range(len(dims)))
    if not any(index is not None and len(index) == len(dims) for index in arguments[1::2]):
        # No cube has all dimensions: a plane of nothing says how long each is.
        function = _Ignoring(function)
        arguments = [_nothing(dims, arguments), shown, *arguments]
    return da.blockwise(
        _Shaped(function, _expansions(arguments, shown)),
        shown,
        *arguments,
        name=f"{(options or {}).get('operation', 'apply')}-{uuid4().hex}",
        dtype=dtype,
        meta=np.empty((0,) * len(dims), dtype),
        align_arrays=False,
        options=dict(options or {}),
    )


def _placed(
    array: Array | None, cube: Cube, dims: Sequence[Dimension]
) -> tuple[Any, tuple[int, ...] | None, Any]:
    """Return a plane with axes in the order of `dims`, their numbers, and how to read it anew.

    Dask repeats what is not there, not what has length 1, so axes of length 1 go.
    """
    if array is None:
        return None, None, None
    numbers = {dim.name: k for k, dim in enumerate(dims)}
    kept = [k for k, dim in enumerate(cube.dims) if dim.size == dims[numbers[dim.name]].size]
    index = [numbers[cube.dims[k].name] for k in kept]
    order = [int(k) for k in np.argsort(index)]
    plain = len(kept) == cube.ndim and order == list(range(len(kept)))
    if not plain:
        array = array[tuple(slice(None) if k in kept else 0 for k in range(cube.ndim))]
        array = array.transpose(order)
    return array, tuple(sorted(index)), _again(array, cube) if plain else None


def _again(array: Array, cube: Cube) -> Callable[[Any], Array | None] | None:
    """Return what reads a plane of a view in other blocks; None where it is no view."""
    view = cube.view
    if view is None:
        return None
    for number, plane in enumerate(cube.planes):
        if plane is array:
            return lambda chunks: view.plane(number, chunks)
    return None


def _same_blocks(
    placed: list[tuple[Any, tuple[int, ...] | None, Any]], ndim: int
) -> list[tuple[Any, tuple[int, ...] | None]]:
    """Cut all planes into the blocks in which every one can be cut.

    What is read from files is read so, instead of being cut afterwards.
    """
    from polarnight.cubes.running.light import da

    blocks: list[Any] = []
    for k in range(ndim):
        found = {array.chunks[index.index(k)] for array, index, _ in placed if index and k in index}
        blocks.append(found.pop() if len(found) == 1 else da.core.common_blockdim(list(found)))
    made: list[tuple[Any, tuple[int, ...] | None]] = []
    for array, index, again in placed:
        if index is None:
            made.append((None, None))
            continue
        chunks = tuple(blocks[k] for k in index)
        if array.chunks != chunks:
            other = None if again is None else again(chunks)
            # Of the ways to cut, this one needs no cluster, and does not ask for one.
            array = array.rechunk(chunks, method="tasks") if other is None else other
        made.append((array, index))
    return made


class _Ignoring:
    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, whole: Any, *blocks: Any, **options: Any) -> Any:
        made = self.function(*blocks, **options)
        # Dimensions that no operand has are repeated here: the block is as large as it said.
        return made if made.shape == whole.shape else np.array(np.broadcast_to(made, whole.shape))


class _Shaped:
    """Gives blocks of fewer dimensions axes of length 1 where they lack one."""

    def __init__(self, function: Callable[..., Any], expansions: list[Any]) -> None:
        self.function = function
        self.expansions = expansions

    def __call__(self, *blocks: Any, options: Mapping[str, Any] | None = None) -> Any:
        shaped = [
            block if block is None or expand is None else block[expand]
            for block, expand in zip(blocks, self.expansions, strict=True)
        ]
        return self.function(*shaped, **(options or {}))


def _expansions(arguments: list[Any], shown: tuple[int, ...]) -> list[Any]:
    found: list[Any] = []
    for index in arguments[1::2]:
        if index is None or len(index) == len(shown):
            found.append(None)
        else:
            found.append(tuple(slice(None) if k in index else None for k in shown))
    return found


def _nothing(dims: Sequence[Dimension], arguments: list[Any]) -> Any:
    from polarnight.cubes.running.light import da

    chunks: list[Any] = [(dim.size,) for dim in dims]
    for array, index in zip(arguments[::2], arguments[1::2], strict=True):
        for axis, k in enumerate(index or ()):
            chunks[k] = array.chunks[axis]
    shape = tuple(dim.size for dim in dims)
    return da.zeros(shape, chunks=tuple(chunks), dtype=np.uint8)


def united_bits(cubes: Sequence[Cube], dims: Sequence[Dimension]) -> Array | None:
    """Return the bits of all cubes, united; None where none has any."""
    having = [(cube.bits, cube) for cube in cubes if cube.has_bits]
    if not having:
        return None
    sized = tuple(dim.size for dim in dims)
    if (
        len(having) == 1
        and having[0][1].names == tuple(d.name for d in dims)
        and (having[0][1].shape == sized)
    ):
        return having[0][0]
    operands: list[tuple[Array | None, Cube]] = list(having)
    return blockwise(elementwise.or_bits, dims, operands, np.uint16)
