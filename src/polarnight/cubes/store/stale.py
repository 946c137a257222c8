"""Why a cube that was made before would be another one if it were made now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.cubes.fits.content import find_file
from polarnight.cubes.fits.origin import ancestors
from polarnight.cubes.recipes import Recipe, version_of
from polarnight.errors import BadFrame

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["differences", "why_cube_is_stale", "why_stale"]


def why_stale(recipe: Recipe, known: Callable[[str], Recipe | None]) -> list[str]:
    """Return the reasons why a cube is stale; none where it would come out the same.

    Looks at the versions of all operations that led to it, and at the files it began with.

    Parameters
    ----------
    recipe : Recipe
        How the cube was made.
    known : callable
        Returns the recipe of a key, as a catalogue or a store knows it; None where it does
        not: then nothing is said about that input.

    Returns
    -------
    list of str
        One sentence for each reason, the cube's own operation first.
    """
    reasons: list[str] = []
    waiting, seen = [recipe], {recipe.key}
    while waiting:
        one = waiting.pop(0)
        found = _reason(one)
        if found is not None and found not in reasons:
            reasons.append(found)
        for key in one.inputs:
            given = None if key in seen else known(key)
            seen.add(key)
            if given is not None:
                waiting.append(given)
    return reasons


def why_cube_is_stale(cube: Cube, known: Callable[[str], Recipe | None] | None) -> list[str]:
    """Return what `why_stale` says of a cube and all that this process knows it was made of."""
    own = {one.key: one.recipe for one in ancestors(cube)}
    return why_stale(cube.recipe, lambda key: own.get(key) or (known(key) if known else None))


def _reason(recipe: Recipe) -> str | None:
    now = version_of(recipe.name)
    if now is None:
        return f"the operation {recipe.name} is no longer there"
    if now != recipe.version:
        return f"{recipe.name} is of version {now} now, it was {recipe.version}"
    if {"path", "size", "mtime_ns", "content"} <= set(recipe.parameters):
        return _file_reason(recipe.parameters)
    return None


def _file_reason(parameters: Mapping[str, Any]) -> str | None:
    path = parameters["path"]
    try:
        find_file(path, parameters["content"])
    except BadFrame as error:
        if not error.reason.startswith("has changed"):
            return f"{path} {error.reason}"
    else:
        return None
    size = Path(path).stat().st_size
    if size != parameters["size"]:
        return f"{path} has {size} bytes now, it had {parameters['size']}"
    return f"{path} was written again since"


def differences(old: Recipe, new: Recipe) -> list[str]:
    """Return in what two recipes differ; nothing where their keys are the same.

    Parameters
    ----------
    old, new : Recipe

    Returns
    -------
    list of str
        One sentence for each difference.
    """
    if old.name != new.name:
        return [f"the operation is {new.name} now, it was {old.name}"]
    found = []
    if old.version != new.version:
        found.append(f"{new.name} is of version {new.version} now, it was {old.version}")
    for name in sorted({*old.parameters, *new.parameters}):
        before, now = (r.parameters.get(name, "not given") for r in (old, new))
        if before != now:
            found.append(f"{name} is {now} now, it was {before}")
    gone = [key for key in old.inputs if key not in new.inputs]
    added = [key for key in new.inputs if key not in old.inputs]
    if gone or added:
        found.append(f"{len(added)} of {len(new.inputs)} inputs are new, {len(gone)} are gone")
    elif old.inputs != new.inputs:
        found.append("the inputs are in another order, or in other numbers")
    return found
