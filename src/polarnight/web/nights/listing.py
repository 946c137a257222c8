"""Nights with their numbers: a page of them in a handful of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404

from polarnight.db.models import Epoch, NightQuality, PhotoPolResult, RawFit, ReducedFit
from polarnight.web.links import page_url
from polarnight.web.models import Job
from polarnight.web.nights.failures import failed_files

__all__ = ["STATES", "NightRow", "choose_nights", "find_night", "jobs_of", "night_rows"]

STATES = {
    "failed": "something failed",
    "good": "reduced, nothing failed",
    "raw": "not reduced yet",
    "results": "with results",
}
"""What nights may be chosen by, in words."""


@dataclass
class NightRow:
    """A night in a list.

    Attributes
    ----------
    epoch : Epoch
    counts : dict of int
        raw, bias, dark, flat, light, reduced, solved, results, failed.
    seeing : float or None
        Median of cameras and bands, arcsec.
    job : Job or None
        That waits or runs for it.
    """

    epoch: Epoch
    counts: dict[str, int]
    seeing: float | None
    url: str
    job: Job | None = None

    @property
    def flags(self) -> list[str]:
        """Names of its flags."""
        return list(self.epoch.flag_labels)

    def to_dict(self) -> dict[str, Any]:
        """Return it as the API tells it."""
        return {
            "epoch": self.epoch.epochname,
            "telescope": self.epoch.telescope,
            "night": self.epoch.night,
            "counts": self.counts,
            "seeing": self.seeing,
            "flags": self.flags,
            "job": self.job and self.job.pk,
        }


def choose_nights(
    telescope: str = "",
    first: date | None = None,
    last: date | None = None,
    state: str = "",
) -> QuerySet[Epoch]:
    """Return nights, the newest first.

    Parameters
    ----------
    telescope : str
    first, last : date
        Both included.
    state : str
        One of `STATES`; all where empty.
    """
    rows = Epoch.objects.order_by("-night", "telescope")
    if telescope:
        rows = rows.filter(telescope=telescope)
    if first is not None:
        rows = rows.filter(night__gte=first)
    if last is not None:
        rows = rows.filter(night__lte=last)
    reduced = Exists(ReducedFit.objects.filter(epoch=OuterRef("pk")).exclude(content_key=""))
    unread = RawFit.objects.filter(
        epoch=OuterRef("pk"), flags__hasnot=int(RawFit.FLAGS.IGNORE)
    ).exclude(error="")
    failed = Q(flags__has=int(Epoch.FLAGS.ERROR)) | Q(Exists(unread))
    if state == "failed":
        rows = rows.filter(failed)
    elif state == "good":
        rows = rows.filter(reduced).exclude(failed)
    elif state == "raw":
        rows = rows.exclude(reduced)
    elif state == "results":
        rows = rows.filter(Exists(PhotoPolResult.objects.filter(epoch=OuterRef("pk"))))
    return rows


def night_rows(epochs: Sequence[Epoch]) -> list[NightRow]:
    """Return nights with their numbers; as many queries for one as for a hundred."""
    keys = [epoch.pk for epoch in epochs]
    counts: dict[int, dict[str, int]] = {key: dict.fromkeys(_COUNTS, 0) for key in keys}
    raw = RawFit.objects.filter(epoch__in=keys).order_by().values_list("epoch", "imgtype")
    for key, imgtype, number in raw.annotate(n=Count("pk")):
        counts[key]["raw"] += number
        if imgtype.lower() in counts[key]:
            counts[key][imgtype.lower()] += number
    reduced = ReducedFit.objects.filter(epoch__in=keys).order_by().values_list("epoch")
    solved = Count("pk", filter=Q(solved=True))
    for key, made, placed in reduced.annotate(n=Count("pk", filter=~Q(content_key="")), s=solved):
        counts[key] |= {"reduced": made, "solved": placed}
    results = PhotoPolResult.objects.filter(epoch__in=keys).order_by().values_list("epoch")
    for key, number in results.annotate(n=Count("pk")):
        counts[key]["results"] = number
    for epoch, names in zip(epochs, failed_files(epochs), strict=True):
        counts[epoch.pk]["failed"] = len(names)
    seeing = _seeing(keys)
    jobs = jobs_of([epoch.epochname for epoch in epochs])
    return [
        NightRow(
            epoch=epoch,
            counts=counts[epoch.pk],
            seeing=seeing.get(epoch.pk),
            url=page_url("night", epoch.telescope, epoch.night.isoformat()),
            job=jobs.get(epoch.epochname),
        )
        for epoch in epochs
    ]


_COUNTS = ("raw", "bias", "dark", "flat", "light", "reduced", "solved", "results", "failed")


def _seeing(keys: list[int]) -> dict[int, float]:
    values: dict[int, list[float]] = defaultdict(list)
    rows = NightQuality.objects.filter(epoch__in=keys).exclude(band="").exclude(seeing=None)
    for key, value in rows.values_list("epoch", "seeing"):
        values[key].append(value)
    return {key: median(found) for key, found in values.items()}


def jobs_of(names: Sequence[str]) -> dict[str, Job]:
    """Return the job that waits or runs for each night; running ones first."""
    found: dict[str, Job] = {}
    wanted = set(names)
    for job in Job.objects.filter(kind="reduce", state__in=Job.ACTIVE).order_by("-state", "id"):
        for name in wanted.intersection(job.nights):
            found.setdefault(name, job)
    return found


def find_night(telescope: str, night: str) -> Epoch:
    """Return the epoch of a telescope and a date.

    Raises
    ------
    Http404
        Where there is none, or the date is none.
    """
    try:
        when = date.fromisoformat(night)
        found = Epoch.objects.with_counts().get(
            telescope=telescope.replace("\x00", "?"), night=when
        )
    except (ValueError, Epoch.DoesNotExist):
        msg = f"there is no night {telescope}/{night}; nights are YYYY-MM-DD"
        raise Http404(msg) from None
    return found
