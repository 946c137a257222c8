"""Adding, editing and deleting sources; each change is in the log of actions."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from polarnight.db.catalogue_file import SourceEntry
from polarnight.db.models import AstroSource
from polarnight.errors import ConfigError
from polarnight.web.models import ActionLog
from polarnight.web.viewer.comments import LONGEST

__all__ = [
    "FieldError",
    "check",
    "delete",
    "describe",
    "difference",
    "history",
    "save",
    "write_comment",
]

KIND = "AstroSource"
_COLUMNS = tuple(name for name in SourceEntry.model_fields if name != "calibrates")
_OLDEST = 20  # former names that the history follows


class FieldError(ConfigError):
    """Something is wrong with one value of a source.

    Attributes
    ----------
    field : str
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def describe(source: AstroSource) -> dict[str, Any]:
    """Return all that people may change of a source, as plain values."""
    values = {name: getattr(source, name) for name in _COLUMNS}
    values["other_names"] = source.all_names[1:]
    # all(): where rows were read with their links this asks for nothing more.
    values["calibrates"] = sorted(target.name for target in source.calibrates.all())
    return values


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the values that differ, of before and of after."""
    changed = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in changed}, {name: after[name] for name in changed}


def save(
    entry: SourceEntry,
    source: AstroSource | None = None,
    *,
    who: Any,
    ip: str | None = None,
    why: str = "",
) -> AstroSource:
    """Add a source, or give one the values of an entry; what the entry does not say stays.

    Raises
    ------
    FieldError
        Where the name is taken, results hang on the former name, or a source that is
        calibrated does not exist.
    """
    with transaction.atomic():
        if source is not None:
            source = AstroSource.objects.select_for_update().get(pk=source.pk)
        before = {} if source is None else describe(source)
        targets = check(entry, source)
        row = source or AstroSource()
        for name in entry.model_fields_set - {"calibrates"}:
            value = getattr(entry, name)
            setattr(row, name, "; ".join(value) if name == "other_names" else value)
        row.save()
        if "calibrates" in entry.model_fields_set:
            row.calibrates.set(targets)
        old, new = difference(before, describe(row))
        if source is None:
            ActionLog.record(who, "source added", row, after=_told(new), why=why, ip=ip)
        elif new:
            ActionLog.record(who, "source edited", row, before=old, after=new, why=why, ip=ip)
    return row


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def check(entry: SourceEntry, source: AstroSource | None) -> list[AstroSource]:
    """Return the sources that an entry calibrates.

    Raises
    ------
    FieldError
        As `save`.
    """
    _check_name(entry, source)
    return _targets(entry, source)


def _targets(entry: SourceEntry, source: AstroSource | None) -> list[AstroSource]:
    found = {row.name: row for row in AstroSource.objects.filter(name__in=entry.calibrates)}
    for name in entry.calibrates:
        if name not in found:
            msg = f"no source is called {name!r}"
            raise FieldError("calibrates", msg)
        if source is not None and found[name].pk == source.pk:
            msg = "a source does not calibrate itself"
            raise FieldError("calibrates", msg)
    return list(found.values())


def _check_name(entry: SourceEntry, source: AstroSource | None) -> None:
    taken = AstroSource.objects.filter(name=entry.name)
    if (taken.exclude(pk=source.pk) if source is not None else taken).exists():
        msg = f"there is a source {entry.name!r} already"
        raise FieldError("name", msg)
    if source is None or source.name == entry.name:
        return
    count = source.photopolresults.count()
    if count:
        # Results, and what people decided about them, are found again by the name.
        msg = (
            f"{count} results and the decisions about them carry the name {source.name!r}; "
            "keep it, and add the new one to the other names"
        )
        raise FieldError("name", msg)


def write_comment(source: AstroSource, text: str, *, who: Any, ip: str | None = None) -> None:
    """Replace the comment of a source.

    Raises
    ------
    FieldError
        Where it is too long.
    """
    text = text.strip()
    if len(text) > LONGEST or "\x00" in text:
        msg = f"a comment is text of {LONGEST} characters at most"
        raise FieldError("comment", msg)
    with transaction.atomic():
        row = AstroSource.objects.select_for_update().get(pk=source.pk)
        if row.comment == text:
            return
        before, row.comment = row.comment, text
        row.save(update_fields=["comment", "modified"])
        ActionLog.record(
            who, "source commented", row,
            before={"comment": before}, after={"comment": text}, ip=ip,
        )  # fmt: skip


def delete(source: AstroSource, *, who: Any, why: str, ip: str | None = None) -> None:
    """Delete a source on which nothing hangs.

    Raises
    ------
    ConfigError
        Where results or calibrators hang on it, with numbers.
    """
    with transaction.atomic():
        row = AstroSource.objects.select_for_update().get(pk=source.pk)
        counts = {
            "results": row.photopolresults.count(),
            "aperture results": row.aperphotresults.count(),
            "calibrators": row.calibrators.count(),
        }
        held = [f"{count} {what}" for what, count in counts.items() if count]
        if held:
            msg = f"{row.name} is not deleted: {', '.join(held)} hang on it"
            raise ConfigError(msg)
        ActionLog.record(who, "source deleted", row, before=_told(describe(row)), why=why, ip=ip)
        row.delete()


def history(source: AstroSource) -> list[ActionLog]:
    """Return what people did to a source, newest first, under its former names too."""
    names, found = [source.name], []
    for name in names:
        entries = list(ActionLog.objects.filter(kind=KIND, key=name)[:200])
        found += entries
        former = [e.before.get("name") for e in entries if isinstance(e.before, dict)]
        names += [old for old in former if old and old not in names][: _OLDEST - len(names)]
    return sorted(found, key=lambda entry: -entry.pk)
