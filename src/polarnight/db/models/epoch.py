"""Nights of observation."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import IntFlag
from pathlib import Path
from typing import Any, ClassVar

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from polarnight.db.fields import EvidenceField
from polarnight.db.handover import hand_over
from polarnight.db.models.base import AuditedModel, data_directory
from polarnight.db.names import format_epochname, parse_epochname
from polarnight.db.reprs import Summary

__all__ = ["Epoch", "EpochQuerySet"]


class EpochQuerySet(models.QuerySet["Epoch"]):
    """Queries about nights."""

    def by_epochname(self, name: str) -> Epoch:
        """Return the epoch called `name`, in any of the usual forms.

        Raises
        ------
        ConfigError
            Where `name` is no name of an epoch.
        Epoch.DoesNotExist
            Where it is not in the database.
        """
        telescope, night = parse_epochname(name)
        return self.get(telescope=telescope, night=night)

    def by_epochnames(self, names: Iterable[str]) -> EpochQuerySet:
        """Return the epochs of these names that are in the database."""
        wanted = Q(pk__in=[])
        for name in names:
            telescope, night = parse_epochname(name)
            wanted |= Q(telescope=telescope, night=night)
        return self.filter(wanted)

    def with_counts(self) -> EpochQuerySet:
        """Add what there is of each night, as integers.

        ``n_raw n_bias n_dark n_flat n_light`` raw frames, ``n_unclassified`` those that
        could not be classified; ``n_reduced`` reduced frames with a file, ``n_solved`` with
        a position on the sky, ``n_failed`` with any error; ``n_results``.
        """
        from polarnight.db.models.frames import RawFit, ReducedFit
        from polarnight.db.models.results import PhotoPolResult

        flags = RawFit.Flags
        errors = (
            flags.ERROR
            | flags.ERROR_ASTROMETRY
            | flags.ERROR_CALIBRATION
            | flags.ERROR_PHOTOMETRY
            | flags.ERROR_POLARIMETRY
        )
        raw, reduced = RawFit.objects.all(), ReducedFit.objects.all()
        return self.annotate(
            n_raw=_count(raw),
            n_bias=_count(raw.filter(imgtype="BIAS")),
            n_dark=_count(raw.filter(imgtype="DARK")),
            n_flat=_count(raw.filter(imgtype="FLAT")),
            n_light=_count(raw.filter(imgtype="LIGHT")),
            n_unclassified=_count(raw.filter(flags__has=flags.ERROR_CLASSIFY)),
            n_reduced=_count(reduced.exclude(content_key="")),
            n_solved=_count(reduced.filter(solved=True)),
            n_failed=_count(reduced.filter(flags__has=errors)),
            n_results=_count(PhotoPolResult.objects.all()),
        )


def _count(rows: models.QuerySet[Any, Any]) -> Coalesce:
    """Return the number of `rows` of an epoch.

    A subquery, for counting several relations over joins would multiply their rows.
    """
    numbers = rows.filter(epoch=OuterRef("pk")).order_by().values("epoch")
    return Coalesce(Subquery(numbers.annotate(n=Count("pk")).values("n")), 0)


class Epoch(AuditedModel):
    """An observing session: a telescope and a night (the date at its start)."""

    class Flags(IntFlag):
        """What may be said about a night."""

        ERROR = 1 << 1
        ERROR_LISTING = 1 << 2
        ERROR_LISTING_REMOTE = 1 << 3
        ERROR_LISTING_LOCAL = 1 << 4
        LISTED = 1 << 5

    FLAGS: ClassVar[type[Flags]] = Flags

    telescope = models.CharField(max_length=40)
    night = models.DateField()
    report = EvidenceField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")
    modified = models.DateTimeField(auto_now=True)

    objects = EpochQuerySet.as_manager()

    class Meta:
        verbose_name = "night"
        verbose_name_plural = "nights"
        # So that Epoch.objects.last() is the latest night, in whatever order they came.
        ordering = ["night", "telescope"]
        constraints = [
            models.UniqueConstraint(fields=["telescope", "night"], name="one_epoch_per_night")
        ]

    def __str__(self) -> str:
        return self.epochname

    def __repr__(self) -> str:
        return f"Epoch({self.epochname})"

    def _repr_html_(self) -> str:
        return self._summary().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(f"Epoch({self.epochname})" if cycle else self._summary().text())

    def _summary(self) -> Summary:
        return Summary(
            f"Epoch {self.epochname}",
            {
                "raw": self.rawcount,
                "bias": self.biascount,
                "dark": self.darkcount,
                "flat": self.flatcount,
                "light": self.lightcount,
                "reduced": self.reducedcount,
                "flags": ", ".join(self.flag_labels),
                "error": self.error,
            },
        )

    @staticmethod
    def by_epochname(name: str) -> Epoch:
        """Return the epoch called `name`; see `EpochQuerySet.by_epochname`."""
        return Epoch.objects.by_epochname(name)

    @classmethod
    def create(cls, epochname: str) -> Epoch:
        """Return the epoch called `epochname`, made where it is not in the database."""
        telescope, night = parse_epochname(epochname)
        return cls.objects.get_or_create(telescope=telescope, night=night)[0]

    @property
    def natural(self) -> str:
        """The name of the epoch."""
        return self.epochname

    @property
    def epochname(self) -> str:
        """Such as ``OSN-T090/2024-04-08``."""
        return format_epochname(self.telescope, self._date)

    @property
    def _date(self) -> date:
        # Before the first save the night may still be the text the user gave.
        return self.night if isinstance(self.night, date) else date.fromisoformat(self.night)

    @property
    def yyyymmdd(self) -> str:
        """The night as ``20240408``."""
        return f"{self._date:%Y%m%d}"

    @property
    def yymmdd(self) -> str:
        """The night as ``240408``."""
        return f"{self._date:%y%m%d}"

    @property
    def jyear(self) -> float:
        """Julian year of the noon (UTC) at the start of the night."""
        return 2000.0 + (self._date - date(2000, 1, 1)).days / 365.25

    @property
    def rawfitsdir(self) -> Path:
        """Directory of the raw files."""
        return data_directory().raw_dir(self.telescope, self._date)

    @property
    def calibrationdir(self) -> Path:
        """Directory of what is derived from the raw files."""
        return data_directory().root / "calibration" / self.telescope / self._date.isoformat()

    @property
    def masterbiasdir(self) -> Path:
        """Directory of the master biases."""
        return data_directory().master_dir("BIAS", self.telescope, self._date)

    @property
    def masterdarkdir(self) -> Path:
        """Directory of the master darks."""
        return data_directory().master_dir("DARK", self.telescope, self._date)

    @property
    def masterflatdir(self) -> Path:
        """Directory of the master flats."""
        return data_directory().master_dir("FLAT", self.telescope, self._date)

    @property
    def rawcount(self) -> int:
        """Number of raw frames."""
        return self.rawfits.count()

    @property
    def biascount(self) -> int:
        """Number of bias frames."""
        return self.rawfits.filter(imgtype="BIAS").count()

    @property
    def darkcount(self) -> int:
        """Number of dark frames."""
        return self.rawfits.filter(imgtype="DARK").count()

    @property
    def flatcount(self) -> int:
        """Number of flat frames."""
        return self.rawfits.filter(imgtype="FLAT").count()

    @property
    def lightcount(self) -> int:
        """Number of light frames."""
        return self.rawfits.filter(imgtype="LIGHT").count()

    @property
    def reducedcount(self) -> int:
        """Number of reduced frames that have a file."""
        return self.reducedfits.exclude(content_key="").count()

    @property
    def calibratedcount(self) -> int:
        """Number of reduced frames with a position on the sky."""
        return self.reducedfits.filter(solved=True).count()

    def reduce(self, **options: Any) -> Any:
        """Carry the night from raw frames to results; see `polarnight.pipeline`."""
        return hand_over("reduce_epochs", [self.epochname], **options)

    def build_master_biases(self, **options: Any) -> Any:
        """Build the masters of the night; see `polarnight.pipeline`."""
        return hand_over("reduce_epochs", [self.epochname], only="masters", **options)

    build_master_darks = build_master_biases
    build_master_flats = build_master_biases

    def compute_relative_photometry(self, **options: Any) -> Any:
        """Bring the photometry of the night up to date; see `polarnight.pipeline`."""
        return hand_over("reduce_epochs", [self.epochname], only="photometry", **options)

    def compute_relative_polarimetry(self, **options: Any) -> Any:
        """Bring the polarimetry of the night up to date; see `polarnight.pipeline`."""
        return hand_over("reduce_epochs", [self.epochname], only="polarimetry", **options)
