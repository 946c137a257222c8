"""The results of a source as arrays, by one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from polarnight.db.models import AstroSource, PhotoPolResult
from polarnight.errors import ConfigError
from polarnight.web.tables.columns import JD_OF_MJD
from polarnight.web.tables.filters import Filter, apply_filters

__all__ = ["DTYPE", "Curve", "Selection", "fetch"]

Points = npt.NDArray[np.void]

_CHUNK = 10000

DTYPE = np.dtype(
    [("pk", "i8"), ("flags", "i8"), ("human_set", "i8"), ("human_clear", "i8")]
    + [("instrument", "O"), ("band", "O"), ("mjd", "f8")]
    + [
        (name, "f8")
        for name in (
            *("mag", "mag_err", "mag_limit", "p", "p_low", "p_high", "p_limit"),
            *("chi", "chi_err", "q", "q_err", "u", "u_err"),
        )
    ]
)
"""Of a point: time (MJD, UTC), magnitudes, fractions, degrees; NaN where there is no number."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is plotted.

    Attributes
    ----------
    source : AstroSource
    bands : sequence of str
        Empty for all.
    start, end : float or None
        Window of time, MJD (UTC).
    corrected : bool
        Without the light of the host galaxy, where that is known.
    naive : bool
        p without correction of its bias.
    filters : sequence of Filter
        Besides these.
    """

    source: AstroSource
    bands: Sequence[str] = ()
    start: float | None = None
    end: float | None = None
    corrected: bool = False
    naive: bool = False
    filters: Sequence[Filter] = field(default=())

    def rows(self) -> Any:
        """Return the results chosen, in order of time.

        Raises
        ------
        ConfigError
            For a window that ends before it begins.
        """
        rows = PhotoPolResult.objects.filter(astrosource=self.source, juliandate__isnull=False)
        if self.bands:
            rows = rows.filter(band__in=list(self.bands))
        if self.start is not None and self.end is not None and not self.start <= self.end:
            msg = f"the window from MJD {self.start} to {self.end} is empty"
            raise ConfigError(msg)
        if self.start is not None:
            rows = rows.filter(juliandate__gte=self.start + JD_OF_MJD)
        if self.end is not None:
            rows = rows.filter(juliandate__lte=self.end + JD_OF_MJD)
        return apply_filters(rows, self.filters).order_by("juliandate")


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in order of time, with their series.

    Attributes
    ----------
    points : ndarray (n,)
        Of `DTYPE`.
    code : ndarray of int (n,)
        Number of the series of each point.
    series : tuple of (str, str)
        Instrument and band of each.
    """

    points: Points
    code: npt.NDArray[np.int16]
    series: tuple[tuple[str, str], ...]


def fetch(selection: Selection) -> Curve:
    """Read the results that a selection chooses.

    Nothing but narrow columns of one index is read, so that 10^5 results take a fraction of
    a second.
    """
    paths = _paths(selection)
    rows = selection.rows().values_list(*paths)
    if connection.vendor == "postgresql":
        rows = rows.order_by()  # it would sort whole rows on disk, numpy sorts one column
    # One row after the other: 10^5 tuples at once would keep the garbage collector busy.
    points = np.fromiter(rows.iterator(chunk_size=_CHUNK), dtype=DTYPE)  # None becomes NaN
    points = points[np.argsort(points["mjd"], kind="stable")]
    points["flags"] = points["flags"] & ~points["human_clear"] | points["human_set"]
    points["mjd"] -= JD_OF_MJD
    pairs = list(zip(points["instrument"], points["band"], strict=True))
    series = tuple(sorted(set(pairs)))
    code = {pair: number for number, pair in enumerate(series)}
    _complete(points, selection)
    return Curve(points, np.array([code[pair] for pair in pairs], dtype="i2"), series)


def _paths(selection: Selection) -> tuple[str, ...]:
    """Return the columns of the database, in the order of `DTYPE`.

    The flags in force are a generated column, which SQLite does not read from an index.
    """
    corrected = selection.corrected
    p = "p_corr" if corrected else "p_naive" if selection.naive else "p"
    error = "p_corr_err" if corrected else "p_err"
    plain = p == "p"
    return (
        *("pk", "machine_flags", "human_set", "human_clear", "instrument", "band", "juliandate"),
        *(("mag_corr", "mag_corr_err") if corrected else ("mag", "mag_err")),
        *("mag_limit", p, "p_low" if plain else error, "p_high" if plain else error),
        *("p_limit95", "chi", "chi_err", "q", "q_err", "u", "u_err"),
    )


def _complete(points: Points, selection: Selection) -> None:
    """Make intervals of errors, and keep limits only where nothing was measured."""
    if selection.corrected or selection.naive:
        error = points["p_low"].copy()
        points["p_low"], points["p_high"] = points["p"] - error, points["p"] + error
    points["mag_limit"][np.isfinite(points["mag"])] = np.nan
    if selection.corrected:
        # Limits are those of the light with the host galaxy.
        points["mag_limit"] = np.nan
        points["p_limit"] = np.nan
    if not selection.naive:
        limited = np.isfinite(points["p_limit"])
        for name in ("p", "p_low", "p_high"):
            points[name][limited] = np.nan
        points["chi"][limited] = np.nan
    else:
        points["p_limit"] = np.nan
