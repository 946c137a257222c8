"""Several cubes combined element by element, and the correlation of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.cubes.recipes import operation as registered
from polarnight.cubes.steps.aligned import blockwise, common_dimensions, united_bits
from polarnight.cubes.steps.elementwise import result_dtype
from polarnight.cubes.steps.exposures import combined
from polarnight.cubes.steps.lineage import dependence, noted, shared_noise
from polarnight.cubes.units import pair_unit
from polarnight.cubes.views import Planes
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["MANY_OPERATIONS", "combine_many"]

MANY_OPERATIONS: Final = ("avg", "sum", "mul", "max", "min", "arg_max", "arg_min")
"""What several cubes can be combined by; ``arg_max`` and ``arg_min`` tell which it is, from 0."""


def combine_many(cubes: Sequence[Cube], operation: str, *, measure: str | None = None) -> Cube:
    """Combine cubes element by element; dimensions meet by name.

    Sums, means and products are made in float64, one cube after the other, and rounded once.
    Not a number in any cube gives not a number; bits are united, variances propagated. A cube
    that is there several times has one error; other cubes count as independent, and a line of
    the history says where they are not.

    Parameters
    ----------
    cubes : sequence of Cube
        One or more, in units that can be added (except for ``mul``).
    operation : str
        One of `MANY_OPERATIONS`.
    measure : str, optional
        Name of the result.

    Raises
    ------
    CubeError
        Where sizes or units do not fit, there are no cubes, or the operation is unknown.
    """
    given = list(cubes)
    if operation not in MANY_OPERATIONS:
        known = ", ".join(MANY_OPERATIONS)
        raise CubeError(f"unknown operation {operation!r} of many cubes; there are {known}")
    if not given:
        raise CubeError("there are no cubes to combine")
    dims = common_dimensions(*given)
    dtype = result_dtype(*(cube.dtype for cube in given))
    unit, factors = _unit(operation, given)
    options = {"operation": operation, "dtype": dtype.str, "factors": factors}
    variance = None
    recipe: dict[str, Any] = {"operation": operation, "measure": measure}
    metadata = given[0].metadata.derived()
    if operation in {"avg", "sum"} and len({cube.names for cube in given}) == 1:
        metadata = combined(metadata, [cube.metadata for cube in given], operation)
    # A cube without variance has an unknown one, and so has the result.
    if all(cube.has_variance for cube in given) and not operation.startswith("arg_"):
        operands = [(cube.data, cube) for cube in given]
        operands += [(cube.variance, cube) for cube in given]
        same = _same(given) if operation in {"avg", "sum", "mul"} else []
        if same:
            recipe["same"] = same
            variance = blockwise(_variance, dims, operands, dtype, {**options, "same": same})
        else:
            variance = blockwise(_variance, dims, operands, dtype, options)
        if names := shared_noise(given):
            metadata = noted(metadata, dependence(operation, names))
    own = dict(zip(given[0].names, given[0].axes, strict=True))
    return given[0].derive(
        "combine_many",
        recipe,
        dims=dims,
        metadata=metadata,
        planes=Planes(
            blockwise(_values, dims, [(cube.data, cube) for cube in given], dtype, options),
            variance,
            united_bits(given, dims),
        ),
        unit=unit,
        measure=measure,
        inputs=given,
        axes=tuple(own.get(dim.name) for dim in dims),
    )


@registered("combine_many")
def _again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return combine_many(inputs, parameters["operation"], measure=parameters["measure"])


def _same(cubes: Sequence[Cube]) -> list[int]:
    """Return for every cube the number of the first equal one; nothing where all are different."""
    first: dict[str, int] = {}
    numbers = [first.setdefault(cube.key, number) for number, cube in enumerate(cubes)]
    return numbers if len(first) < len(cubes) else []


def _unit(operation: str, cubes: Sequence[Cube]) -> tuple[str, list[float]]:
    unit = cubes[0].unit
    factors = [1.0]
    for cube in cubes[1:]:
        if operation == "mul":
            unit, _ = pair_unit("mul", unit, cube.unit)
            factors.append(1.0)
        else:
            common, factor = pair_unit("sum", cubes[0].unit, cube.unit)
            unit = common if unit else ""
            factors.append(factor)
    return ("1" if operation.startswith("arg_") else unit), factors


def _doubles(blocks: Sequence[Any], factors: Sequence[float]) -> list[Any]:
    return [
        np.asarray(block, np.float64) * factor if factor != 1.0 else np.asarray(block, np.float64)
        for block, factor in zip(blocks, factors, strict=True)
    ]


def _values(*blocks: Any, operation: str, dtype: str, factors: Sequence[float]) -> Any:
    with np.errstate(all="ignore"):
        numbers = _doubles(blocks, factors)
        found = numbers[0]
        if operation in ("avg", "sum"):
            for one in numbers[1:]:
                found = found + one
            if operation == "avg":
                found = found / len(numbers)
        elif operation == "mul":
            for one in numbers[1:]:
                found = found * one
        elif operation in ("max", "min"):
            choose = np.maximum if operation == "max" else np.minimum
            for one in numbers[1:]:
                found = choose(found, one)
        else:
            found = _which(numbers, operation)
        return np.asarray(np.broadcast_to(found, _shape(blocks))).astype(dtype)


def _shape(blocks: Sequence[Any]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(np.shape(block) for block in blocks))


def _which(numbers: list[Any], operation: str) -> Any:
    """Return which of the numbers is the extreme one; not a number where any is none."""
    better = np.greater if operation.endswith("max") else np.less
    best, place = numbers[0], np.zeros(())
    unknown = np.isnan(best)
    for number, one in enumerate(numbers[1:], 1):
        wins = better(one, best)
        best, place = np.where(wins, one, best), np.where(wins, float(number), place)
        unknown = unknown | np.isnan(one)
    return np.where(unknown, np.nan, place)


def _variance(
    *blocks: Any, operation: str, dtype: str, factors: Sequence[float], same: Sequence[int] = ()
) -> Any:
    count = len(factors)
    shape = _shape(blocks)
    with np.errstate(all="ignore"):
        numbers = _doubles(blocks[:count], factors)
        variances = _doubles(blocks[count:], [factor**2 for factor in factors])
        if same:
            found = _of_slopes(numbers, variances, operation, same, factors)
        elif operation in ("max", "min"):
            place = _which(numbers, f"arg_{operation}")
            found = np.where(np.isnan(place), np.nan, 0.0)
            for number, one in enumerate(variances):
                found = np.where(place == number, one, found)
        elif operation == "mul":
            # d(xy)^2 = y^2 dx^2 + x^2 dy^2, factor after factor.
            product, found = numbers[0], variances[0]
            for one, variance in zip(numbers[1:], variances[1:], strict=True):
                found = one * one * found + product * product * variance
                product = product * one
        else:
            found = variances[0]
            for one in variances[1:]:
                found = found + one
            if operation == "avg":
                found = found / count**2
        return np.asarray(np.broadcast_to(found, shape)).astype(dtype)


def _of_slopes(
    numbers: list[Any],
    variances: list[Any],
    operation: str,
    same: Sequence[int],
    factors: Sequence[float],
) -> Any:
    """Return the variance where some cubes are one: their derivatives are added, then squared."""
    count = len(numbers)
    before, after = [1.0], [1.0]
    for k in range(count - 1):
        before.append(before[-1] * numbers[k])
        after.append(after[-1] * numbers[count - 1 - k])
    slopes: dict[int, Any] = {}
    for k, first in enumerate(same):
        slope = {"sum": 1.0, "avg": 1.0 / count}.get(operation)
        if slope is None:
            slope = before[k] * after[count - 1 - k]
        # Of equal pixels, one unit may have been corrected by hand.
        slopes[first] = slopes.get(first, 0.0) + slope * (factors[k] / factors[first])
    return sum(slope * slope * variances[first] for first, slope in slopes.items())
