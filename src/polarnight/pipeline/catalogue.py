"""The source catalogue, taken from the database as plain records for the workers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from polarnight.instruments.declared import BANDS
from polarnight.photometry import HostTable, find_host, load_host_tables
from polarnight.pipeline.groups.records import SourceRecord

__all__ = ["near", "source_records"]


def source_records(hosts: Mapping[str, HostTable] | None = None) -> list[SourceRecord]:
    """Return every source of the catalogue, ordered by name.

    Parameters
    ----------
    hosts : mapping, optional
        Tables of host galaxies by name; by default those of
        `polarnight.photometry.load_host_tables`.
    """
    from polarnight.db import AstroSource

    tables = load_host_tables() if hosts is None else hosts
    links: dict[int, list[int]] = defaultdict(list)
    through = AstroSource.calibrates.through.objects
    for calibrator, target in through.values_list("from_astrosource_id", "to_astrosource_id"):
        links[calibrator].append(target)
    return [
        SourceRecord(
            id=source.pk,
            name=source.name,
            ra=source.ra,
            dec=source.dec,
            pm_ra=source.pm_ra or 0.0,
            pm_dec=source.pm_dec or 0.0,
            magnitudes=_magnitudes(source),
            calibrates=tuple(sorted(links[source.pk])),
            only_pair=_only_pair(source.metadata),
            host=tables.get(find_host(source.all_names, tables)),
        )
        for source in AstroSource.objects.order_by("name")
    ]


def _only_pair(metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the beam that alone is to be used, by instrument.

    Written ``{instrument: {polarimetry: {only_pair: O}}}`` or with the key in one word,
    ``{instrument.polarimetry.only_pair: O}``.
    """
    found = {}
    for key, value in (metadata or {}).items():
        name, _, rest = str(key).partition(".polarimetry.only_pair")
        beam = value if str(key) == f"{name}.polarimetry.only_pair" and not rest else None
        if isinstance(value, Mapping) and isinstance(value.get("polarimetry"), Mapping):
            name, beam = str(key), value["polarimetry"].get("only_pair")
        if beam in ("O", "E"):
            found[name] = str(beam)
    return found


def _magnitudes(source: object) -> dict[str, tuple[float, float]]:
    found = {}
    for band in BANDS:
        value = getattr(source, f"mag_{band}")
        if value is not None:
            found[band] = (float(value), float(getattr(source, f"mag_{band}_err") or 0.0))
    return found


def near(
    sources: list[SourceRecord], ra: float, dec: float, radius_deg: float
) -> list[SourceRecord]:
    """Return the sources within a circle (degrees), in their order."""
    from polarnight.astrometry.geometry import separation

    if not sources:
        return []
    distance = separation([s.ra for s in sources], [s.dec for s in sources], ra, dec)
    return [s for s, d in zip(sources, distance, strict=True) if d <= radius_deg]
