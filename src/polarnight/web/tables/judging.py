"""Flags that people set on results, and how to take that back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from polarnight.db.audit import decide, flag_value
from polarnight.db.models import FlagChange, PhotoPolResult
from polarnight.errors import NoWork, PolarnightError

__all__ = ["MOST_ROWS", "Changed", "judge", "undo"]

MOST_ROWS = 2000
Changed = dict[int, int]
_CHUNK = 500
_MODEL = "PhotoPolResult"


class Overtaken(PolarnightError):
    """Somebody has decided otherwise since."""


def judge(
    ids: Sequence[int], flag: str, value: bool | None, *, why: str, who: str
) -> tuple[Changed, list[int]]:
    """Set or clear a flag of results, or leave it to machines again.

    Parameters
    ----------
    ids : sequence of int
    flag : str
    value : bool or None
    why, who : str

    Returns
    -------
    flags : dict
        Flags in force afterwards, by key; of all rows that were found.
    changes : list of int
        Keys of the entries of the history, for `undo`.

    Raises
    ------
    ConfigError
        Where there is no such flag.
    """
    flag_value(PhotoPolResult(), flag)  # an unknown flag is told also where no row is left
    with transaction.atomic():
        before = _last()
        rows = _rows(ids)
        decide(rows, flag, value, why=why, who=who)
        keys = {row.natural for row in rows}
        changes = [
            change.pk
            for change in FlagChange.objects.filter(pk__gt=before, model=_MODEL, who=who)
            if change.key in keys
        ]
    return {row.pk: row.effective for row in rows}, changes


def undo(changes: Sequence[int], *, who: str) -> tuple[Changed, list[int]]:
    """Restore the decisions that were in force before; the history gets new entries.

    Parameters
    ----------
    changes : sequence of int
        As from `judge`, of this user.
    who : str

    Raises
    ------
    NoWork
        Where `who` made no such changes.
    PolarnightError
        Where one of these flags was decided anew in the meantime; nothing is changed then.
    """
    with transaction.atomic():
        before = _last()
        found = [
            change
            for chunk in _chunks(changes)
            for change in FlagChange.objects.filter(pk__in=chunk, who=who, model=_MODEL)
        ]
        if not found:
            msg = "there is nothing of yours to take back"
            raise NoWork(msg)
        rows = {
            row.natural: row
            for chunk in _chunks([change.key for change in found])
            for row in PhotoPolResult.objects.filter(identity__in=chunk)
        }
        for change in sorted(found, key=lambda change: -change.pk):
            if change.key in rows:
                _restore(rows[change.key], change, who)
        done = [
            entry.pk
            for entry in FlagChange.objects.filter(pk__gt=before, model=_MODEL, who=who)
            if entry.key in rows
        ]
    return {row.pk: row.effective for row in rows.values()}, done


def _restore(row: PhotoPolResult, change: FlagChange, who: str) -> None:
    touched = (change.set_before ^ change.set_after) | (change.clear_before ^ change.clear_after)
    differs = (row.human_set ^ change.set_after) | (row.human_clear ^ change.clear_after)
    if differs & touched:
        msg = f"result {row.pk} was judged anew since; load it again"
        raise Overtaken(msg)
    for flag in PhotoPolResult.FLAGS:
        if flag & touched:
            value = True if change.set_before & flag else None
            if change.clear_before & flag:
                value = False
            decide([row], int(flag), value, why=f"undone: {change.why}", who=who)


def _last() -> int:
    last = FlagChange.objects.order_by("-pk").values_list("pk", flat=True).first()
    return last or 0


def _chunks(keys: Sequence[Any]) -> list[Sequence[Any]]:
    return [keys[at : at + _CHUNK] for at in range(0, len(keys), _CHUNK)]


def _rows(ids: Sequence[int]) -> list[PhotoPolResult]:
    rows: list[PhotoPolResult] = []
    for chunk in _chunks(ids):
        rows += PhotoPolResult.objects.filter(pk__in=chunk)
    return rows
