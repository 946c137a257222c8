"""Where a cube comes from, as a product of Polarnight tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from polarnight.frames.provenance import InputRecord, Provenance, StageRecord

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["ancestors", "history", "provenance"]

_LONGEST = 200


def ancestors(cube: Cube) -> Iterator[Cube]:
    """Yield a cube and all it was made from, inputs first, each once."""
    seen: set[int] = set()
    waiting = [(cube, False)]
    while waiting:
        one, ready = waiting.pop()
        if ready:
            yield one
        elif id(one) not in seen:
            seen.add(id(one))
            waiting.append((one, True))
            waiting += [(parent, False) for parent in reversed(one.inputs)]


def provenance(cube: Cube) -> Provenance:
    """Return files and operations of a cube as far as this process knows them."""
    inputs, stages = [], []
    for one in ancestors(cube):
        recipe = one.recipe
        if not one.inputs:
            role = "raw" if recipe.name == "open_fits" else "cube"
            inputs.append(InputRecord(one.source or one.stored or one.measure, role, one.key))
        if one.inputs or recipe.inputs:
            text = json.dumps(dict(recipe.parameters), sort_keys=True)
            stages.append(StageRecord(recipe.name, recipe.version, text))
    return Provenance(tuple(inputs), tuple(stages), cube.key)


def history(cube: Cube) -> list[str]:
    """Return a line for each operation, in the order they were done."""
    lines = []
    for one in ancestors(cube):
        recipe = one.recipe
        if not recipe.inputs:
            continue
        told = ", ".join(_told(recipe.parameters))
        count = len(recipe.inputs)
        cubes = f" of {count} cubes" if count > 1 else ""
        line = f"{recipe.name}{cubes}: {told}" if told else f"{recipe.name}{cubes}"
        lines.append(line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}...")
    return lines


def _told(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield parameters that say something, those inside others as their own."""
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _told(value)
        elif value is not None and value != []:
            yield f"{name}={value if isinstance(value, str) else json.dumps(value)}"
