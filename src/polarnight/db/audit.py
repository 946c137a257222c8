"""What people say about rows: flags and comments that survive reruns, and their history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction

from polarnight.db.models.audit import FlagChange, HumanDecision
from polarnight.db.models.base import AuditedModel
from polarnight.db.processes import user_name
from polarnight.errors import ConfigError

__all__ = ["apply_decisions", "comment_of", "decide", "history", "write_comment"]

_CHUNK = 500  # SQLite takes a limited number of parameters in one query


def _label(row: AuditedModel) -> str:
    return str(row._meta.object_name)


def _decisions(model: str, keys: Sequence[str]) -> dict[str, HumanDecision]:
    found: dict[str, HumanDecision] = {}
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        for row in HumanDecision.objects.filter(model=model, key__in=chunk):
            found[row.key] = row
    return found


def apply_decisions(rows: Iterable[AuditedModel]) -> None:
    """Put what people decided into rows that are about to be written.

    The rows are changed in place and not saved; those nobody decided about get no human
    flags.
    """
    by_model: dict[str, list[AuditedModel]] = defaultdict(list)
    for row in rows:
        by_model[_label(row)].append(row)
    for model, group in by_model.items():
        if not HumanDecision.objects.filter(model=model).exists():
            found: dict[str, HumanDecision] = {}
        else:
            found = _decisions(model, [row.natural for row in group])
        for row in group:
            decision = found.get(row.natural) if found else None
            row.human_set = decision.set_bits if decision else 0
            row.human_clear = decision.clear_bits if decision else 0


def flag_value(row: AuditedModel, flag: int | str) -> int:
    """Return a flag given by number or name.

    Raises
    ------
    ConfigError
        Where the model has no such flag.
    """
    names = row.FLAGS.__members__
    if isinstance(flag, str):
        if flag.upper() not in names:
            msg = f"{_label(row)} has no flag {flag!r}; there are {', '.join(names)}"
            raise ConfigError(msg)
        return int(names[flag.upper()])
    known = sum(int(member) for member in row.FLAGS)
    if not flag or flag & ~known:
        msg = f"{_label(row)} has no flag {flag}; there are {', '.join(names)}"
        raise ConfigError(msg)
    return int(flag)


def decide(
    rows: Iterable[Any],
    flag: int | str,
    value: bool | None,
    *,
    why: str = "",
    who: str | None = None,
) -> int:
    """Set or clear a flag of rows by hand, or leave it to machines again.

    Parameters
    ----------
    rows : iterable of AuditedModel
        Saved rows of one or several models.
    flag : int or str
        Value or name.
    value : bool or None
        True sets, False clears, None leaves it to machines.
    why, who : str, optional
        For the history; `who` is the user of the system by default.

    Returns
    -------
    int
        How many rows changed.

    Raises
    ------
    ConfigError
        Where a model has no such flag.
    """
    changed = 0
    author = who or user_name()
    with transaction.atomic():
        for row in rows:
            bit = flag_value(row, flag)
            decision = _own(row, author)
            before = (decision.set_bits, decision.clear_bits)
            decision.set_bits = before[0] & ~bit | (bit if value is True else 0)
            decision.clear_bits = before[1] & ~bit | (bit if value is False else 0)
            if (decision.set_bits, decision.clear_bits) == before:
                continue
            changed += 1
            _record(row, decision, before, author, why)
    return changed


def _own(row: AuditedModel, author: str) -> HumanDecision:
    """Return the decision about a row, a new one where there is none, locked for change."""
    return HumanDecision.objects.select_for_update().get_or_create(
        model=_label(row), key=row.natural, defaults={"who": author}
    )[0]


def _record(
    row: AuditedModel, decision: HumanDecision, before: tuple[int, int], author: str, why: str
) -> None:
    decision.who = author
    decision.save()
    FlagChange.objects.create(
        model=decision.model,
        key=decision.key,
        who=author,
        why=why,
        set_before=before[0],
        clear_before=before[1],
        set_after=decision.set_bits,
        clear_after=decision.clear_bits,
        comment_after=decision.comment,
    )
    row.human_set, row.human_clear = decision.set_bits, decision.clear_bits
    # update(), not save(): other columns of a row that lay in memory may be old.
    type(row)._default_manager.filter(pk=row.pk).update(
        human_set=row.human_set, human_clear=row.human_clear
    )
    row.flags = row.effective


def comment_of(row: AuditedModel) -> str:
    """Return what people wrote about a row, ``""`` where nobody did."""
    found = HumanDecision.objects.filter(model=_label(row), key=row.natural).first()
    return found.comment if found else ""


def write_comment(row: AuditedModel, text: str, *, who: str | None = None) -> None:
    """Replace what people wrote about a row."""
    author = who or user_name()
    with transaction.atomic():
        decision = _own(row, author)
        decision.comment = text
        _record(row, decision, (decision.set_bits, decision.clear_bits), author, "comment")


def history(row: AuditedModel) -> list[FlagChange]:
    """Return all that people changed about a row, oldest first."""
    return list(FlagChange.objects.filter(model=_label(row), key=row.natural))
