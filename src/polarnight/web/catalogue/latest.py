"""What was last seen of sources: few queries for many of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery

from polarnight.db.models import AstroSource, PhotoPolResult
from polarnight.web.catalogue.exposures import Advice, recommend
from polarnight.web.tables.filters import flagged

__all__ = ["Seen", "last_seen"]

_UNIX_JD = 2440587.5
_BAD = (
    PhotoPolResult.Flags.BAD_PHOTOMETRY
    | PhotoPolResult.Flags.SATURATED
    | PhotoPolResult.Flags.UPPER_LIMIT
)


@dataclass(slots=True)
class Seen:
    """The last of a source.

    Attributes
    ----------
    when : datetime or None
        Of the last result, UTC.
    mag, mag_err : float or None
        Mean R magnitude of the last night that has one.
    night : date or None
        That night, which may be long before.
    """

    when: datetime | None = None
    mag: float | None = None
    mag_err: float | None = None
    night: date | None = None

    @property
    def advice(self) -> Advice | None:
        """Exposures by the last R magnitude."""
        return recommend(self.mag)


def last_seen(sources: Sequence[AstroSource]) -> dict[int, Seen]:
    """Return what was last seen of sources (a page of them), by their keys."""
    seen = {source.pk: Seen() for source in sources}
    timed = PhotoPolResult.objects.filter(juliandate__isnull=False)
    good = timed.filter(~flagged(_BAD), band="R", mag__isnull=False)
    # The last of each by an index, for some sources have 10^5 results.
    known = AstroSource.objects.filter(pk__in=list(seen)).annotate(
        last=_last_of(timed), last_good=_last_of(good)
    )
    within = Q(pk__in=[])
    for pk, last, last_good in known.values_list("pk", "last", "last_good"):
        if last is not None:
            seen[pk].when = datetime.fromtimestamp((last - _UNIX_JD) * 86400.0, UTC)
        if last_good is not None:
            within |= Q(astrosource=pk, juliandate__gt=last_good - 1.0)
    values: dict[int, dict[date, list[tuple[float, float | None]]]] = defaultdict(dict)
    columns = ("astrosource", "epoch__night", "mag", "mag_err")
    for pk, night, mag, error in good.filter(within).order_by().values_list(*columns):
        values[pk].setdefault(night, []).append((mag, error))
    for pk, nights in values.items():
        seen[pk].night = max(nights)
        seen[pk].mag, seen[pk].mag_err = _mean(nights[max(nights)])
    return seen


def _last_of(rows: QuerySet[PhotoPolResult, PhotoPolResult]) -> Subquery:
    """Return the time of the last of these results of each source."""
    last = rows.filter(astrosource=OuterRef("pk")).order_by("-juliandate")
    return Subquery(last.values("juliandate")[:1])


def _mean(pairs: list[tuple[float, float | None]]) -> tuple[float, float | None]:
    """Return the mean weighted by inverse variances; a plain one where an error is missing."""
    weights = [1.0 / error**2 if error else None for _, error in pairs]
    if any(weight is None for weight in weights):
        return sum(mag for mag, _ in pairs) / len(pairs), None
    known = [weight for weight in weights if weight is not None]
    total = sum(known)
    mean = sum(mag * weight for (mag, _), weight in zip(pairs, known, strict=True)) / total
    return mean, total**-0.5
