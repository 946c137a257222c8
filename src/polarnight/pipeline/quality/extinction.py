"""Extinction of a night, from its zero points against airmass.

Zero points fall with airmass, ``zp(X) = zp(1) - k (X - 1)``. The coefficient k of a night is
fitted where its frames span enough airmass and the zero points lie on a line; else the one that
is usual of the site is taken, or the typical one of the settings. With it, zero points at
different airmass can be compared, and the mirror is not blamed for the air.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

from polarnight.errors import AlgorithmFailed
from polarnight.photometry import fit_zero_point_colour

if TYPE_CHECKING:
    from datetime import date

    from polarnight.config.model import QualitySettings
    from polarnight.db import Epoch, ReducedFit

__all__ = ["Extinction", "ExtinctionHistory", "fit_extinction"]

_LEAST_POINTS = 6
_CLEAR, _LEAST_CLEAR = 3.0, 0.7  # of the points lie within three times the scatter of clear nights
_ONE_SIGMA = 0.8413  # of a Gaussian distribution, cumulative
_GOOD_ERROR = 0.05  # mag per airmass; a night that knows it worse takes what is usual


@dataclass(frozen=True, slots=True)
class Extinction:
    """The coefficient of extinction of a night and band.

    Attributes
    ----------
    value, error : float
        Magnitudes per airmass.
    n : int
        Zero points of the fit: frames, and cycles of polarimetry.
    """

    value: float
    error: float
    n: int

    @property
    def good(self) -> bool:
        """Whether it is known well enough to be used."""
        return self.error < _GOOD_ERROR


def fit_extinction(rows: Iterable[ReducedFit], settings: QualitySettings) -> Extinction | None:
    """Fit the zero points of one night, camera, mode and band against airmass.

    The fit is that of `polarnight.photometry.fit_zero_point_colour`, which outliers do not move.
    The error of the slope follows from the scatter about the line (with the quantile of
    Student's t that so few points ask for). Errors of zero points are those of the calibrators
    mostly, which all frames of an object have in common: they count by how much the objects
    differ in airmass.

    Parameters
    ----------
    rows : iterable of ReducedFit
    settings : QualitySettings

    Returns
    -------
    Extinction or None
        None where there are fewer than six zero points, they span too little airmass, or scatter
        about the line as under clouds. Clouds that grow with airmass look like extinction.
    """
    points = _points(rows)
    airmass, zero_point, error = (np.array([p[n] for p in points]) for n in range(3))
    if len(points) < _LEAST_POINTS or np.ptp(airmass) < settings.extinction_airmass:
        return None
    try:
        line = fit_zero_point_colour(zero_point, airmass, error)
    except AlgorithmFailed:
        return None
    off = np.abs(line.residuals)
    free = line.n - 2
    scatter = 1.4826 * float(np.median(off)) * math.sqrt(line.n / free)
    clear = float(np.mean(off < _CLEAR * settings.photometric_scatter))
    if scatter > settings.photometric_scatter or clear < _LEAST_CLEAR:
        return None
    # Of few points the scatter may look small by chance: what is usual on clear nights stays in.
    limit = 3.0 * max(scatter, 0.5 * settings.photometric_scatter)
    weights = np.minimum(1.0, (limit / np.maximum(off, 1e-9)) ** 2)
    away = airmass - float(np.average(airmass, weights=weights))
    width = float(np.sum(weights * away**2))
    variance = float(np.sum(weights * line.residuals**2)) / free / width
    objects = {p[3] for p in points}
    for name in objects:
        own = np.array([p[3] == name for p in points])
        variance += float(np.median(error[own]) * np.sum((weights * away)[own]) / width) ** 2
    quantile = float(student.ppf(_ONE_SIGMA, free))
    return Extinction(-line.slope, quantile * math.sqrt(variance), line.n)


def _points(rows: Iterable[ReducedFit]) -> list[tuple[float, float, float, str]]:
    """Return airmass, zero point, error and object.

    The frames of a cycle of polarimetry have one zero point in common, which is one point.
    """
    members: dict[tuple[float, float, str], list[float]] = defaultdict(list)
    for row in rows:
        if row.airmass is not None and row.mag_zp is not None and row.mag_zp_err:
            key = (float(row.mag_zp), float(row.mag_zp_err), row.object_name)
            members[key].append(float(row.airmass))
    return [(sum(x) / len(x), *key) for key, x in members.items()]


@dataclass
class ExtinctionHistory:
    """Coefficients of nights, from which follows what is usual of a site.

    `nights` holds the good ones by night for each telescope and band.
    """

    nights: dict[tuple[str, str], dict[date, Extinction]]

    @classmethod
    def load(cls) -> ExtinctionHistory:
        """Read the nights of the database."""
        from polarnight.db import NightQuality

        history = cls({})
        rows = NightQuality.objects.exclude(extinction=None).exclude(extinction_err=None)
        for row in rows.select_related("epoch"):
            assert row.extinction is not None
            assert row.extinction_err is not None
            found = Extinction(row.extinction, row.extinction_err, row.extinction_n or 0)
            history._take(row.epoch, row.band, found)
        return history

    def remember(self, epoch: Epoch, found: Iterable[tuple[str, Extinction]]) -> None:
        """Take in what a night gave, by band, in place of what was known of it."""
        for (telescope, _), nights in self.nights.items():
            if telescope == epoch.telescope:
                nights.pop(epoch.night, None)
        for band, extinction in found:
            self._take(epoch, band, extinction)

    def _take(self, epoch: Epoch, band: str, found: Extinction) -> None:
        """Keep the best of the cameras and modes of a night: the air is the same."""
        if not found.good:
            return
        nights = self.nights.setdefault((epoch.telescope, band), {})
        known = nights.get(epoch.night)
        if known is None or found.error < known.error:
            nights[epoch.night] = found

    def of(self, epoch: Epoch, band: str, settings: QualitySettings) -> float:
        """Return the coefficient to be taken for a night, in magnitudes per airmass.

        That of the night itself; the median of the nights before; the typical one of the
        settings; 0 for bands of which nothing is known.
        """
        nights = self.nights.get((epoch.telescope, band), {})
        if epoch.night in nights:
            return nights[epoch.night].value
        before = [
            found.value
            for night, found in nights.items()
            if 0 < (epoch.night - night).days <= settings.reference_days
        ]
        return median(before) if before else settings.extinction.get(band, 0.0)


def at_unit_airmass(zero_point: float, airmass: float | None, extinction: float) -> float:
    """Return what a zero point would be at airmass 1; as it is where the airmass is unknown."""
    return zero_point if airmass is None else zero_point + extinction * (airmass - 1.0)


def spread_of(values: Sequence[float]) -> float:
    """Return the error of the median of some values, from their scatter; 0 of a single one."""
    if len(values) < 2:
        return 0.0
    middle = median(values)
    scatter = 1.4826 * median(abs(value - middle) for value in values)
    return 1.2533 * scatter / math.sqrt(len(values))
