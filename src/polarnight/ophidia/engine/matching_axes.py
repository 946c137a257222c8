"""Whether the pixels of cubes that are put together are the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["displaced"]


def displaced(operator: str, cubes: Sequence[Cube]) -> list[str]:
    """Return warnings of dimensions whose coordinates are not those of the first cube.

    Elements meet by their places all the same: the third column of one part of a detector meets
    the third of another.

    Parameters
    ----------
    operator : str
        For the message.
    cubes : sequence of Cube
    """
    first, told = cubes[0], {}
    for cube in cubes[1:]:
        for dim in cube.dims:
            if dim.name not in first.names or dim.name in told:
                continue
            own = first.dim(dim.name)
            # Without coordinates they are 1, 2, ... on both sides.
            if own.size != dim.size or (own.values is None and dim.values is None):
                continue
            one, two = own.coordinates, dim.coordinates
            if not np.array_equal(one, two):
                told[dim.name] = (
                    f"{operator}: {dim.name} goes from {one[0]:g} to {one[-1]:g} in one cube and "
                    f"from {two[0]:g} to {two[-1]:g} in another; elements meet by their places"
                )
    return list(told.values())
