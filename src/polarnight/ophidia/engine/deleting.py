"""Deleting cubes without losing what was made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.errors import BadFrame, PolarnightError
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.files.paths import products

if TYPE_CHECKING:
    from polarnight.db.models import DataCube
    from polarnight.ophidia.context import Context
    from polarnight.ophidia.operator import Given

__all__ = ["delete_cubes", "lazy_descendants"]


def delete_cubes(rows: Sequence[DataCube], given: Given, context: Context) -> list[int]:
    """Delete cubes, and what is stored of them where no other cube needs it.

    A lazy cube goes on by itself where the files it was made of are there. Where its parent has
    pixels in the store, or in a file of ours, that would go now, it is computed first.

    Parameters
    ----------
    rows : sequence of DataCube
    given : dict
        How to compute.
    context : Context

    Returns
    -------
    list of int
        Numbers of the cubes that were deleted.

    Raises
    ------
    OperatorFailed
        Where a lazy cube cannot be computed; nothing is deleted then.
    """
    bench, store = context.server.workbench, context.server.store
    stored = {row.recipe.key for row in rows if row.recipe is not None and bench.is_stored(row)}
    files = _products(rows, context)
    doomed = {row.pk for row in rows}
    if stored or files:
        for child in lazy_descendants(rows, context):
            if child.pk in doomed:
                continue
            context.progress(f"computing {context.catalogue.pid(child)}", 0.0)
            try:
                with context.runner(given) as runner:
                    bench.materialise(child, runner)
            except PolarnightError as error:
                pid = context.catalogue.pid(child)
                msg = f"{context.operator}: {pid} is made of it and cannot be computed: {error}"
                raise OperatorFailed(msg, "delete that cube first; nothing was deleted") from error
    deleted = context.catalogue.cubes.delete(rows)
    shared = context.catalogue.cubes.shared_keys({*stored, *files})
    for key in stored - shared:
        store.delete(key)
    for key, path in files.items():
        if key not in shared:
            path.unlink(missing_ok=True)
    return deleted


def _products(rows: Sequence[DataCube], context: Context) -> dict[str, Path]:
    """Return the files that operators made and that cubes show, by the keys of the cubes.

    Files that were imported, or are of the archive, are nobody's to delete here.
    """
    top = products(context.settings)
    found = {}
    for row in rows:
        if row.recipe is not None and context.server.workbench.is_view(row):
            try:
                path = context.server.workbench.file_of(row)
            except BadFrame:  # gone or another one: nothing of ours to delete
                continue
            if path.parent == top:
                found[row.recipe.key] = path
    return found


def lazy_descendants(rows: Sequence[DataCube], context: Context) -> list[DataCube]:
    """Return the cubes made of these, at any remove, whose pixels are computed when asked for.

    What was computed ends the line: its children do not need these cubes.
    """
    from polarnight.db.models import CubeTaskInput, DataCube

    bench = context.server.workbench
    found: dict[int, DataCube] = {}
    waiting = {row.pk for row in rows}
    seen = set(waiting)
    while waiting:
        inputs = CubeTaskInput.objects.filter(number__in=waiting)
        numbers = set(inputs.values_list("task__number", flat=True)) - seen
        seen |= numbers
        waiting = set()
        for row in DataCube.objects.filter(pk__in=numbers).select_related("recipe", "container"):
            if not bench.is_stored(row):
                found[row.pk] = row
                waiting.add(row.pk)
    return [found[number] for number in sorted(found)]
