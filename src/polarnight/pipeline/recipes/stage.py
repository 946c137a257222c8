"""Stages and recipes: the methods section of a reduction, as code.

A `Stage` declares what it reads and writes, holds its typed parameters and has a pure
`run`. A `Recipe` is an ordered list of stages. Both are values: they can be compared,
listed, sent to another machine, and hashed into the recipe key of what they make.
"""

from __future__ import annotations

import dataclasses
import math
import operator
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from polarnight.errors import AlgorithmFailed, ConfigError
from polarnight.pipeline.recipes.apart import StageLimits, run_apart

_OWN_PACKAGE = __name__.partition(".")[0]

__all__ = ["Parameter", "Product", "Recipe", "Stage", "StageRecord", "parameter"]


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


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a stage, for people to read.

    Attributes
    ----------
    name : str
    value : object
    description : str
        One line.
    unit : str
    choices : tuple of str
        The words that are allowed; empty where it is no such word.
    """

    name: str
    value: Any
    description: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()


def parameter(
    default: Any,
    description: str,
    unit: str = "",
    *,
    choices: Iterable[str] = (),
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    setting: str = "",
    declared: str = "",
) -> Any:
    """Declare a parameter of a stage: a field of its dataclass that can be explained.

    Parameters
    ----------
    default : object
        Its type is the type of the parameter.
    description, unit : str
    choices : iterable of str
    least, above, most : float, optional
        Limits of a number, or of each number of a tuple: not below `least`, above `above`,
        not beyond `most`.
    setting : str
        The key of the settings that gives the value where no recipe does.
    declared : str
        The attribute of the instrument that gives the value where no recipe does.
    """
    limits = {"least": least, "above": above, "most": most}
    return field(
        default=default,
        metadata={
            "description": description,
            "unit": unit,
            "choices": tuple(choices),
            "setting": setting,
            "declared": declared,
            "limits": {name: limit for name, limit in limits.items() if limit is not None},
        },
    )


@dataclass(frozen=True)
class Stage(ABC):
    """One step of a recipe. Subclasses are frozen dataclasses whose fields are parameters.

    The first line of the docstring of a subclass says what it does, and is printed.

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
    recipe, after : str
        For stages of other packages: the recipe they belong to, and the stage they follow.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ()
    citations: ClassVar[tuple[str, ...]] = ()
    recipe: ClassVar[str] = "light"
    after: ClassVar[str] = ""

    @abstractmethod
    def run(self, product: Product) -> Product:
        """Do the work; return the product with what `writes` declares."""

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return dataclasses.asdict(self)

    def describe(self) -> list[Parameter]:
        """Return the parameters with their descriptions and units."""
        return [
            Parameter(
                entry.name,
                getattr(self, entry.name),
                entry.metadata.get("description", ""),
                entry.metadata.get("unit", ""),
                entry.metadata.get("choices", ()),
            )
            for entry in dataclasses.fields(self)
        ]

    @classmethod
    def declared(cls) -> set[str]:
        """Return the names of the parameters that instruments declare."""
        return {entry.name for entry in dataclasses.fields(cls) if entry.metadata.get("declared")}

    @classmethod
    def summary(cls) -> str:
        """Return what the stage does: the first paragraph of its docstring, in one line."""
        return " ".join((cls.__doc__ or "").partition("\n\n")[0].split())

    def with_parameters(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with some parameters changed.

        Whole numbers become floats where floats are wanted, lists become tuples: the same
        value written otherwise is the same parameter.

        Raises
        ------
        ConfigError
            Where the stage has no parameter of a name, the type is another, or the value is
            outside the limits.
        """
        known = {f.name: f for f in dataclasses.fields(self)}
        values = {}
        for key, value in changes.items():
            if key not in known:
                msg = f"stage {self.name} has no parameter {key!r}; it has: {_listed(known)}"
                raise ConfigError(msg)
            where = f"{self.name}.{key}"
            values[key] = _typed(where, getattr(self, key), value)
            _check_limits(where, known[key].metadata, values[key])
        return dataclasses.replace(self, **values)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _typed(where: str, default: Any, value: Any) -> Any:
    """Return a value in the type of the default, or refuse it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if default is None or (isinstance(default, bool) and isinstance(value, bool)):
        return value
    if isinstance(default, float) and is_number and math.isfinite(value):
        return float(value)
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        if len(value) == len(default):
            return tuple(_typed(where, d, v) for d, v in zip(default, value, strict=True))
    elif type(value) is type(default) and not isinstance(default, float):
        return value
    expected = type(default).__name__
    if isinstance(default, tuple):
        expected = f"a list of {len(default)}"
    msg = f"{where} = {value!r}: expected {expected}, such as {_shown(default)}"
    raise ConfigError(msg)


def _shown(value: Any) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)


def _check_limits(where: str, metadata: Mapping[str, Any], value: Any) -> None:
    choices = metadata.get("choices", ())
    if choices and value not in choices:
        msg = f"{where} = {value!r}: choose one of {', '.join(choices)}"
        raise ConfigError(msg)
    words = {"least": "at least", "above": "above", "most": "at most"}
    holds = {"least": operator.ge, "above": operator.gt, "most": operator.le}
    numbers = value if isinstance(value, tuple) else (value,)
    for name, limit in metadata.get("limits", {}).items():
        if not all(holds[name](number, limit) for number in numbers):
            msg = f"{where} = {_shown(value)} must be {words[name]} {limit:g}"
            raise ConfigError(msg)


def _run(stage: Stage, product: Product, limits: StageLimits) -> Product:
    """Run a stage; of one of another package, tell its faults as its own."""
    package = _package(stage)
    if package == _OWN_PACKAGE:
        return stage.run(product)
    who = f"stage {stage.name} of the package {package}"
    made: Any = run_apart(stage, product, who, limits)
    if not isinstance(made, Product):
        msg = f"{who} returned {type(made).__name__}, no Product"
        raise AlgorithmFailed(msg)
    missing = sorted((set(product.values) | set(stage.writes)) - set(made.values))
    if missing:
        msg = f"{who} returned no {', '.join(missing)}"
        raise AlgorithmFailed(msg)
    for name, value in product.values.items():
        now = made.values[name]
        if _package(value) == _OWN_PACKAGE and not isinstance(now, type(value)):
            msg = f"{who} made {name} a {type(now).__name__}, which was a {type(value).__name__}"
            raise AlgorithmFailed(msg)
    return made


def _package(thing: Any) -> str:
    return type(thing).__module__.partition(".")[0]


@dataclass(frozen=True)
class Recipe:
    """An ordered list of stages under a name.

    Attributes
    ----------
    name : str
    starts_with : tuple of str
        Names of the values that are there before the first stage.
    stages : tuple of Stage
    limits : StageLimits
        What stages of other packages may take; changes no result, and so no key.

    Raises
    ------
    ConfigError
        Where a stage reads what no earlier stage, nor the start, provides.
    """

    name: str
    starts_with: tuple[str, ...]
    stages: tuple[Stage, ...]
    limits: StageLimits = field(default=StageLimits(), compare=False)

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
            product = _run(stage, product, self.limits)
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

    def stage(self, name: str) -> Stage:
        """Return a stage by its name.

        Raises
        ------
        ConfigError
            Where the recipe has no such stage.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        msg = f"recipe {self.name} has no stage {name!r}; it has: {names}"
        raise ConfigError(msg)

    def with_stage(self, stage: Stage, after: str) -> Self:
        """Return a copy with a stage inserted after another.

        Raises
        ------
        ConfigError
            Where there is no stage to follow, or one of that name is there already.
        """
        previous = self.stage(after)
        if any(stage.name == other.name for other in self.stages):
            msg = f"recipe {self.name} has a stage {stage.name} already"
            raise ConfigError(msg)
        place = self.stages.index(previous) + 1
        # Those that follow the same stage keep the order in which they came.
        while place < len(self.stages) and self.stages[place].after == after:
            place += 1
        stages = (*self.stages[:place], stage, *self.stages[place:])
        return dataclasses.replace(self, stages=stages)

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
