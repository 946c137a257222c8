"""Functions of numpy arrays applied to cubes: element by element, or along some dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.steps.elementwise import result_dtype
from polarnight.cubes.views import Planes
from polarnight.errors import CubeError

if TYPE_CHECKING:
    import numpy.typing as npt
    from dask.array import Array

    from polarnight.cubes.cube import Cube

__all__ = ["apply"]


def apply(
    cube: Cube,
    function: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    *,
    name: str,
    parameters: Mapping[str, Any],
    version: str = "1",
    along: Sequence[str] = (),
    output: Sequence[Dimension] | None = None,
    depth: Mapping[str, int] | None = None,
    dtype: Any = None,
    variance: Callable[..., npt.NDArray[Any]] | None = None,
    bits: str = "keep",
    unit: str | None = None,
    measure: str | None = None,
) -> Cube:
    """Return the cube with a function applied to its values, block by block.

    The cube is made again by what is registered as operation `name`
    (`polarnight.cubes.recipes.operation`), so `parameters` must determine the function.

    Parameters
    ----------
    cube : Cube
    function : callable
        Of one array to one array; must be picklable. Without `along` it gets a block of any
        part of the cube and returns one of the same shape, element by element. With `along`
        the named dimensions are the last axes, in that order and whole, other axes come
        before them and are left as they are.
    name, version : str
        Operation as registered.
    parameters : mapping
        What `polarnight.cubes.recipes.plain` can write down.
    along : sequence of str
        Dimensions the function needs whole.
    output : sequence of Dimension, optional
        What takes the place of `along` in the result; the same dimensions by default, none
        for a function that reduces them.
    depth : mapping of str to int, optional
        Dimensions of which the function needs that many neighbours on both sides instead of
        all: a filter. Blocks at the border of the cube have none beyond it. Not with `along`.
    dtype : numpy type, optional
        Of the result; floating by default, see `polarnight.cubes.steps.elementwise.result_dtype`.
    variance : callable, optional
        Of values and variances to variances, shaped alike; without it the result has none.
    bits : {'keep', 'any', 'drop'}
        ``any`` unites the bits along the dimensions (or neighbours) the function sees.
    unit, measure : str, optional
        Of the result.

    Raises
    ------
    CubeError
        Where dimensions are unknown, or `bits` cannot be kept because sizes change.
    """
    if along and depth:
        raise CubeError(f"{name}: a function works along whole dimensions or with neighbours")
    if bits not in ("keep", "any", "drop"):
        raise CubeError(f"{name}: bits = {bits!r}; use keep, any or drop")
    kind = np.dtype(dtype) if dtype is not None else result_dtype(cube.dtype)
    if along:
        return _along(
            cube, _Call(function), _Along(cube, along, output), kind,
            variance, bits, (name, version, parameters, unit, measure),
        )  # fmt: skip
    reach = {cube.axis(one): size for one, size in (depth or {}).items()}
    data = _blocks(_Call(function, kind.str), [cube.data], kind, reach)
    errors = None
    if variance is not None and cube.variance is not None:
        errors = _blocks(_Call(variance, kind.str), [cube.data, cube.variance], kind, reach)
    flags = None if bits == "drop" else cube.bits
    if flags is not None and bits == "any" and reach:
        flags = _blocks(_Spread(tuple(sorted(reach.items()))), [flags], flags.dtype, reach)
    return cube.derive(
        name,
        parameters,
        version=version,
        planes=Planes(data, errors, flags),
        unit=unit,
        measure=measure,
    )


@dataclass(frozen=True)
class _Call:
    """Calls a function with floating blocks and without numpy's warnings."""

    function: Callable[..., npt.NDArray[Any]]
    dtype: str = ""

    def __call__(self, *blocks: npt.NDArray[Any]) -> npt.NDArray[Any]:
        with np.errstate(all="ignore"):
            found = np.asarray(self.function(*blocks))
        if self.dtype and found.shape != blocks[0].shape:
            raise CubeError(
                f"the function made {found.shape} of a block of {blocks[0].shape}; name the "
                "dimensions it works along"
            )
        return found.astype(self.dtype, copy=False) if self.dtype else found


@dataclass(frozen=True)
class _Spread:
    """Unites the bits of neighbours within some reach along some axes."""

    reach: tuple[tuple[int, int], ...]

    def __call__(self, bits: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = bits
        for axis, size in self.reach:
            spread = found.copy()
            for step in range(1, size + 1):
                low = (slice(None),) * axis + (slice(None, -step),)
                high = (slice(None),) * axis + (slice(step, None),)
                spread[low] |= found[high]
                spread[high] |= found[low]
            found = spread
        return found


class _Along:
    """Dimensions and axes of an application along whole dimensions."""

    def __init__(
        self, cube: Cube, along: Sequence[str], output: Sequence[Dimension] | None
    ) -> None:
        self.core = [cube.axis(name) for name in along]
        if len(set(self.core)) < len(self.core):
            raise CubeError(f"a dimension is named twice in {', '.join(along)}")
        self.outer = [axis for axis in range(cube.ndim) if axis not in self.core]
        core_dims = [cube.dims[axis] for axis in self.core]
        self.output = core_dims if output is None else list(output)
        self.same = [dim.size for dim in self.output] == [dim.size for dim in core_dims]
        outer_dims = [cube.dims[axis] for axis in self.outer]
        dims = [*outer_dims, *self.output]
        # Where the sizes are those that were, the order of the axes is, too.
        self.back: list[int] | None = None
        if self.same:
            places = [*self.outer, *self.core]
            self.back = [places.index(axis) for axis in range(cube.ndim)]
            dims = [dims[place] for place in self.back]
        self.dims = tuple(dims)


def _along(
    cube: Cube,
    call: _Call,
    where: _Along,
    kind: np.dtype[Any],
    variance: Callable[..., npt.NDArray[Any]] | None,
    bits: str,
    told: tuple[str, str, Mapping[str, Any], str | None, str | None],
) -> Cube:
    name, version, parameters, unit, measure = told
    sizes = tuple(dim.size for dim in where.output)

    def run(function: Callable[..., Any], arrays: list[Array], dtype: np.dtype[Any]) -> Array:
        return _whole(_Fitted(function, len(where.outer), sizes, dtype.str), arrays, where, dtype)

    errors = flags = None
    if variance is not None and cube.variance is not None:
        errors = run(_Call(variance), [cube.data, cube.variance], kind)
    if bits == "keep" and cube.bits is not None:
        if not where.same:
            raise CubeError(f"{name}: sizes change, bits cannot be kept; use bits='any' or 'drop'")
        flags = cube.bits
    elif bits == "any" and cube.bits is not None:
        flags = run(_United(len(where.outer), sizes), [cube.bits], np.dtype(np.uint16))
    return cube.derive(
        name,
        parameters,
        version=version,
        dims=where.dims,
        planes=Planes(run(call, [cube.data], kind), errors, flags),
        unit=unit,
        measure=measure,
    )


@dataclass(frozen=True)
class _United:
    """Unites bits along the last axes and gives all elements of the result the same."""

    outer: int
    sizes: tuple[int, ...]

    def __call__(self, bits: npt.NDArray[Any]) -> npt.NDArray[Any]:
        axes = tuple(range(self.outer, bits.ndim))
        united = np.bitwise_or.reduce(bits, axis=axes)
        shape = (*united.shape, *self.sizes)
        return np.broadcast_to(united.reshape(united.shape + (1,) * len(self.sizes)), shape)


@dataclass(frozen=True)
class _Fitted:
    """Checks what a function returned."""

    function: Callable[..., Any]
    outer: int
    sizes: tuple[int, ...]
    dtype: str

    def __call__(self, *blocks: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = np.asarray(self.function(*blocks))
        wanted = (*blocks[0].shape[: self.outer], *self.sizes)
        if found.shape != wanted:
            raise CubeError(f"the function made {found.shape} of a block, {wanted} is needed")
        return found.astype(self.dtype, copy=False)


def _whole(
    function: Callable[..., Any], arrays: list[Array], where: _Along, dtype: np.dtype[Any]
) -> Array:
    from polarnight.cubes.running.light import da

    outer = tuple(range(len(where.outer)))
    core = tuple(range(len(outer), len(outer) + len(where.core)))
    new = tuple(range(100, 100 + len(where.output)))
    arguments: list[Any] = []
    for array in arrays:
        moved = array.transpose([*where.outer, *where.core])
        whole = moved.rechunk(dict.fromkeys(core, -1))
        arguments += [whole, (*outer, *core)]
    made = da.blockwise(
        function,
        (*outer, *new),
        *arguments,
        name=f"along-{uuid4().hex}",
        dtype=dtype,
        new_axes={k: dim.size for k, dim in zip(new, where.output, strict=True)},
        concatenate=True,
        meta=np.empty((0,) * (len(outer) + len(new)), dtype),
    )
    return made if where.back is None else made.transpose(where.back)


def _blocks(
    function: Callable[..., Any], arrays: list[Array], dtype: np.dtype[Any], reach: dict[int, int]
) -> Array:
    from polarnight.cubes.running.light import da

    ndim = arrays[0].ndim
    meta = np.empty((0,) * ndim, dtype)
    if reach:
        depth = {axis: reach.get(axis, 0) for axis in range(ndim)}
        return da.map_overlap(
            function, *arrays, depth=depth, boundary="none", dtype=dtype, meta=meta, trim=True
        )
    letters = tuple(range(ndim))
    arguments = [part for array in arrays for part in (array, letters)]
    return da.blockwise(
        function, letters, *arguments, name=f"apply-{uuid4().hex}", dtype=dtype, meta=meta
    )
