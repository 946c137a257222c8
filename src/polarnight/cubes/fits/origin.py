"""Where a cube comes from, as a product of Polarnight tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from polarnight.cubes.fits.opening import open_units
from polarnight.cubes.metadata import Metadata
from polarnight.frames.products import provenance_unit
from polarnight.frames.provenance import InputRecord, Provenance, StageRecord

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

    from polarnight.cubes.cube import Cube

__all__ = ["ancestors", "history", "own_origin", "provenance", "provenance_table"]

_LONGEST = 200
_KEY = re.compile(r"[0-9a-f]{64}")
_MOST_LEVELS = 1 << 31


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
            role = "raw" if recipe.name == "open_fits" and not one.level else "cube"
            inputs.append(InputRecord(one.source or one.stored or one.measure, role, one.key))
        if one.inputs or recipe.inputs:
            text = json.dumps(dict(recipe.parameters), sort_keys=True)
            stages.append(StageRecord(recipe.name, recipe.version, text))
    return Provenance(tuple(inputs), tuple(stages), cube.key)


def provenance_table(cube: Cube) -> BinTableHDU:
    """Return the table of a file of a cube that says what it was made of, and its level."""
    table = provenance_unit(provenance(cube))
    table.header["LEVEL"] = (cube.level, "transformations since import")
    return table


def own_origin(path: str) -> tuple[int, tuple[str, ...]]:
    """Return level and parents of the image of a file that Polarnight wrote.

    The parent is the key of the cube, master or reduced frame that was written. Products
    without a level, as the pipeline writes them, are of level 1. Other files are raw: level 0,
    no parents.

    Parameters
    ----------
    path : str

    Raises
    ------
    BadFrame
        Where the file is cut short inside a header.
    """
    with open_units(path) as units:
        for unit in units:
            if unit.name.upper() == "PROVENANCE" and unit.cards.get("XTENSION") == "BINTABLE":
                cards = Metadata.from_bytes(unit.header)
                key, level = cards.get("RECIPE"), cards.get("LEVEL", 1)
                if isinstance(key, str) and _KEY.fullmatch(key) and _is_level(level):
                    return int(level), (key,)
                return 0, ()
    return 0, ()


def _is_level(level: Any) -> bool:
    return isinstance(level, int) and not isinstance(level, bool) and 0 <= level < _MOST_LEVELS


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
