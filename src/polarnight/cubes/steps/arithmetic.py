"""Two cubes, or a cube and a number, combined element by element; dimensions meet by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.recipes import operation as registered
from polarnight.cubes.recipes import revived
from polarnight.cubes.steps import elementwise
from polarnight.cubes.steps.aligned import blockwise, common_dimensions, united_bits
from polarnight.cubes.steps.correlation import correlate
from polarnight.cubes.steps.elementwise import PAIR_OPERATIONS, result_dtype
from polarnight.cubes.steps.lineage import dependence, noted, shared_noise
from polarnight.cubes.units import number_unit, pair_unit
from polarnight.cubes.views import Planes
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from dask.array import Array

    from polarnight.cubes.cube import Cube, Number

__all__ = ["combine_number", "combine_pair"]


def combine_pair(a: Cube, b: Cube, operation: str, *, measure: str | None = None) -> Cube:
    """Combine two cubes element by element.

    Dimensions meet by name: what one cube lacks, or has of size 1, is repeated (an image
    against every frame of a stack). Bits are united, variances propagated to first order. A
    cube without variance has an unknown one, and so has the result; for ``mask`` that of `a`
    alone counts.

    A cube with itself (of the same key) has one error, not two: the variance of ``A - A`` is 0.
    Other cubes count as independent. Where both come from one that is noisy, their covariance
    is not known, and a line of the history says so.

    Parameters
    ----------
    a, b : Cube
    operation : str
        One of `polarnight.cubes.steps.elementwise.PAIR_OPERATIONS`, or ``corr``: the correlation
        along the fastest axis.
    measure : str, optional
        Name of the result; that of `a` by default.

    Returns
    -------
    Cube
        With the header and coordinates of `a`.

    Raises
    ------
    CubeError
        Where sizes or units do not fit, or the operation is unknown.
    """
    if operation == "corr":
        return correlate(a, b, measure=measure)
    if operation not in PAIR_OPERATIONS:
        known = ", ".join((*PAIR_OPERATIONS, "corr"))
        raise CubeError(f"unknown operation {operation!r} of two cubes; there are {known}")
    dims = common_dimensions(a, b)
    unit, factor = pair_unit(operation, a.unit, b.unit)
    dtype = result_dtype(a.dtype, b.dtype)
    options = {"operation": operation, "dtype": dtype.str, "factor": factor}
    given: dict[str, Any] = {"operation": operation, "measure": measure}
    metadata = a.metadata.derived()
    noisy = a.has_variance and b.has_variance and operation in elementwise.OF_ITSELF
    itself = noisy and a.key == b.key
    if itself:
        # Part of the key: before, the two counted as independent.
        given["itself"] = True
    elif noisy and (names := shared_noise([a, b])):
        metadata = noted(metadata, dependence(operation, names))
    if itself:
        variance: Array | None = _own_variance(a, dtype, options)
    else:
        variance = _pair_variance(a, b, dims, dtype, options)
    return a.derive(
        "combine_pair",
        given,
        dims=dims,
        metadata=metadata,
        planes=Planes(
            blockwise(elementwise.pair_values, dims, [(a.data, a), (b.data, b)], dtype, options),
            variance,
            united_bits([a, b], dims),
        ),
        unit=unit,
        measure=measure,
        inputs=(a, b),
        axes=_axes(dims, (a, b)),
    )


def combine_number(a: Cube, number: Number, operation: str, *, swapped: bool = False) -> Cube:
    """Combine a cube with an exact number element by element.

    Parameters
    ----------
    a : Cube
    number : float
    operation : str
        One of `polarnight.cubes.steps.elementwise.PAIR_OPERATIONS`.
    swapped : bool
        Whether the number is the first of the two.

    Raises
    ------
    CubeError
        Where the operation is unknown.
    """
    if operation not in PAIR_OPERATIONS:
        known = ", ".join(PAIR_OPERATIONS)
        raise CubeError(f"unknown operation {operation!r} of two cubes; there are {known}")
    value = float(number)
    dtype = result_dtype(a.dtype)
    options = {"number": value, "operation": operation, "dtype": dtype.str, "swapped": swapped}
    variance = None
    if a.variance is not None and elementwise.has_variance(operation):
        variance = blockwise(
            elementwise.number_variance, a.dims, [(a.data, a), (a.variance, a)], dtype, options
        )
    return a.derive(
        "combine_number",
        {"number": value, "operation": operation, "swapped": swapped},
        planes=Planes(
            blockwise(elementwise.number_values, a.dims, [(a.data, a)], dtype, options),
            variance,
            a.bits,
        ),
        unit=number_unit(operation, a.unit, swapped=swapped),
    )


@registered("combine_pair")
def _pair_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    a, b = inputs
    return combine_pair(a, b, parameters["operation"], measure=parameters["measure"])


@registered("combine_number")
def _number_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    given = revived(parameters)
    return combine_number(inputs[0], given["number"], given["operation"], swapped=given["swapped"])


def _pair_variance(
    a: Cube, b: Cube, dims: tuple[Dimension, ...], dtype: np.dtype[Any], options: dict[str, Any]
) -> Array | None:
    operation = options["operation"]
    known = a.has_variance and (b.has_variance or operation == "mask")
    if not known or not elementwise.has_variance(operation):
        return None
    operands = [(a.data, a), (b.data, b), (a.variance, a), (b.variance, b)]
    return blockwise(elementwise.pair_variance, dims, operands, dtype, options)


def _own_variance(a: Cube, dtype: np.dtype[Any], options: dict[str, Any]) -> Array:
    """Return the variance of a cube combined with itself."""
    operands = [(a.data, a), (a.variance, a)]
    return blockwise(elementwise.variance_of_itself, a.dims, operands, dtype, options)


def _axes(dims: Sequence[Dimension], cubes: Sequence[Cube]) -> tuple[int | None, ...]:
    """Return the axes of the first cube's coordinates; dimensions it lacks have none."""
    own = dict(zip(cubes[0].names, cubes[0].axes, strict=True))
    return tuple(own.get(dim.name) for dim in dims)
