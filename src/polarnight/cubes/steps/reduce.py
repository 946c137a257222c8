"""Reducing a dimension of a cube, to one value or in groups of neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from polarnight.cubes.cube import Cube
from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.kernels.statistics import Operation
from polarnight.cubes.metadata import Metadata
from polarnight.cubes.recipes import operation as registered
from polarnight.cubes.recipes import revived
from polarnight.cubes.steps.blocks import Reduction
from polarnight.cubes.steps.lazy import reduced_planes
from polarnight.cubes.steps.whole import is_long
from polarnight.cubes.units import pair_unit, power_unit
from polarnight.errors import CubeError

__all__ = ["block_reduce", "reduce", "reduce_cube"]

_MASTERS: Final = ("bias", "dark")
_SCALES: Final = ("dark_scale", "scale", "saturation")
_MOMENTS: Final = ("cmoment", "acmoment", "rmoment", "armoment")


def reduce(cube: Cube, operation: str, dim: str, **parameters: Any) -> Cube:
    """Reduce a dimension to one value.

    Parameters
    ----------
    cube : Cube
    operation : str
        One of `polarnight.cubes.kernels.statistics.OPERATIONS`: ``median``, ``mean``,
        ``clipped_mean``, ``clipped_median``, ``min``, ``max``, ``sum``, ``count``,
        ``arg_min``, ``arg_max`` (places from 0; -1 where there is nothing), ``var``, ``std``,
        ``mad``, ``quantile``, ``cmoment``, ``acmoment``, ``rmoment``, ``armoment``.
    dim : str
        Name of the dimension, which the result no longer has.
    **parameters
        Of the operation: see `polarnight.cubes.kernels.statistics.Operation`. And for all of them
        ``bias``, ``dark`` (cubes or arrays with the other dimensions), ``dark_scale``,
        ``scale`` (a number, or one for each element of the dimension) and ``saturation``:
        what enters is ``(raw - bias - dark * dark_scale) * scale`` of what lies below
        `saturation`, as `polarnight.cubes.kernels.combine` has it. What bias and dark add to the
        variance is common to all values and not counted.

    Returns
    -------
    Cube
        Lazy. Float32 of what float32 holds exactly (integers of up to 16 bits, float32),
        else float64; minimum and maximum of 64-bit integers that have no bits stay integers;
        counts and places are int32. With bits: those of the least bad value that was used,
        `Bit.NO_DATA` where there was none; bits of bias and dark are added. With a variance
        for mean, median, sum and the clipped ones (from that of the values, else from their
        scatter), for var, std and moments where the values have one.

    Raises
    ------
    CubeError
        Where operation, dimension or a parameter is unknown or impossible.

    Notes
    -----
    Along the slowest axis of plain FITS views (`polarnight.cubes.merge`), every task reads
    its rows of all files, a few at a time: memory holds no block of the stack.
    """
    return _reduced(cube, "reduce", operation, dim, 0, parameters)


reduce_cube = reduce


def block_reduce(cube: Cube, operation: str, dim: str, size: int, **parameters: Any) -> Cube:
    """Reduce groups of neighbours along a dimension.

    Parameters
    ----------
    cube : Cube
    operation : str
        As in `reduce`; places count from the beginning of each group.
    dim : str
    size : int
        Elements of a group; the last group has what remains.
    **parameters
        As in `reduce`.

    Returns
    -------
    Cube
        The dimension has one element for each group, at the mean of the coordinates where
        there are some; coordinates of the sky follow.

    Raises
    ------
    CubeError
        Where operation, dimension, size or a parameter is unknown or impossible.
    """
    if isinstance(size, bool) or int(size) != size or size < 1:
        raise CubeError(f"block_reduce: size = {size!r}; give a whole number of at least 1")
    return _reduced(cube, "block_reduce", operation, dim, int(size), parameters)


def _reduced(
    cube: Cube, name: str, operation: str, dim: str, size: int, parameters: Mapping[str, Any]
) -> Cube:
    axis = cube.axis(dim)
    if 0 in cube.shape:
        raise CubeError(f"{name}: a cube of shape {cube.shape} holds nothing to reduce")
    own = {key: value for key, value in parameters.items() if key not in (*_MASTERS, *_SCALES)}
    chosen = Operation(operation, own)
    scales = _scales(parameters, cube.dims[axis].size)
    masters = {
        key: _master(cube, axis, key, parameters[key])
        for key in _MASTERS
        if parameters.get(key) is not None
    }
    if "dark_scale" in scales and "dark" not in masters:
        raise CubeError(f"{name}: dark_scale is given, but no dark")
    exact = chosen.name in {"min", "max"} and is_long(cube.dtype) and not cube.has_bits
    plain = exact and not masters and not scales
    reduction = Reduction(
        chosen,
        axis,
        size,
        cube.dtype if plain else chosen.dtype(cube.dtype),
        chosen.has_variance(cube.has_variance),
        scales,
    )
    rest = tuple(one for k, one in enumerate(cube.dims) if k != axis)
    groups = len(reduction.groups(cube.dims[axis].size))
    dims = rest
    if size:
        dims = (*cube.dims[:axis], _grouped(cube.dims[axis], size), *cube.dims[axis + 1 :])
    given = {
        "operation": chosen.name,
        "dim": cube.dims[axis].name,
        "given": dict(chosen.given),
        "scales": scales,
        "masters": list(masters),
    }
    return cube.derive(
        name,
        {**given, "size": size} if size else given,
        dims=dims,
        planes=reduced_planes(cube, reduction, masters, groups),
        unit=_unit(chosen, cube.unit),
        metadata=_metadata(cube, axis, size),
        inputs=(cube, *masters.values()),
    )


def _scales(parameters: Mapping[str, Any], n: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in _SCALES:
        value = parameters.get(key)
        if value is None:
            continue
        try:
            numbers = np.asarray(value, np.float64)
        except (TypeError, ValueError) as error:
            raise CubeError(f"{key} = {value!r} is not a number") from error
        shapes = {()} if key == "saturation" else {(), (n,)}
        if numbers.shape not in shapes or not np.isfinite(numbers).all():
            many = "" if key == "saturation" else f", or {n} of them"
            raise CubeError(f"{key} must be one finite number{many}")
        found[key] = numbers.tolist()
    return found


def _master(cube: Cube, axis: int, key: str, given: Any) -> Cube:
    """Return bias or dark as a cube with the dimensions that remain, in their order."""
    rest = tuple(dim for k, dim in enumerate(cube.dims) if k != axis)
    if not isinstance(given, Cube):
        array = np.asarray(given)
        if array.shape != tuple(dim.size for dim in rest):
            raise CubeError(
                f"{key} has shape {array.shape}; it must have {tuple(dim.size for dim in rest)}"
            )
        return Cube.from_array(array, rest, unit=cube.unit, measure=key)
    wanted = [(dim.name, dim.size) for dim in rest]
    if [(dim.name, dim.size) for dim in given.dims] != wanted:
        listed = " x ".join(f"{name} {size}" for name, size in wanted)
        raise CubeError(f"{key} ({given!r}) must have the dimensions {listed}")
    _, factor = pair_unit("sub", cube.unit, given.unit)
    if factor != 1.0:
        raise CubeError(
            f"{key} is in {given.unit}, the cube in {cube.unit}; multiply one by {factor} first"
        )
    return given


def _grouped(dim: Dimension, size: int) -> Dimension:
    starts = range(0, dim.size, size)
    if dim.values is None:
        return Dimension(dim.name, len(starts), dim.type)
    values = np.asarray(dim.values, np.float64)
    means = tuple(float(values[a : a + size].mean()) for a in starts)
    kind = dim.type if dim.type in {"float", "double"} else "double"
    return Dimension(dim.name, len(starts), kind, means)


def _unit(operation: Operation, unit: str) -> str:
    if operation.is_whole:
        return "1"
    if operation.name == "var":
        return power_unit(unit, 2)
    if operation.name in _MOMENTS:
        return power_unit(unit, operation.given["order"])
    return unit


def _metadata(cube: Cube, axis: int, size: int) -> Metadata:
    """Return the header of the result: how many values went into one, and where they lie."""
    cards = cube.metadata.derived()
    number = cube.axes[axis]
    if size > 1 and number is not None:
        from polarnight.cubes.fits.wcs import cut_axis

        # The middle of a group is where the pixel between its first and its last one was.
        cards = cut_axis(cards, number, slice((size - 1) / 2, None, size))
    n = min(size, cube.dims[axis].size) if size else cube.dims[axis].size
    return cards.with_card("NCOMBINE", n, "values reduced to one")


@registered("reduce")
def _reduce_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    given = revived(parameters)
    return reduce(inputs[0], given["operation"], given["dim"], **_given(given, inputs))


@registered("block_reduce")
def _block_reduce_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    given = revived(parameters)
    size = given["size"]
    return block_reduce(inputs[0], given["operation"], given["dim"], size, **_given(given, inputs))


def _given(given: Mapping[str, Any], inputs: Sequence[Cube]) -> dict[str, Any]:
    masters = dict(zip(given["masters"], inputs[1:], strict=True))
    return {**given["given"], **given["scales"], **masters}
