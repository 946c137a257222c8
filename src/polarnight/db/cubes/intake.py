"""Writing cubes down: rows, recipes, cards and what made them; and taking them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from polarnight.db.cubes.bulk_cards import copy_cards, insert_cards
from polarnight.db.cubes.description import CubeDescription
from polarnight.db.cubes.interning import chunks
from polarnight.db.models import (
    CubeCard,
    CubeContainer,
    CubeJob,
    CubeRecipe,
    CubeSession,
    CubeTask,
    CubeTaskInput,
    DataCube,
)

__all__ = ["Origin", "create_cubes", "delete_numbers", "record_tasks"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a cube.

    Parameters
    ----------
    operator, query : str
        The operation, and the command as it was given.
    inputs : sequence of DataCube
    session : CubeSession, optional
    job : CubeJob, optional
    """

    operator: str
    query: str = ""
    inputs: Sequence[DataCube] = ()
    session: CubeSession | None = None
    job: CubeJob | None = None


def create_cubes(
    container: CubeContainer,
    descriptions: Iterable[CubeDescription],
    *,
    numbers: Sequence[int | None] | None = None,
    cards_of: DataCube | None = None,
) -> list[DataCube]:
    """Insert cubes with their cards; inside a transaction. `numbers` gives old ones again."""
    wanted = list(descriptions)
    for description in wanted:
        description.check()
    recipes = _recipes({d.key: dict(d.recipe) for d in wanted if d.key})
    given = numbers or [None] * len(wanted)
    rows = [
        DataCube(
            pk=number,
            container=container,
            recipe=recipes.get(d.key),
            level=d.level,
            measure=d.measure,
            dtype=d.dtype,
            unit=d.unit,
            description=d.description.replace("\x00", " "),
            source=d.source.replace("\x00", " "),
            dims=[dim.to_dict() for dim in d.dims],
            parents=list(d.parents),
            nfrag=d.nfrag,
            nhost=d.nhost,
            compressed=d.compressed,
            missing_value=d.missing_value,
            size_bytes=d.size_bytes,
            user=container.user,
        )
        for number, d in zip(given, wanted, strict=True)
    ]
    cubes = DataCube.objects.bulk_create(rows, batch_size=200)
    if cards_of is not None:
        for cube in cubes:
            copy_cards(cards_of.pk, cube.pk)
    insert_cards({cube.pk: list(d.cards) for cube, d in zip(cubes, wanted, strict=True)})
    return cubes


def delete_numbers(numbers: Sequence[int]) -> None:
    """Delete cubes with their cards; inside a transaction."""
    for chunk in chunks(sorted(numbers)):
        if connection.features.has_select_for_update:
            # Nobody adds a card to what goes.
            rows = DataCube.objects.filter(pk__in=chunk).order_by("pk").select_for_update()
            list(rows.values_list("pk", flat=True))
        CubeCard.objects.filter(cube__in=chunk)._raw_delete(connection.alias)
        DataCube.objects.filter(pk__in=chunk)._raw_delete(connection.alias)


def _recipes(recipes: dict[str, dict[str, Any]]) -> dict[str, CubeRecipe]:
    if not recipes:
        return {}
    CubeRecipe.objects.bulk_create(
        [CubeRecipe(key=key, recipe=recipes[key]) for key in sorted(recipes)],
        ignore_conflicts=True,
        batch_size=200,
    )
    found: dict[str, CubeRecipe] = {}
    for chunk in chunks(list(recipes)):
        found |= {row.key: row for row in CubeRecipe.objects.filter(key__in=chunk)}
    return found


def record_tasks(cubes: Sequence[DataCube], origin: Origin) -> None:
    """Write down what made cubes, and the last of them as the last one of the session."""
    session = origin.session
    tasks = CubeTask.objects.bulk_create(
        [
            CubeTask(
                session=session,
                job=origin.job,
                operator=origin.operator,
                query=origin.query.replace("\x00", " "),
                number=cube.pk,
                output=cube.place,
                source=cube.source,
            )
            for cube in cubes
        ],
        batch_size=200,
    )
    CubeTaskInput.objects.bulk_create(
        [
            CubeTaskInput(task=task, number=cube.pk, place=cube.place)
            for task in tasks
            for cube in origin.inputs
        ],
        batch_size=200,
    )
    if session is not None and cubes:
        session.last_cube = cubes[-1].pk
        CubeSession.objects.filter(pk=session.pk).update(last_cube=session.last_cube)
