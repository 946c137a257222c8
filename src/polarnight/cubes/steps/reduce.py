"""Reducing a dimension of a cube, to one value or in groups of neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.kernels.statistics import Operation
from polarnight.cubes.recipes import operation as registered
from polarnight.cubes.recipes import revived
from polarnight.cubes.state import CubeState
from polarnight.cubes.steps.exposures import header_of_reduced
from polarnight.cubes.steps.grain import grain_of, with_least_sigma
from polarnight.cubes.steps.lazy import reduced_planes
from polarnight.cubes.steps.lineage import common_along, not_averaged, noted
from polarnight.cubes.steps.reduction import Reduction
from polarnight.cubes.steps.whole import is_long
from polarnight.cubes.units import pair_unit, power_unit
from polarnight.errors import CubeError

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.cube import Cube

__all__ = ["block_reduce", "reduce", "reduce_cube"]

_MASTERS: Final = ("bias", "dark")
_SCALES: Final = ("dark_scale", "scale", "saturation")
_OF_VARIANCE: Final = ("step", "masters_variance", "clips_rounded")
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
        `saturation`, as `polarnight.cubes.kernels.combine` has it. The variances of bias and
        dark, which are common to all values, are added to those of means, medians and sums, as
        far as they have some; not with ``masters_variance=False``.

        ``min_sigma`` of the clipped ones is 0.74 steps unless given, as half of integers being
        equal cannot tell less noise from none. ``step`` is that of the values: 1 of integers,
        and what follows from it for what was made of them by adding, subtracting and
        multiplying (``"auto"``, the default); 0 for none. With it, variances from the scatter
        have what rounding adds (`polarnight.cubes.kernels.rounding`): 1/12 where integers
        agree, however many.

    Returns
    -------
    Cube
        Lazy. Float32 of what float32 holds exactly (integers of up to 16 bits, float32),
        else float64; minimum and maximum of 64-bit integers that have no bits stay integers;
        counts and places are int32. With bits: those of the least bad value that was used,
        `Bit.NO_DATA` where there was none; bits of bias and dark are added. With a variance
        for mean, median, sum and the clipped ones (from that of the values, else from their
        scatter), for var, std and moments where the values have one. The header is that of
        `polarnight.cubes.steps.exposures` where frames are combined; a line of its history says
        where all values have noise in common that the variance does not know of.

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
    dim = cube.dims[axis].name
    if 0 in cube.shape:
        raise CubeError(f"{name}: a cube of shape {cube.shape} holds nothing to reduce")
    scales = _scales(parameters, cube.dims[axis].size)
    others = (*_MASTERS, *_SCALES, *_OF_VARIANCE)
    own = {key: value for key, value in parameters.items() if key not in others}
    grain = grain_of(cube, dim, scales, parameters.get("step", "auto"))
    complete = with_least_sigma(operation, own, grain)
    chosen = Operation(operation, complete)
    clips_rounded = bool(parameters.get("clips_rounded", complete != own and grain.step > 0))
    masters = {
        key: _master(cube, axis, key, parameters[key])
        for key in _MASTERS
        if parameters.get(key) is not None
    }
    if "dark_scale" in scales and "dark" not in masters:
        raise CubeError(f"{name}: dark_scale is given, but no dark")
    exact = chosen.name in {"min", "max"} and is_long(cube.dtype) and not cube.has_bits
    plain = exact and not masters and not scales
    centred = chosen.has_variance(given=False)
    counted = (
        centred
        and bool(parameters.get("masters_variance", True))
        and any(master.has_variance for master in masters.values())
    )
    reduction = Reduction(
        chosen,
        axis,
        size,
        cube.dtype if plain else chosen.dtype(cube.dtype),
        chosen.has_variance(cube.has_variance),
        scales,
        step=grain.step if centred and grain.aligned and not cube.has_variance else 0.0,
        counts_masters=counted,
        clips_rounded=clips_rounded,
    )
    rest = tuple(one for k, one in enumerate(cube.dims) if k != axis)
    groups = len(reduction.groups(cube.dims[axis].size))
    dims = rest
    if size:
        dims = (*cube.dims[:axis], _grouped(cube.dims[axis], size), *cube.dims[axis + 1 :])
    given: dict[str, Any] = {
        "operation": chosen.name,
        "dim": dim,
        "given": dict(chosen.given),
        "scales": scales,
        "masters": list(masters),
    }
    # What was made before these were there has the key, and the variance, that it had.
    given |= {"step": reduction.step} if reduction.step else {}
    given |= {"masters_variance": True} if counted else {}
    given |= {"clips_rounded": True} if clips_rounded else {}
    metadata = header_of_reduced(cube, axis, size, chosen.name, scales.get("scale"))
    if reduction.has_variance and (names := common_along(cube, dim)):
        metadata = noted(metadata, not_averaged(chosen.name, dim, names))
    return cube.derive(
        name,
        {**given, "size": size} if size else given,
        dims=dims,
        planes=reduced_planes(cube, reduction, masters, groups),
        unit=_unit(chosen, cube.unit),
        metadata=metadata,
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


def _master(cube: Cube, axis: int, key: str, given: Cube | npt.ArrayLike) -> Cube:
    """Return bias or dark as a cube with the dimensions that remain, in their order."""
    rest = tuple(dim for k, dim in enumerate(cube.dims) if k != axis)
    if not isinstance(given, CubeState):
        array = np.asarray(given)
        if array.shape != tuple(dim.size for dim in rest):
            raise CubeError(
                f"{key} has shape {array.shape}; it must have {tuple(dim.size for dim in rest)}"
            )
        return cube.from_array(array, rest, unit=cube.unit, measure=key)
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
    return {
        **given["given"],
        **given["scales"],
        **masters,
        "step": given.get("step", 0.0),
        "masters_variance": given.get("masters_variance", False),
        "clips_rounded": given.get("clips_rounded", False),
    }
