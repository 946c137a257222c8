"""Bringing sources into the database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction

from polarnight.db.bulk import link, upsert
from polarnight.db.catalogue_file import SourceEntry, read_catalogue
from polarnight.db.models import AstroSource
from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["ImportReport", "import_entries", "import_sources", "sources_table"]

_MOVED = 5.0  # arcsec


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes
    ----------
    created, changed, unchanged : tuple of str
        Names of sources.
    moved : tuple of (str, float)
        Changed sources that were put far from their former place, and how far (arcsec): more
        often another star of that name, or a typing error, than a better position.
    """

    created: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    moved: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        return (
            f"{len(self.created)} sources added, {len(self.changed)} changed, "
            f"{len(self.unchanged)} unchanged"
        )


def import_sources(path: str | Path) -> ImportReport:
    """Import a catalogue file; all of it, or nothing where anything in it is wrong.

    Sources known by name are brought up to date; what the file does not say of them (a
    key that does not occur in the entry, an empty cell) stays.

    Parameters
    ----------
    path : str or Path
        See `polarnight.db.catalogue_file.read_catalogue`.

    Raises
    ------
    ConfigError
        Naming the file, the place in it, and the key.
    """
    return import_entries(read_catalogue(path), origin=str(path))


def import_entries(entries: list[SourceEntry], *, origin: str = "catalogue") -> ImportReport:
    """Import checked entries in one transaction; see `import_sources`.

    Raises
    ------
    ConfigError
        Where a source calibrates one that is neither in `entries` nor in the database.
    """
    with transaction.atomic():
        existing = {source.name: source for source in AstroSource.objects.all()}
        known = existing.keys() | {entry.name for entry in entries}
        for entry in entries:
            for target in entry.calibrates:
                if target not in known:
                    msg = f"{origin}: {entry.name!r} calibrates {target!r}, which is no source"
                    raise ConfigError(msg)
        rows: list[AstroSource] = []
        created: list[str] = []
        changed: list[str] = []
        unchanged: list[str] = []
        moved: list[tuple[str, float]] = []
        links_before = _links()
        for entry in entries:
            source = existing.get(entry.name)
            if source is None:
                source = AstroSource(name=entry.name)
                created.append(entry.name)
                differs = False
            else:
                differs = _differs(source, entry, links_before.get(entry.name, set()))
                (changed if differs else unchanged).append(entry.name)
                if differs and (way := _moved(source, entry)) > _MOVED:
                    moved.append((entry.name, way))
            for name, value in _columns(entry).items():
                setattr(source, name, value)
            if differs or entry.name not in existing:
                rows.append(source)
        upsert(rows, ["name"])
        keys = dict(AstroSource.objects.values_list("name", "pk"))
        link(
            AstroSource,
            "calibrates",
            {
                keys[entry.name]: [keys[target] for target in entry.calibrates]
                for entry in entries
                if "calibrates" in entry.model_fields_set
            },
        )
    return ImportReport(tuple(created), tuple(changed), tuple(unchanged), tuple(moved))


def _moved(source: AstroSource, entry: SourceEntry) -> float:
    """Return how far from its place a source is put, arcsec."""
    from astropy.coordinates import SkyCoord

    here, there = (SkyCoord(one.ra_hms, one.dec_dms, unit=("h", "deg")) for one in (source, entry))
    return float(here.separation(there).arcsec)


def sources_table() -> Table:
    """Return the catalogue as a table, with the columns of a catalogue file.

    Written as CSV it can be imported again. Numbers that are not known are masked.
    """
    from astropy.table import MaskedColumn, Table

    numbers = ("pm_ra", "pm_dec", "redshift", *AstroSource.LITERATURE)
    links = _links()
    rows = list(AstroSource.objects.all())
    table = Table(masked=True)
    for name in ("name", "other_names", "ra_hms", "dec_dms", "srctype"):
        table[name] = MaskedColumn([getattr(row, name) for row in rows], dtype=str)
    for name in numbers:
        values = [getattr(row, name) for row in rows]
        missing = [value is None for value in values]
        filled = [0.0 if value is None else value for value in values]
        table[name] = MaskedColumn(filled, mask=missing, dtype=float)
    calibrates = ["; ".join(sorted(links.get(row.name, ()))) for row in rows]
    table["calibrates"] = MaskedColumn(calibrates, dtype=str)
    return table


def _columns(entry: SourceEntry) -> dict[str, Any]:
    """Return the columns that the entry speaks of."""
    values = entry.model_dump(include=entry.model_fields_set - {"calibrates"})
    if "other_names" in values:
        values["other_names"] = "; ".join(values["other_names"])
    return values


def _links() -> dict[str, set[str]]:
    links: dict[str, set[str]] = {}
    rows = AstroSource.calibrates.through.objects.values_list(
        "from_astrosource__name", "to_astrosource__name"
    )
    for source, target in rows:
        links.setdefault(source, set()).add(target)
    return links


def _differs(source: AstroSource, entry: SourceEntry, links: set[str]) -> bool:
    if "calibrates" in entry.model_fields_set and set(entry.calibrates) != links:
        return True
    return any(getattr(source, name) != value for name, value in _columns(entry).items())
