"""The source catalogue, taken from the database as plain records for the workers."""

from __future__ import annotations

from collections import defaultdict

from polarnight.instruments.declared import BANDS
from polarnight.pipeline.records import SourceRecord

__all__ = ["near", "source_records"]


def source_records() -> list[SourceRecord]:
    """Return every source of the catalogue, ordered by name."""
    from polarnight.db import AstroSource

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
        )
        for source in AstroSource.objects.order_by("name")
    ]


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
