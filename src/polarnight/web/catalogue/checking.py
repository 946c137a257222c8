"""What may be wrong with a source although each of its values is well formed."""

from __future__ import annotations

from typing import Any

from polarnight.db.catalogue_file import SourceEntry
from polarnight.db.coordinates import parse_dec, parse_ra
from polarnight.db.models import AstroSource
from polarnight.db.models.sources import AstroSourceQuerySet
from polarnight.db.sources import normalise

__all__ = ["NEAR", "collisions", "neighbours", "warnings_of"]

NEAR = 3.0
"""Arcsec within which two sources may be one."""

_MOVED = 5.0  # arcsec


def _others(but: int | None) -> AstroSourceQuerySet:
    return AstroSource.objects.all() if but is None else AstroSource.objects.exclude(pk=but)


def neighbours(ra: float, dec: float, but: int | None = None) -> list[tuple[AstroSource, float]]:
    """Return the sources within `NEAR` of a place (ICRS, degrees) with distances in arcsec."""
    near = _others(but).in_cone(ra, dec, NEAR / 3600.0)
    return [(source, 3600.0 * source.separation(ra, dec)) for source in near]


def collisions(names: list[str], but: int | None = None) -> list[tuple[str, AstroSource]]:
    """Return the names that other sources have too, whatever their spaces and signs."""
    wanted = {normalise(name): name for name in names if normalise(name)}
    found = []
    for source in _others(but).only("name", "other_names"):
        mine = {normalise(name) for name in source.all_names}
        found += [(wanted[key], source) for key in wanted if key in mine]
    return found


def warnings_of(entry: SourceEntry, source: AstroSource | None = None) -> list[str]:
    """Return what a person should look at before saving an entry.

    Parameters
    ----------
    entry : SourceEntry
    source : AstroSource, optional
        The source that is edited.
    """
    ra, dec = parse_ra(entry.ra_hms), parse_dec(entry.dec_dms)
    but = source.pk if source is not None else None
    told = [
        f"{near.name} is {distance:.1f}″ away: is it the same source?"
        for near, distance in neighbours(ra, dec, but)
    ]
    told += [
        f"{name!r} is a name of {other.name} too: headers that say it would mean either"
        for name, other in collisions([entry.name, *entry.other_names], but)
    ]
    if source is not None:
        told += _moved(source, ra, dec)
    return told


def _moved(source: AstroSource, ra: float, dec: float) -> list[str]:
    way = 3600.0 * source.separation(ra, dec)
    count = source.photopolresults.count() if way > _MOVED else 0
    if not count:
        return []
    where: Any = f"{way:.0f}″" if way < 600 else f"{way / 3600:.2f}°"
    return [f"it moves by {where}, and has {count} results of the former place"]
