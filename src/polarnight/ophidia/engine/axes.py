"""Explicit and implicit dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polarnight.db.models import DataCube

__all__ = ["Axes", "explicit_names", "implicit_names"]


@dataclass(frozen=True, slots=True)
class Axes:
    """How Ophidia orders the dimensions of a cube.

    Attributes
    ----------
    explicit, implicit : tuple of str
        Names: those that count rows, and those that count the elements of a row, slowest
        first. How the engine keeps the array is another matter.
    """

    explicit: tuple[str, ...]
    implicit: tuple[str, ...]

    @classmethod
    def of(cls, row: DataCube) -> Axes:
        """Return the axes of a cube of the catalogue."""
        return cls(explicit_names(row), implicit_names(row))

    @property
    def names(self) -> tuple[str, ...]:
        """All names in Ophidia's order."""
        return self.explicit + self.implicit

    def without(self, name: str) -> Axes:
        """Return the axes without a dimension."""
        return Axes(
            tuple(n for n in self.explicit if n != name),
            tuple(n for n in self.implicit if n != name),
        )

    def with_implicit(self, name: str) -> Axes:
        """Return the axes with a further implicit dimension, the fastest."""
        return Axes(self.explicit, (*self.implicit, name))


def explicit_names(row: DataCube) -> tuple[str, ...]:
    """Return the names of the dimensions that count the rows of a cube."""
    return tuple(dim["name"] for dim in row.dims if dim["explicit"])


def implicit_names(row: DataCube) -> tuple[str, ...]:
    """Return the names of the dimensions inside the rows of a cube, slowest first."""
    return tuple(dim["name"] for dim in row.dims if not dim["explicit"])
