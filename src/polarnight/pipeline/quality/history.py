"""What is usual of a camera: the zero points of the nights before."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from polarnight.pipeline.quality.extinction import spread_of

if TYPE_CHECKING:
    from datetime import date

    from polarnight.config.model import QualitySettings
    from polarnight.db import Epoch

__all__ = ["Kind", "Usual", "ZeroPointHistory"]

Kind = tuple[str, str, str]
"""Instrument, mode and band."""


class Usual(NamedTuple):
    """The usual zero point, None where too few nights tell it; its error; number of nights."""

    value: float | None
    error: float
    n: int


@dataclass
class ZeroPointHistory:
    """Best zero points of nights, from which follows what is usual of a camera.

    `nights` holds the zero point at airmass 1 by night for each telescope, instrument, mode and
    band.
    """

    nights: dict[tuple[str, str, str, str], dict[date, float]]

    @classmethod
    def load(cls) -> ZeroPointHistory:
        """Read the nights of the database."""
        from polarnight.db import NightQuality

        nights: dict[tuple[str, str, str, str], dict[date, float]] = defaultdict(dict)
        rows = NightQuality.objects.exclude(zero_point=None).exclude(band="")
        for row in rows.select_related("epoch"):
            where = (row.epoch.telescope, row.instrument, row.obsmode, row.band)
            nights[where][row.epoch.night] = float(row.zero_point or 0.0)
        return cls(nights)

    def remember(self, epoch: Epoch, kind: Kind, zero_point: float | None) -> None:
        """Take in what a night gave."""
        known = self.nights.setdefault((epoch.telescope, *kind), {})
        known.pop(epoch.night, None)
        if zero_point is not None:
            known[epoch.night] = zero_point

    def usual(self, epoch: Epoch, kind: Kind, settings: QualitySettings) -> Usual:
        """Return the median of the nights before, None where there are too few."""
        known = self.nights.get((epoch.telescope, *kind), {})
        values = [
            value
            for night, value in known.items()
            if 0 < (epoch.night - night).days <= settings.reference_days
        ]
        enough = len(values) >= settings.reference_nights
        return Usual(median(values) if enough else None, spread_of(values), len(values))
