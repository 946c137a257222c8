"""Stages and recipes: the methods section of a reduction, as code.

A `Stage` declares what it reads and writes, holds its typed parameters and has a pure
`run`. A `Recipe` is an ordered list of stages. Both are values: they can be compared,
listed, sent to another machine, and hashed into the recipe key of what they make.
"""

from __future__ import annotations

import dataclasses
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from polarnight.errors import ConfigError

__all__ = ["Product", "Recipe", "Stage", "StageRecord"]


@dataclass(frozen=True, slots=True)
class StageRecord:
    """That a stage ran: its name, version, parameters and how long it took (seconds)."""

    name: str
    version: str
    parameters: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Product:
    """What is handed from stage to stage: named values and the record of the stages.

    Attributes
    ----------
    values : dict
        Named values, such as ``frame`` or ``detections``.
    notes : dict
        JSON-able remarks by stage name: figures, and reasons where a stage declined.
    records : tuple of StageRecord
    """

    values: Mapping[str, Any]
    notes: Mapping[str, Any] = field(default_factory=dict)
    records: tuple[StageRecord, ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value, or `default` where no stage has written it."""
        return self.values.get(name, default)

    def with_values(self, **values: Any) -> Self:
        """Return a copy with values added or replaced."""
        return dataclasses.replace(self, values={**self.values, **values})

    def with_note(self, stage: str, note: Any) -> Self:
        """Return a copy with the remark of one stage."""
        return dataclasses.replace(self, notes={**self.notes, stage: note})


@dataclass(frozen=True)
class Stage(ABC):
    """One step of a recipe. Subclasses are frozen dataclasses whose fields are parameters.

    Attributes
    ----------
    name : str
        Name in recipes, configuration and provenance.
    version : str
        Changed whenever the result for the same input changes; part of recipe keys.
    reads, writes : tuple of str
        Names of the values of a `Product` that the stage needs and makes.
    citations : tuple of str
        Where the method comes from.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ()
    citations: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def run(self, product: Product) -> Product:
        """Do the work; return the product with what `writes` declares."""

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return dataclasses.asdict(self)

    def with_parameters(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with some parameters changed.

        Raises
        ------
        ConfigError
            Where the stage has no parameter of a name, or the type is another.
        """
        known = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for key, value in changes.items():
            if key not in known:
                msg = f"stage {self.name} has no parameter {key!r}; it has: {', '.join(known)}"
                raise ConfigError(msg)
            _check_type(self.name, key, known[key], value)
        return dataclasses.replace(self, **changes)


def _check_type(stage: str, key: str, default: Any, value: Any) -> None:
    if default is None or isinstance(value, type(default)):
        return
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return
    msg = f"{stage}.{key} = {value!r}: expected {type(default).__name__}, such as {default!r}"
    raise ConfigError(msg)


@dataclass(frozen=True)
class Recipe:
    """An ordered list of stages under a name.

    Raises
    ------
    ConfigError
        Where a stage reads what no earlier stage, nor the start, provides.
    """

    name: str
    starts_with: tuple[str, ...]
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        available = set(self.starts_with)
        for stage in self.stages:
            missing = set(stage.reads) - available
            if missing:
                msg = f"recipe {self.name}: {stage.name} reads {sorted(missing)}, made by no stage"
                raise ConfigError(msg)
            available |= set(stage.writes)

    def run(self, **start: Any) -> Product:
        """Carry the starting values through all stages."""
        product = Product(values=start)
        for stage in self.stages:
            begun = time.perf_counter()
            product = stage.run(product)
            record = StageRecord(
                stage.name, stage.version, stage.parameters(), time.perf_counter() - begun
            )
            product = dataclasses.replace(product, records=(*product.records, record))
        return product

    def versions(self) -> dict[str, str]:
        """Return stage versions by stage name, for recipe keys."""
        return {stage.name: stage.version for stage in self.stages}

    def parameters(self) -> dict[str, dict[str, Any]]:
        """Return the parameters of every stage by stage name."""
        return {stage.name: stage.parameters() for stage in self.stages}

    def with_parameters(self, changes: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return a copy with the parameters of some of its stages changed."""
        stages = tuple(
            stage.with_parameters(changes[stage.name]) if stage.name in changes else stage
            for stage in self.stages
        )
        return dataclasses.replace(self, stages=stages)


def check_overrides(recipes: Iterable[Recipe], changes: Mapping[str, Any]) -> None:
    """Refuse parameter changes for a stage that is in none of the recipes.

    Raises
    ------
    ConfigError
        Naming the unknown stage and the known ones.
    """
    known = {stage.name for recipe in recipes for stage in recipe.stages}
    unknown = set(changes) - known
    if unknown:
        msg = f"no stage {', '.join(sorted(unknown))}; stages: {', '.join(sorted(known))}"
        raise ConfigError(msg)
