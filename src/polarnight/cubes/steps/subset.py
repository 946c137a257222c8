"""Parts of cubes, by position along named dimensions."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polarnight.cubes.dimensions import position
from polarnight.cubes.metadata import Card, Metadata
from polarnight.cubes.recipes import operation, revived
from polarnight.cubes.views import Planes
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["subset"]

Index: TypeAlias = slice | Sequence[int] | int


def subset(cube: Cube, indices: Mapping[str, Index]) -> Cube:
    """Return a part of a cube.

    Parameters
    ----------
    cube : Cube
    indices : mapping of str to slice, list of int or int
        Zero-based positions by dimension. Slices are those of Python, negative positions
        count from the end; an int keeps the dimension, of size 1.

    Returns
    -------
    Cube
        Coordinates of sky and dimensions follow: the reference pixels are shifted.

    Raises
    ------
    CubeError
        Where there is no such dimension or position, or nothing is left.
    """
    chosen: list[slice | list[int]] = [slice(None)] * cube.ndim
    for name, index in indices.items():
        axis = position(cube.dims, name)
        chosen[axis] = _normal(index, cube.dims[axis].size, name)
    dims = tuple(dim.take(index) for dim, index in zip(cube.dims, chosen, strict=True))
    slices = tuple(index for index in chosen if isinstance(index, slice))
    plain = len(slices) == cube.ndim and all(index.step in (None, 1) for index in slices)
    given = {
        dim.name: index
        for dim, index in zip(cube.dims, chosen, strict=True)
        if index != slice(None)
    }
    view = cube.view.cut(slices) if plain and cube.view is not None else None
    return cube.derive(
        "subset",
        given,
        dims=dims,
        view=view,
        planes=None if view is not None else _cut(cube, chosen),
        metadata=_shifted(cube, chosen),
    )


def _normal(index: Index, size: int, name: str) -> slice | list[int]:
    """Return a slice with positive step inside the axis, or a list of positions."""
    if isinstance(index, slice):
        if index.step is not None and index.step < 1:
            raise CubeError(f"subset of {name}: the step {index.step} is not positive")
        start, stop, step = index.indices(size)
        if stop <= start:
            raise CubeError(f"subset of {name}: nothing of its {size} elements is left")
        if (start, stop, step) == (0, size, 1):
            return slice(None)
        return slice(start, stop, step if step > 1 else None)
    try:
        numbers = [operator.index(one) for one in np.atleast_1d(np.asarray(index))]
    except TypeError as error:
        raise CubeError(f"subset of {name}: {index!r} is no position, list or slice") from error
    for number in numbers:
        if not -size <= number < size:
            raise CubeError(f"subset of {name}: there is no element {number}, only {size}")
    if not numbers:
        raise CubeError(f"subset of {name}: no position was given")
    numbers = [number % size for number in numbers]
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return _normal(slice(numbers[0], numbers[0] + len(numbers)), size, name)
    return numbers


def _cut(cube: Cube, chosen: list[slice | list[int]]) -> Planes:
    def part(array: Any) -> Any:
        if array is None:
            return None
        for axis, index in enumerate(chosen):
            if index != slice(None):
                array = array[(slice(None),) * axis + (index,)]
        return array

    return Planes(*map(part, cube.planes))


def _shifted(cube: Cube, chosen: list[slice | list[int]]) -> Metadata:
    """Return the header of the part: reference pixels and scales follow slices."""
    cuts = [
        (axis, index)
        for index, axis in zip(chosen, cube.axes, strict=True)
        if index != slice(None) and axis is not None
    ]
    return Metadata.later(functools.partial(_cut_cards, cube.metadata, cuts))


def _cut_cards(metadata: Metadata, cuts: list[tuple[int, slice | list[int]]]) -> tuple[Card, ...]:
    from polarnight.cubes.fits.wcs import cut_axis

    cards = metadata.derived()
    for axis, index in cuts:
        cards = cut_axis(cards, axis, index)
    return cards.cards


@operation("subset")
def _again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return subset(inputs[0], revived(parameters))
