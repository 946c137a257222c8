"""Importing sources on the site: first what would change, then the same in earnest."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from polarnight.db.catalogue import ImportReport, import_entries
from polarnight.db.catalogue_file import SourceEntry, read_catalogue
from polarnight.db.models import AstroSource
from polarnight.errors import ConfigError
from polarnight.web.catalogue.changing import describe, difference
from polarnight.web.models import ActionLog

__all__ = ["LARGEST", "Change", "Preview", "import_in_earnest", "preview", "read_entries"]

LARGEST = 1_000_000
"""Characters of a file at most."""

_MOST = 5000  # sources of a file


@dataclass(frozen=True, slots=True)
class Change:
    """What an import does to one source: values before and after, only those that differ."""

    name: str
    new: bool
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def rows(self) -> list[tuple[str, Any, Any]]:
        """Names of values, before, after."""
        return [(name, self.before.get(name), value) for name, value in self.after.items()]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do.

    Attributes
    ----------
    report : ImportReport
    changes : list of Change
    digest : str
        Of the changes: the import in earnest does these and no others.
    """

    report: ImportReport
    changes: list[Change]
    digest: str


def read_entries(name: str, text: str) -> list[SourceEntry]:
    """Read the text of a catalogue file by the reader of `polarnight sources import`.

    Parameters
    ----------
    name : str
        Of the file; its ending tells the format.
    text : str

    Raises
    ------
    ConfigError
        Naming the file, the place in it, and the key.
    """
    if len(text) > LARGEST:
        msg = f"the file is larger than {LARGEST // 1000} kB; divide it, or use the command line"
        raise ConfigError(msg)
    ending = Path(name).suffix.lower()
    if ending not in {".csv", ".yaml", ".yml"}:
        msg = "sources are imported from .csv, .yaml or .yml files"
        raise ConfigError(msg)
    with tempfile.TemporaryDirectory(prefix="polarnight-import-") as folder:
        path = Path(folder) / f"file{ending}"
        path.write_text(text, encoding="utf-8", errors="strict", newline="")
        try:
            entries = read_catalogue(path)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(path), name)) from None
    if len(entries) > _MOST:
        msg = f"{name}: {len(entries)} sources are more than the {_MOST} of one import"
        raise ConfigError(msg)
    return entries


def preview(entries: list[SourceEntry], origin: str) -> Preview:
    """Return what an import would do: it is done, looked at, and undone.

    Raises
    ------
    ConfigError
        As `import_entries`.
    """
    with transaction.atomic():
        done = _do(entries, origin)
        transaction.set_rollback(True)
    return done


def import_in_earnest(
    entries: list[SourceEntry],
    origin: str,
    *,
    digest: str | None,
    who: Any,
    ip: str | None = None,
    why: str = "",
) -> Preview:
    """Import, and write each change into the log of actions.

    Parameters
    ----------
    digest : str or None
        Of the preview that was looked at; None for an import without one.

    Raises
    ------
    ConfigError
        Where the catalogue changed since, besides what `import_entries` raises.
    """
    with transaction.atomic():
        done = _do(entries, origin)
        if digest is not None and digest != done.digest:
            msg = "the catalogue changed since the preview: look at it again"
            raise ConfigError(msg)
        told = f"imported from {origin}" + (f": {why}" if why else "")
        rows = {row.name: row for row in _rows(entries)}
        for change in done.changes:
            ActionLog.record(
                who,
                "source added" if change.new else "source edited",
                rows[change.name],
                before=None if change.new else change.before,
                after=change.after,
                why=told,
                ip=ip,
            )
    return done


def _do(entries: list[SourceEntry], origin: str) -> Preview:
    before = {row.name: describe(row) for row in _rows(entries)}
    report = import_entries(entries, origin=origin)
    changes = []
    for row in _rows(entries):
        old, new = difference(before.get(row.name, {}), describe(row))
        if row.name not in before:
            old, new = {}, {k: v for k, v in new.items() if v not in (None, "", [], {})}
        if new:
            changes.append(Change(row.name, row.name not in before, old, new))
    told = json.dumps([(c.name, c.before, c.after) for c in changes], sort_keys=True, default=str)
    return Preview(report, changes, hashlib.sha256(told.encode()).hexdigest())


def _rows(entries: list[SourceEntry]) -> list[AstroSource]:
    found: list[AstroSource] = []
    names = [entry.name for entry in entries]
    for start in range(0, len(names), 500):
        chunk = AstroSource.objects.filter(name__in=names[start : start + 500])
        found += chunk.prefetch_related("calibrates")
    return found
