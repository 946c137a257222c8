"""Who did what, when and why: flags and comments of rows, and all other actions, in one list."""

from __future__ import annotations

import csv
import heapq
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import CharField, Q, QuerySet, Value
from django.utils import timezone

from polarnight.db.models.audit import FlagChange
from polarnight.errors import ConfigError
from polarnight.web.models import ActionLog
from polarnight.web.tables.cells import harmless

__all__ = ["AuditQuery", "Deed", "as_csv", "count_deeds", "deeds", "kinds"]

_COLUMNS = ("when", "who", "what", "kind", "key", "why", "before", "after", "ip")


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody did.

    Attributes
    ----------
    when : datetime
    who, what, kind, key, why, ip : str
    before, after : object
        Values that changed, JSON-able; None where there are none.
    """

    when: datetime
    who: str
    what: str
    kind: str
    key: str
    why: str
    before: Any = None
    after: Any = None
    ip: str = ""


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which deeds; empty texts mean all.

    Attributes
    ----------
    who : str
        Name of a user.
    kind : str
        Model of what it was done to.
    text : str
        Part of the key, the reason or the action.
    first, last : str
        Dates ``YYYY-MM-DD`` (UTC), both included.
    """

    who: str = ""
    kind: str = ""
    text: str = ""
    first: str = ""
    last: str = ""

    def flags(self) -> QuerySet[FlagChange]:
        """Return the changes of flags and comments that fit."""
        wanted = self._common("model")
        if self.text:
            wanted &= Q(key__icontains=self.text) | Q(why__icontains=self.text)
        return FlagChange.objects.filter(wanted)

    def actions(self) -> QuerySet[ActionLog]:
        """Return the other actions that fit."""
        wanted = self._common("kind")
        if self.text:
            wanted &= (
                Q(key__icontains=self.text)
                | Q(why__icontains=self.text)
                | Q(what__icontains=self.text)
            )
        return ActionLog.objects.filter(wanted)

    def _common(self, kind: str) -> Q:
        wanted = Q()
        if self.who:
            wanted &= Q(who=self.who)
        if self.kind:
            wanted &= Q(**{kind: self.kind})
        if self.first:
            wanted &= Q(when__gte=_midnight(self.first))
        if self.last:
            wanted &= Q(when__lt=_midnight(self.last) + timedelta(days=1))
        return wanted


def _midnight(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not 1900 < day.year < 9000:
        msg = f"{text[:20]!r} is no date; write it as 2024-04-08"
        raise ConfigError(msg)
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_default_timezone())


def count_deeds(query: AuditQuery) -> int:
    """Return how many deeds fit."""
    return query.flags().count() + query.actions().count()


def deeds(query: AuditQuery, first: int, after: int) -> list[Deed]:
    """Return deeds by number, the newest first.

    The database puts the two tables together, by times and keys only; what is shown is read
    afterwards.
    """
    flags = query.flags().order_by().values_list("when", "pk", _of("flag"))
    actions = query.actions().order_by().values_list("when", "pk", _of("action"))
    places = list(flags.union(actions, all=True).order_by("-when", "-pk")[first:after])
    wanted: dict[str, list[int]] = {"flag": [], "action": []}
    for _, pk, table in places:
        wanted[table].append(pk)
    rows: dict[tuple[str, int], Deed] = {
        ("flag", row.pk): _flag(row) for row in FlagChange.objects.filter(pk__in=wanted["flag"])
    }
    for row in ActionLog.objects.filter(pk__in=wanted["action"]):
        rows["action", row.pk] = _action(row)
    return [rows[table, pk] for _, pk, table in places if (table, pk) in rows]


def _of(table: str) -> Any:
    return Value(table, output_field=CharField())


def _flag(row: FlagChange) -> Deed:
    try:
        what = row.what
    except LookupError:  # of a model that there was in an earlier version
        what = "flags changed"
    after = {"comment": row.comment_after} if what == "comment" else None
    return Deed(row.when, row.who, what, row.model, row.key, row.why, None, after)


def _action(row: ActionLog) -> Deed:
    return Deed(
        row.when, row.who, row.what, row.kind, row.key, row.why, row.before, row.after,
        row.ip or "",
    )  # fmt: skip


def kinds() -> list[str]:
    """Return the models to which something was done."""
    flags = FlagChange.objects.order_by().values_list("model", flat=True).distinct()
    actions = ActionLog.objects.order_by().values_list("kind", flat=True).distinct()
    return sorted({*flags, *actions} - {""})


def as_csv(query: AuditQuery) -> Iterator[str]:
    """Yield a CSV file of all deeds that fit, the newest first, while they are read."""
    yield ",".join(_COLUMNS) + "\r\n"
    flags = (_flag(row) for row in query.flags().order_by("-when", "-pk").iterator(2000))
    actions = (_action(row) for row in query.actions().order_by("-when", "-pk").iterator(2000))
    for deed in heapq.merge(flags, actions, key=lambda one: one.when, reverse=True):
        buffer = io.StringIO()
        csv.writer(buffer).writerow([_cell(getattr(deed, name)) for name in _COLUMNS])
        yield buffer.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return str(harmless(text))
