"""Cubes as the catalogue takes them: plain values, so that it need not know the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from polarnight.frames.cards import Card

__all__ = ["DIMENSION_TYPES", "CubeDescription", "DimensionDescription", "check_dimension"]

DIMENSION_TYPES = ("double", "float", "int", "long", "short", "byte")
_HIERARCHIES = ("oph_base", "oph_time")


@dataclass(frozen=True, slots=True)
class DimensionDescription:
    """A dimension.

    Parameters
    ----------
    name : str
    size : int
    type : str
        Type of the coordinates: double float int long short byte.
    explicit : bool
        Whether it counts rows (Ophidia's explicit) or elements inside them (implicit).
    hierarchy, concept_level : str
    values : sequence, optional
        Coordinates; 1 to `size` where not given.
    """

    name: str
    size: int
    type: str = "int"
    explicit: bool = True
    hierarchy: str = "oph_base"
    concept_level: str = "c"
    values: Sequence[Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what the database keeps; what is as usual is left out."""
        kept: dict[str, Any] = {
            "name": self.name,
            "size": int(self.size),
            "type": self.type,
            "explicit": self.explicit,
        }
        if self.hierarchy != "oph_base":
            kept["hierarchy"] = self.hierarchy
        if self.concept_level != "c":
            kept["concept_level"] = self.concept_level
        if self.values is not None:
            kept["values"] = list(self.values)
        return kept

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> DimensionDescription:
        """Return the dimension of what the database keeps."""
        return cls(**kept)

    def check(self) -> None:
        """Refuse unknown types and impossible sizes.

        Raises
        ------
        ConfigError
        """
        check_dimension(self.name, self.type, self.hierarchy)
        if self.size < 0 or (self.values is not None and len(self.values) != self.size):
            told = "" if self.values is None else f" and {len(self.values)} values"
            msg = f"dimension {self.name!r} has size {self.size}{told}"
            raise ConfigError(msg)


def check_dimension(name: str, kind: str, hierarchy: str) -> None:
    """Refuse a dimension of an unknown type or hierarchy.

    Raises
    ------
    ConfigError
    """
    if not name or len(name) > 200 or any(c in name for c in "|;=[]/,: \t\n"):
        msg = f"{name!r} cannot name a dimension: no empty name, no spaces and none of |;=[]/,:"
        raise ConfigError(msg)
    for what, value, known in (
        ("type", kind, DIMENSION_TYPES),
        ("hierarchy", hierarchy, _HIERARCHIES),
    ):
        if value not in known:
            msg = f"dimension {name!r}: {what} {value!r} is not known; use {', '.join(known)}"
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class CubeDescription:
    """All that the catalogue keeps of a cube.

    Parameters
    ----------
    measure, dtype : str
        Name of the measure, and its type (double float int long short byte, or numpy's name).
    dims : sequence of DimensionDescription
        In Ophidia's order: explicit ones first, then implicit ones, the fastest last.
    key : str
        Recipe key; ``""`` where there is no recipe.
    recipe : mapping
        JSON-able.
    level : int
        Transformations since the import.
    unit, description, source : str
    cards : iterable of polarnight.frames.Card
    parents : sequence of str
        Recipe keys of the inputs.
    nfrag, nhost : int
        Fragments of the cube on each host, and hosts.
    compressed : bool
    missing_value : float, optional
    size_bytes : int, optional
        Of the file or store, where known.
    """

    measure: str
    dtype: str
    dims: Sequence[DimensionDescription]
    key: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    level: int = 0
    unit: str = ""
    description: str = ""
    source: str = ""
    cards: Iterable[Card] = ()
    parents: Sequence[str] = ()
    nfrag: int = 1
    nhost: int = 1
    compressed: bool = False
    missing_value: float | None = None
    size_bytes: int | None = None

    def check(self) -> None:
        """Refuse what no cube can be.

        Raises
        ------
        ConfigError
        """
        names = [dim.name for dim in self.dims]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"a cube cannot have two dimensions {twice[0]!r}"
            raise ConfigError(msg)
        for dim in self.dims:
            dim.check()
        if not self.measure or self.nfrag < 1 or self.nhost < 1 or self.level < 0:
            msg = (
                f"no cube: measure {self.measure!r}, nfrag {self.nfrag}, nhost {self.nhost}, "
                f"level {self.level}"
            )
            raise ConfigError(msg)
