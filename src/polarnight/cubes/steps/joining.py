"""Cubes put together: side by side along a new dimension, or one after the other along one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.recipes import operation
from polarnight.cubes.steps.stacked import StackView
from polarnight.cubes.views import Planes
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["concat", "merge"]


def merge(
    cubes: Sequence[Cube],
    dim: str = "z",
    *,
    values: Sequence[Any] | None = None,
    type: str = "int",  # noqa: A002  (the name that dimensions have)
) -> Cube:
    """Stack cubes along a new dimension, the slowest of the result.

    Plain FITS views of one shape become one lazy stack, which is read band by band.

    Parameters
    ----------
    cubes : sequence of Cube
        Of the same dimensions and sizes.
    dim : str
        Name of the new dimension.
    values : sequence of numbers, optional
        Its coordinates; 1, 2, ... by default.
    type : str
        Type of the coordinates.

    Returns
    -------
    Cube
        With the header of the first; with variances where all have some, with bits where any
        has.

    Raises
    ------
    CubeError
        Where there are no cubes, they differ, or the name is taken.
    """
    given = list(cubes)
    _check_alike(given)
    first = given[0]
    if dim in first.names:
        raise CubeError(f"dimension {dim} is there already; use concat, or another name")
    new = Dimension(dim, len(given), type, None if values is None else tuple(values))
    view = StackView.of([cube.view for cube in given])
    return first.derive(
        "merge",
        {"dim": dim, "type": type, "values": None if values is None else list(values)},
        dims=(new, *first.dims),
        view=view,
        planes=_stacked(given) if view is None else None,
        unit=_one_unit(given),
        inputs=given,
        axes=(None, *first.axes),
    )


def concat(cubes: Sequence[Cube], dim: str) -> Cube:
    """Put cubes one after the other along a dimension that they have.

    Parameters
    ----------
    cubes : sequence of Cube
        Of the same dimensions, and sizes but for `dim`.
    dim : str

    Raises
    ------
    CubeError
        Where there are no cubes or they differ.
    """
    from polarnight.cubes.running.light import da

    given = list(cubes)
    _check_alike(given, apart=dim)
    first = given[0]
    axis = first.axis(dim)
    parts = [cube.dims[axis] for cube in given]
    size = sum(part.size for part in parts)
    values = None
    if any(part.values is not None for part in parts):
        values = tuple(np.concatenate([part.coordinates for part in parts]).tolist())
    whole = Dimension(parts[0].name, size, parts[0].type, values)
    return first.derive(
        "concat",
        {"dim": dim},
        dims=(*first.dims[:axis], whole, *first.dims[axis + 1 :]),
        planes=_put_together(given, lambda arrays: da.concatenate(arrays, axis=axis)),
        unit=_one_unit(given),
        inputs=given,
    )


@operation("merge")
def _merge_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return merge(inputs, parameters["dim"], values=parameters["values"], type=parameters["type"])


@operation("concat")
def _concat_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return concat(inputs, parameters["dim"])


def _check_alike(cubes: Sequence[Cube], apart: str | None = None) -> None:
    if not cubes:
        raise CubeError("there are no cubes to put together")
    first = cubes[0]
    skip = -1 if apart is None else first.axis(apart)
    for number, cube in enumerate(cubes):
        sizes = [dim.size for k, dim in enumerate(cube.dims) if k != skip]
        wanted = [dim.size for k, dim in enumerate(first.dims) if k != skip]
        if cube.names != first.names or sizes != wanted:
            raise CubeError(
                f"cube {number + 1} ({_told(cube)}) is not like the first ({_told(first)})"
            )


def _told(cube: Cube) -> str:
    axes = " x ".join(f"{dim.name} {dim.size}" for dim in cube.dims)
    return f"{cube.source}: {axes}" if cube.source else axes


def _one_unit(cubes: Sequence[Cube]) -> str:
    """Return the unit that all have; unknown where they differ only in that it is not said.

    Raises
    ------
    CubeError
        Where two different units are said.
    """
    units = {cube.unit for cube in cubes}
    if len(units) == 1:
        return cubes[0].unit
    known = sorted(units - {""})
    if len(known) > 1:
        raise CubeError(f"the cubes are in different units ({', '.join(known)})")
    return ""


def _stacked(cubes: Sequence[Cube]) -> Planes:
    from polarnight.cubes.running.light import da

    return _put_together(cubes, lambda arrays: da.stack(arrays, axis=0))


def _put_together(cubes: Sequence[Cube], join: Any) -> Planes:
    from polarnight.cubes.running.light import da

    dtype = np.result_type(*{cube.dtype for cube in cubes})
    data = join([_as(cube.data, dtype) for cube in cubes])
    variance = bits = None
    if all(cube.has_variance for cube in cubes):
        kinds = {cube.variance.dtype for cube in cubes if cube.variance is not None}
        kind = np.result_type(*kinds)
        variance = join([_as(cube.variance, kind) for cube in cubes])
    if any(cube.has_bits for cube in cubes):
        planes = [
            da.zeros(cube.shape, chunks=cube.chunks, dtype=np.uint16)
            if cube.bits is None
            else cube.bits
            for cube in cubes
        ]
        bits = join(planes)
    return Planes(data, variance, bits)


def _as(array: Any, dtype: Any) -> Any:
    return array if array.dtype == dtype else array.astype(dtype)
