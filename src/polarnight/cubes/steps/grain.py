"""Of which step the values along a dimension are multiples, known from how a cube was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from polarnight.cubes.steps.lineage import step_of
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polarnight.cubes.cube import Cube

__all__ = ["INTEGER_SIGMA", "Grain", "grain_along", "grain_of", "with_least_sigma"]

INTEGER_SIGMA: Final = 0.5 * 1.4826
"""Least sigma for clipping integers. Where more than half of them are equal their median distance
is 0, though the noise may be as large as that of which half lies within half a step. Without it,
whatever differs from the median would be clipped, and nothing be left to tell the error."""

_KEEPING: Final = frozenset(
    {"subset", "relabel", "transpose", "expand_dim", "drop_dim", "rename_dims"}
)


class Grain(NamedTuple):
    """How values were rounded.

    Parameters
    ----------
    step : float
        0 where nothing is known of one.
    aligned : bool
        Whether the values of a pixel differ by whole steps.
    """

    step: float
    aligned: bool


_NONE: Final = Grain(0.0, False)


def grain_along(cube: Cube, dim: str) -> Grain:
    """Return how the values of a cube were rounded, as those of one pixel along a dimension differ.

    Integers have the step 1; that of what was made of them follows where something was added that
    is the same all along the dimension, and where a number was multiplied by.

    Parameters
    ----------
    cube : Cube
    dim : str
    """
    factor, aligned, name = 1.0, True, cube.dim(dim).name
    one = cube
    while np.dtype(one.dtype).kind not in "iu":
        step, given = step_of(one)
        if not one.inputs:
            return _NONE
        if step == "combine_number" and given["operation"] in {"mul", "div"}:
            number = abs(float(given["number"]))
            divides = given["operation"] == "div"
            if (divides and given["swapped"]) or not 0 < number < np.inf:
                return _NONE
            factor *= 1 / number if divides else number
            one = one.inputs[0]
        elif step == "combine_pair" and given["operation"] in {"sum", "sub"}:
            having = [inner for inner in one.inputs if _reaches(inner, name, one)]
            if len(having) != 1 or having[0].unit != one.unit:
                return _NONE
            one = having[0]
        elif step in _KEEPING or (
            step == "combine_number" and given["operation"] in {"sum", "sub"}
        ):
            if step == "rename_dims":
                name = {new: old for old, new in given.items()}.get(name, name)
            one = one.inputs[0]
        elif step in {"merge", "concat"} and given["dim"] == name:
            found = _of_frames(one.inputs)
            return Grain(factor * found.step, aligned and found.aligned)
        else:
            return _NONE
        if not _known(one):
            return _NONE
    return Grain(factor, aligned)


def grain_of(cube: Cube, dim: str, scales: Mapping[str, Any], step: Any) -> Grain:
    """Return how the values that enter a reduction were rounded.

    Parameters
    ----------
    cube : Cube
    dim : str
    scales : mapping
        ``scale`` and ``dark_scale``: factors of their own put the values of a pixel on
        different fractions of a step.
    step : float or 'auto'

    Raises
    ------
    CubeError
        Where the step is no number of at least 0.
    """
    if step == "auto":
        grain = grain_along(cube, dim)
    elif isinstance(step, int | float) and not isinstance(step, bool) and 0 <= step < np.inf:
        # Of a reduction that is made again: what entered it.
        return Grain(float(step), aligned=True)
    else:
        raise CubeError(f"step = {step!r}; give a number of at least 0, or 'auto'")
    scale = np.asarray(scales.get("scale", 1.0))
    equal = scale.ndim == 0 and np.ndim(scales.get("dark_scale", 1.0)) == 0
    return Grain(
        grain.step * float(np.sqrt(np.mean(np.square(scale)))), grain.aligned and bool(equal)
    )


def with_least_sigma(operation: str, given: Mapping[str, Any], grain: Grain) -> dict[str, Any]:
    """Return the parameters of a reduction, with the least sigma for clipping what was rounded."""
    found = dict(given)
    if operation in {"clipped_mean", "clipped_median"} and found.get("min_sigma", "auto") == "auto":
        found["min_sigma"] = INTEGER_SIGMA * grain.step
    return found


def _of_frames(cubes: Sequence[Cube]) -> Grain:
    """Return the grain of frames: what was added to each may be of any fraction."""
    steps = set()
    for cube in cubes:
        if not _known(cube) or not cube.names:
            return _NONE
        steps.add(grain_along(cube, cube.names[0]).step if cube.dims else 0.0)
    return Grain(steps.pop(), aligned=False) if len(steps) == 1 else _NONE


def _known(cube: Cube) -> bool:
    return cube._planes is not None or cube.view is not None


def _reaches(inner: Cube, name: str, one: Any) -> bool:
    return name in inner.names and inner.dim(name).size == one.dim(name).size
