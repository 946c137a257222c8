"""Writing many rows at once; people's flags survive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import models, transaction
from django.utils import timezone

from polarnight.db.audit import apply_decisions
from polarnight.db.models.base import AuditedModel

__all__ = ["link", "update", "upsert"]

M = TypeVar("M", bound=models.Model)

_BATCH = 200  # times the columns of a result stays under the limit of SQLite


def upsert(rows: Sequence[M], unique: Iterable[str], *, keep: Iterable[str] = ()) -> list[M]:
    """Insert rows, or bring those that exist up to date; all in one transaction.

    Parameters
    ----------
    rows : sequence of model instances
        All of one model.
    unique : iterable of str
        Fields of a unique constraint by which rows are known.
    keep : iterable of str
        Fields that an existing row keeps.

    Returns
    -------
    list
        The same instances, with primary keys.

    Raises
    ------
    ValueError
        Where two of the rows are the same by `unique`.
    """
    rows = list(rows)
    if not rows:
        return rows
    model = type(rows[0])
    for row in rows:
        complete = getattr(row, "complete", None)
        if complete is not None:
            complete()
    unique = list(unique)
    _refuse_twins(rows, unique)
    kept = {*unique, *keep}
    fields = [
        field.name
        for field in model._meta.concrete_fields
        if not field.primary_key and not field.generated and field.name not in kept
    ]
    for row in rows:
        # Rows are known by `unique` alone: with its old number a row that exists would
        # also clash on that, which the statement does not provide for.
        row.pk = None
    with transaction.atomic():
        apply_decisions(row for row in rows if isinstance(row, AuditedModel))
        model._default_manager.bulk_create(
            rows,
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=unique,
            update_fields=fields,
        )
    for row in rows:
        if isinstance(row, AuditedModel):
            row.flags = row.effective
    return rows


def update(rows: Sequence[M], fields: Iterable[str]) -> int:
    """Write some columns of rows that exist; all in one transaction.

    Parameters
    ----------
    rows : sequence of model instances
        All of one model, loaded or inserted before.
    fields : iterable of str
        Columns to write; ``modified`` is brought up to date as well.

    Returns
    -------
    int
        How many rows were found.
    """
    rows = list(rows)
    if not rows:
        return 0
    model = type(rows[0])
    names = list(fields)
    if any(field.name == "modified" for field in model._meta.concrete_fields):
        moment = timezone.now()
        for row in rows:
            row.modified = moment  # type: ignore[attr-defined]
        names.append("modified")
    found = model._default_manager.bulk_update(rows, names, batch_size=_BATCH)
    for row in rows:
        if isinstance(row, AuditedModel):
            row.flags = row.effective
    return found


def _refuse_twins(rows: Sequence[models.Model], unique: list[str]) -> None:
    """Refuse rows that would overwrite each other (PostgreSQL does, SQLite would not)."""
    columns = {field.name: field.attname for field in rows[0]._meta.concrete_fields}
    names = [columns[name] for name in unique]
    seen: set[tuple[Any, ...]] = set()
    for row in rows:
        key = tuple(getattr(row, name) for name in names)
        if key in seen:
            msg = f"{type(row).__name__} twice with {dict(zip(unique, key, strict=True))}"
            raise ValueError(msg)
        seen.add(key)


def link(model: type[models.Model], field: str, targets: dict[int, Iterable[int]]) -> None:
    """Set a many-to-many relation of many rows at once; links not given are removed.

    Parameters
    ----------
    model : type
        The model that has the relation, such as `PhotoPolResult`.
    field : str
        The name of the relation, such as ``"reducedfits"``.
    targets : dict
        Primary keys to link, by primary key of the row.
    """
    relation: Any = model._meta.get_field(field)
    through = relation.remote_field.through
    source, target = f"{relation.m2m_column_name()}", f"{relation.m2m_reverse_name()}"
    rows = [
        through(**{source: key, target: other})
        for key, others in targets.items()
        for other in dict.fromkeys(others)
    ]
    keys = list(targets)
    with transaction.atomic():
        for start in range(0, len(keys), _BATCH):
            chunk = keys[start : start + _BATCH]
            through._default_manager.filter(**{f"{source}__in": chunk}).delete()
        through._default_manager.bulk_create(rows, batch_size=_BATCH)
