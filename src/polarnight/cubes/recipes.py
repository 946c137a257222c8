"""How a cube is made: what can be written down, hashed, and made again elsewhere."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from polarnight.errors import CubeError

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["Recipe", "operation", "plain", "rebuild", "revived", "version_of"]

Rebuild: TypeAlias = "Callable[[Mapping[str, Any], Sequence[Cube]], Cube]"

# Where operations live; a module registers its own when it is imported.
_MODULES: Final = (
    "polarnight.cubes.cube",
    "polarnight.cubes.steps.arithmetic",
    "polarnight.cubes.steps.many",
    "polarnight.cubes.steps.subset",
    "polarnight.cubes.steps.joining",
    "polarnight.cubes.steps.shape",
    "polarnight.cubes.steps.labels",
    "polarnight.cubes.steps.reduce",
    # A door above; named, not imported, unless a recipe asks for it.
    "polarnight.ophidia.primitives",
    "polarnight.ophidia.engine.randoms",
)
# Where a file lies and when it was written is not what it holds.
_PLACES: Final = {"open_fits": frozenset({"path", "mtime_ns"})}
_KNOWN: dict[str, tuple[str, Rebuild]] = {}


@dataclass(frozen=True)
class Recipe:
    """One operation with everything that determines its result.

    Parameters
    ----------
    name, version : str
        Of the operation; another version means that results may differ.
    parameters : dict
        JSON-able.
    inputs : tuple of str
        Keys of the cubes it works on, in order.
    """

    name: str
    version: str = "1"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical JSON without places of files, in hexadecimal."""
        places = _PLACES.get(self.name)
        if places is None:
            return hashlib.sha256(self.to_json().encode()).hexdigest()
        parameters = {name: v for name, v in self.parameters.items() if name not in places}
        content = Recipe(self.name, self.version, parameters, self.inputs)
        return hashlib.sha256(content.to_json().encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "name": self.name,
            "version": self.version,
            "parameters": dict(self.parameters),
            "inputs": list(self.inputs),
        }

    def to_json(self) -> str:
        """Return the canonical JSON: sorted keys, no blanks.

        Raises
        ------
        TypeError, ValueError
            Where a parameter is not JSON-able.
        """
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Return the recipe that `to_dict` described."""
        return cls(
            values["name"], values["version"], dict(values["parameters"]), tuple(values["inputs"])
        )


def operation(name: str, version: str = "1") -> Callable[[Rebuild], Rebuild]:
    """Register what makes cubes of an operation again: ``rebuild(parameters, inputs)``."""

    def register(function: Rebuild) -> Rebuild:
        _KNOWN[name] = (version, function)
        return function

    return register


def version_of(name: str) -> str | None:
    """Return the version that an operation has now; None where there is none of that name."""
    registered = _registered(name)
    return None if registered is None else registered[0]


def _registered(name: str) -> tuple[str, Rebuild] | None:
    if name not in _KNOWN:
        for module in _MODULES:
            if importlib.util.find_spec(module) is not None:
                importlib.import_module(module)
    return _KNOWN.get(name)


def rebuild(recipe: Recipe, inputs: Sequence[Cube] = ()) -> Cube:
    """Make a cube again, lazily.

    Parameters
    ----------
    recipe : Recipe
    inputs : sequence of Cube
        The cubes whose keys are the recipe's `inputs`.

    Raises
    ------
    CubeError
        Where the operation is unknown or of another version, or the inputs are others.
    """
    registered = _registered(recipe.name)
    if registered is None:
        raise CubeError(f"there is no operation {recipe.name!r} to make the cube again")
    version, function = registered
    if version != recipe.version:
        raise CubeError(
            f"the cube was made by version {recipe.version} of {recipe.name}, this is version "
            f"{version}; run the operation again"
        )
    given = tuple(cube.key for cube in inputs)
    if given != recipe.inputs:
        raise CubeError(
            f"the inputs of {recipe.name} are no longer those it was made from; run it again"
        )
    return function(recipe.parameters, inputs)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it.

    Slices become ``{"slice": [start, stop, step]}``, numbers that are not finite
    ``{"float": "nan"}``, arrays and tuples lists.

    Raises
    ------
    CubeError
        Where there is no such form.
    """
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, slice):
        return {"slice": [plain(value.start), plain(value.stop), plain(value.step)]}
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence | set | frozenset | range):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(one) for one in items]
    raise CubeError(f"a parameter of type {type(value).__name__} cannot be written down")


def revived(value: Any) -> Any:
    """Return what `plain` wrote down; sequences come back as lists."""
    if isinstance(value, Mapping):
        if set(value) == {"slice"}:
            return slice(*value["slice"])
        if set(value) == {"float"}:
            return float(value["float"])
        return {key: revived(one) for key, one in value.items()}
    if isinstance(value, list):
        return [revived(one) for one in value]
    return value
