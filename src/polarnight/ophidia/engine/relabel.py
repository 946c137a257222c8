"""Coordinates given anew: an operation of this door, so that cubes can be made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from polarnight.cubes.recipes import operation

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["number_anew"]

_NAME = "ophidia.number_anew"


def number_anew(cube: Cube, name: str) -> Cube:
    """Return a cube whose coordinates along a dimension are 1, 2, ..."""
    if cube.dim(name).values is None:
        return cube
    place = cube.axis(name)
    dims = tuple(
        replace(dim, values=None) if axis == place else dim for axis, dim in enumerate(cube.dims)
    )
    return cube.derive(_NAME, {"dim": name}, dims=dims, axes=cube.axes)


@operation(_NAME)
def _again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return number_anew(inputs[0], parameters["dim"])
