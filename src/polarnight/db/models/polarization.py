"""Calibrations of the polarization that an instrument adds."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from enum import IntFlag
from pathlib import Path
from typing import Any, ClassVar

from django.db import models

from polarnight.db.fields import EvidenceField, NumberField
from polarnight.db.models.base import AuditedModel, ProductColumns, data_directory
from polarnight.db.reprs import Summary, number

__all__ = ["PolarizationCalibration"]


class PolarizationCalibration(AuditedModel, ProductColumns):
    """Zero, angle zero and efficiency of an instrument in a band, from standard stars.

    ``key`` is the natural key: instrument, band, first and last night. ``jd`` is the mean time
    of the observations, ``jd_first`` and ``jd_last`` bound them, ``valid_from`` and
    ``valid_to`` bound the range in which it may be used at level 2 (UTC Julian dates, NULL for
    no bound). ``covariance`` is that of `polarnight.polarimetry.instrumental.PARAMETERS`.
    """

    class Flags(IntFlag):
        """What may be said about a calibration; IGNORE is people's to set."""

        IGNORE = 1 << 1
        ERROR = 1 << 2
        WEAK = 1 << 3

    FLAGS: ClassVar[type[Flags]] = Flags

    key = models.CharField(max_length=200, unique=True)
    instrument = models.CharField(max_length=40)
    band = models.CharField(max_length=10)
    path = models.CharField(max_length=500, blank=True, default="")
    jd = NumberField(db_index=True)
    jd_first = NumberField()
    jd_last = NumberField()
    valid_from = NumberField()
    valid_to = NumberField()
    q0 = NumberField(help_text="fraction, in the frame of the instrument")
    u0 = NumberField(help_text="fraction, in the frame of the instrument")
    zero_angle = NumberField(help_text="degrees, added to the measured angle")
    efficiency = NumberField()
    telescope_q = NumberField(help_text="turns with the parallactic angle")
    telescope_u = NumberField(help_text="turns with the parallactic angle")
    covariance = EvidenceField(default=list, blank=True)
    chi2 = NumberField(help_text="against the quoted errors alone")
    dof = models.IntegerField(null=True, blank=True)
    star_scatter = NumberField(help_text="fraction, from star to star")
    cycle_scatter = NumberField(help_text="fraction, from cycle to cycle")
    n_stars = models.IntegerField(default=0)
    n_used = models.IntegerField(default=0)
    rejected = EvidenceField(default=list, blank=True)
    fit = EvidenceField(default=dict, blank=True)

    UNIQUE: ClassVar[tuple[str, ...]] = ("key",)

    class Meta:
        ordering = ["jd", "key"]
        indexes = [models.Index(fields=["instrument", "band"], name="polarization_of")]

    def __str__(self) -> str:
        return self.key

    def __repr__(self) -> str:
        return f"PolarizationCalibration({self.key})"

    def _repr_html_(self) -> str:
        return self._summary().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self._summary().text())

    def _summary(self) -> Summary:
        errors = [row[n] ** 0.5 for n, row in enumerate(self.covariance)] or [None] * 4
        return Summary(
            f"PolarizationCalibration {self.key}",
            {
                "q0": number(self.q0, errors[0], 5),
                "u0": number(self.u0, errors[1], 5),
                "zero angle": number(self.zero_angle, errors[2], 2),
                "efficiency": number(self.efficiency, errors[3], 4),
                "stars, cycles": f"{self.n_stars}, {self.n_used}",
                "flags": ", ".join(self.flag_labels),
                "error": self.error,
            },
        )

    @property
    def natural(self) -> str:
        """The key."""
        return self.key

    @staticmethod
    def make_key(instrument: str, band: str, first: str, last: str) -> str:
        """Return the natural key; the nights as ISO dates."""
        return f"{instrument}/{band}/{first}/{last}"

    @property
    def filepath(self) -> Path:
        """The file with everything that is known of it."""
        return data_directory().absolute(self.path)
