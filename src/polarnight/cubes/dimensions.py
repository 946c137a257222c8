"""The axes of a cube: name, size, type and coordinates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.errors import CubeError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["DIMENSION_TYPES", "Dimension", "as_dimensions", "position"]

DIMENSION_TYPES: Final = {
    "byte": np.int8,
    "short": np.int16,
    "int": np.int32,
    "long": np.int64,
    "float": np.float32,
    "double": np.float64,
}
"""Types of coordinates, by the names Ophidia gives them."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One axis.

    Parameters
    ----------
    name : str
    size : int
        Number of elements.
    type : str
        Of the coordinates: one of `DIMENSION_TYPES`.
    values : sequence of numbers, optional
        Coordinates; by default 1, 2, ... `size`.

    Raises
    ------
    CubeError
        Where the name is empty, the size negative, the type unknown, or there are not `size`
        coordinates.
    """

    name: str
    size: int
    type: str = "int"
    values: Sequence[Any] | npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.name.strip():
            raise CubeError("a dimension needs a name")
        if self.size < 0:
            raise CubeError(f"dimension {self.name} has size {self.size}, which is negative")
        if self.type not in DIMENSION_TYPES:
            known = ", ".join(DIMENSION_TYPES)
            raise CubeError(f"dimension {self.name} has type {self.type!r}; there are {known}")
        if self.values is not None:
            # A tuple, so that dimensions can be compared and hashed.
            values = tuple(np.asarray(self.values).tolist())
            if len(values) != self.size:
                raise CubeError(
                    f"dimension {self.name} of size {self.size} was given {len(values)} values"
                )
            object.__setattr__(self, "values", values)

    @property
    def coordinates(self) -> npt.NDArray[Any]:
        """Coordinates as an array of the dimension's type, shape (size,)."""
        dtype = DIMENSION_TYPES[self.type]
        if self.values is None:
            return np.arange(1, self.size + 1).astype(dtype)
        return np.asarray(self.values).astype(dtype)

    def take(self, index: slice | Sequence[int] | npt.NDArray[Any]) -> Dimension:
        """Return the dimension of a part, with the coordinates of that part."""
        if isinstance(index, slice) and index == slice(None):
            return self
        values = np.asarray(self.coordinates if self.values is None else self.values)
        part = values[index if isinstance(index, slice) else np.asarray(index, np.intp)]
        return replace(self, size=len(part), values=tuple(part.tolist()))

    def renamed(self, name: str) -> Dimension:
        """Return the same dimension under another name."""
        return replace(self, name=name)


def as_dimensions(
    dims: Iterable[Dimension | str] | None, shape: Sequence[int]
) -> tuple[Dimension, ...]:
    """Return the dimensions of an array; those of FITS where none are given.

    Parameters
    ----------
    dims : iterable of Dimension or str, optional
        Slowest axis first, as the axes of the array.
    shape : sequence of int

    Raises
    ------
    CubeError
        Where number or sizes differ from the shape, or a name occurs twice.
    """
    if dims is None:
        return tuple(Dimension(f"NAXIS{len(shape) - k}", n) for k, n in enumerate(shape))
    given = list(dims)
    if len(given) != len(shape):
        listed = ", ".join(d if isinstance(d, str) else d.name for d in given)
        raise CubeError(f"{len(given)} dimensions ({listed}) for an array of {len(shape)} axes")
    made: list[Dimension] = []
    for dim, size in zip(given, shape, strict=True):
        one = Dimension(dim, size) if isinstance(dim, str) else dim
        if one.size != size:
            raise CubeError(f"dimension {one.name} has size {one.size}, its axis has {size}")
        made.append(one)
    names = [dim.name for dim in made]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise CubeError(f"dimension {sorted(twice)[0]} occurs twice")
    return tuple(made)


def position(dims: Sequence[Dimension], name: str) -> int:
    """Return which axis a dimension is; case counts only where two names differ in nothing else.

    Raises
    ------
    CubeError
        Where there is none of that name; names those there are.
    """
    names = [dim.name for dim in dims]
    if name in names:
        return names.index(name)
    folded = [one.casefold() for one in names]
    if folded.count(name.casefold()) == 1:
        return folded.index(name.casefold())
    raise CubeError(f"there is no dimension {name!r}; there are {', '.join(names) or 'none'}")
