"""Taking back the stars of a field that were imported as calibrators of a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q

from polarnight.db.models import AstroSource
from polarnight.errors import ConfigError
from polarnight.web.catalogue.changing import KIND, delete, describe, difference
from polarnight.web.catalogue.field_stars import origin_of
from polarnight.web.models import ActionLog

__all__ = ["Removed", "imported_stars", "remove_stars"]


@dataclass(frozen=True)
class Removed:
    """What became of the stars.

    Attributes
    ----------
    deleted, kept : int
        Kept ones were measured, or calibrate another source too: they lost the link alone.
    """

    deleted: int
    kept: int


def imported_stars(source: AstroSource) -> list[AstroSource]:
    """Return the calibrators of a source that the log says were imported from its field."""
    told = f"imported from {origin_of(source)}"
    # More words may follow; the longer name of another source may not.
    imports = Q(why=told) | Q(why__startswith=f"{told}: ")
    added = ActionLog.objects.filter(imports, kind=KIND, what="source added")
    names = set(added.values_list("key", flat=True))
    return [star for star in source.calibrators.order_by("name") if star.name in names]


def remove_stars(source: AstroSource, *, who: Any, why: str, ip: str | None = None) -> Removed:
    """Take them from the source, and delete those on which nothing hangs.

    Raises
    ------
    ConfigError
        Without a reason, or where there are none.
    """
    if not why.strip():
        msg = "field stars are removed with a reason"
        raise ConfigError(msg)
    with transaction.atomic():
        stars = imported_stars(source)
        if not stars:
            msg = f"{source.name} has no imported field stars"
            raise ConfigError(msg)
        deleted = sum(_remove(star, source, who, why, ip) for star in stars)
    return Removed(deleted, len(stars) - deleted)


def _remove(star: AstroSource, source: AstroSource, who: Any, why: str, ip: str | None) -> bool:
    """Return whether the star could be deleted."""
    if star.calibrates.count() == 1:
        try:
            delete(star, who=who, why=why, ip=ip)
        except ConfigError:
            pass  # results hang on it
        else:
            return True
    before = describe(star)
    star.calibrates.remove(source)
    old, new = difference(before, describe(star))
    ActionLog.record(who, "source edited", star, before=old, after=new, why=why, ip=ip)
    return False
