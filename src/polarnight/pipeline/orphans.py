"""Stored cubes that nothing needs: what a killed process left when it deleted cubes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.cubes.store.store import CubeStore, StoredCube

__all__ = ["LEAST_AGE", "orphans", "sweep"]

LEAST_AGE: Final = 86400.0
"""Seconds for which a store is left alone: who wrote it may not yet have told the database."""

_CHUNK: Final = 500


def orphans(settings: Settings, age: float = LEAST_AGE) -> list[StoredCube]:
    """Return stored cubes that were in the catalogue and are needed by nothing in it.

    What was never in the catalogue was kept by somebody's own script, and is none. Neither is
    what a cube of the catalogue is made of, at any remove: it would be computed again.

    Parameters
    ----------
    settings : Settings
    age : float
        Seconds since a store was written that it must have at least.
    """
    return _orphans(_store(settings), age)


def sweep(settings: Settings, age: float = LEAST_AGE) -> list[StoredCube]:
    """Delete what `orphans` returns; return what was deleted.

    A cube that comes into the catalogue meanwhile loses no more than time: it is computed
    again from its recipe.
    """
    store = _store(settings)
    store.clean()
    # Looked at once more, one by one: the list may have taken long.
    return [one for one in _orphans(store, age) if not _needed([one.key]) and store.delete(one.key)]


def _store(settings: Settings) -> CubeStore:
    from polarnight.cubes.store.store import CubeStore

    return CubeStore(settings.data.cubes)


def _orphans(store: CubeStore, age: float) -> list[StoredCube]:
    from polarnight.db.models import CubeRecipe

    latest = time.time() - age
    old = {one.key: one for one in store.listing() if one.modified <= latest}
    known: set[str] = set()
    for keys in _chunks(old):
        known |= set(CubeRecipe.objects.filter(key__in=keys).values_list("key", flat=True))
    needed = _needed(known)
    return [one for key, one in old.items() if key in known and key not in needed]


def _needed(keys: Iterable[str]) -> set[str]:
    """Return those of some keys that cubes of the catalogue have, or are made of."""
    from polarnight.db.models import CubeRecipe, DataCube

    wanted = set(keys)
    if not wanted:
        return set()
    made_of = dict(
        DataCube.objects.exclude(recipe=None).values_list("recipe__key", "recipe__recipe")
    )
    seen: set[str] = set()
    while made_of:
        seen |= made_of.keys()
        inputs = {key for one in made_of.values() for key in one.get("inputs", ())} - seen
        made_of = {}
        for some in _chunks(inputs):
            rows = CubeRecipe.objects.filter(key__in=some)
            made_of |= dict(rows.values_list("key", "recipe"))
        seen |= inputs
    return wanted & seen


def _chunks(keys: Iterable[str]) -> Iterable[list[str]]:
    listed = sorted(keys)
    return (listed[start : start + _CHUNK] for start in range(0, len(listed), _CHUNK))
