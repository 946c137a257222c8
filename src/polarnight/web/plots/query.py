"""The results of a source as arrays, by one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import Q

from polarnight.db.models import AstroSource, PhotoPolResult
from polarnight.db.stamps import Stamps, read_stamps
from polarnight.errors import ConfigError
from polarnight.web.plots.reading import read_columns
from polarnight.web.tables.columns import JD_OF_MJD
from polarnight.web.tables.filters import Filter, apply_filters
from polarnight.web.tables.memory import Memory

__all__ = ["DTYPE", "Curve", "Selection", "fetch"]

Points = npt.NDArray[np.void]
Decisions = npt.NDArray[np.int64]

DTYPE = np.dtype(
    [("pk", "i8"), ("flags", "i8"), ("mjd", "f8")]
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

    @property
    def question(self) -> tuple[Any, ...]:
        """What is asked, by which the answer is kept."""
        filters = tuple(map(str, self.filters))
        window = (self.start, self.end)
        return (self.source.pk, tuple(self.bands), *window, self.corrected, self.naive, filters)

    def version(self, stamps: Stamps | None) -> Stamps | str | None:
        """Return of which results the rows chosen are, None where nobody can tell."""
        by_flags = any(one.column.kind == "flags" for one in self.filters)
        return stamps if stamps is None or by_flags else stamps.rows

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
    series: tuple[tuple[str, ...], ...]


_CURVES: Memory[Curve] = Memory(64 << 20)  # four of 10^5 results
_DECISIONS: Memory[Decisions] = Memory(8 << 20)


def fetch(selection: Selection) -> Curve:
    """Return the results that a selection chooses, read anew where they have changed.

    What machines wrote is kept in memory; what people say of it changes while they look, is
    little, and is read by itself.
    """
    stamps = read_stamps()
    machines = _CURVES.get(
        selection.question, selection.version(stamps), lambda: _read(selection), _bytes
    )
    said = _DECISIONS.get(selection.source.pk, stamps, lambda: _said(selection.source), _size)
    return _in_force(machines, said)


def _bytes(curve: Curve) -> int:
    return curve.points.nbytes + curve.code.nbytes


def _read(selection: Selection) -> Curve:
    """Read results with the flags of machines.

    Nothing but narrow columns of one index is read, so that 10^5 results take a fraction of
    a second.
    """
    read = read_columns(
        selection.rows(),
        integers={"pk": "pk", "flags": "machine_flags"},
        numbers=_paths(selection),
        texts=("instrument", "band"),
    )
    order = np.argsort(read.values["mjd"], kind="stable")
    points = np.empty(len(order), DTYPE)
    for name, values in read.values.items():
        points[name] = values[order]
    points["mjd"] -= JD_OF_MJD
    _complete(points, selection)
    return Curve(points, read.code[order], read.texts)


def _said(source: AstroSource) -> Decisions:
    """Return key, flags set and flags cleared of each result that people judged, by key."""
    # By the columns of the index from which curves are read.
    judged = PhotoPolResult.objects.filter(
        Q(human_set__gt=0) | Q(human_clear__gt=0), astrosource=source
    ).order_by()
    rows = sorted(judged.values_list("pk", "human_set", "human_clear"))
    return np.array(rows, dtype="i8").reshape(-1, 3)


def _size(said: Decisions) -> int:
    return said.nbytes + 100


def _in_force(curve: Curve, said: Decisions) -> Curve:
    """Return a curve with the flags that are in force."""
    if not len(said):
        return curve
    keys, given, taken = said.T
    points = curve.points.copy()  # the other one is kept
    place = np.minimum(np.searchsorted(keys, points["pk"]), len(keys) - 1)
    ours = np.flatnonzero(keys[place] == points["pk"])
    place = place[ours]
    points["flags"][ours] = points["flags"][ours] & ~taken[place] | given[place]
    return Curve(points, curve.code, curve.series)


def _paths(selection: Selection) -> dict[str, str]:
    """Return the columns of the database by their names in `DTYPE`."""
    host = "_corr" if selection.corrected else ""
    p = "p_corr" if selection.corrected else "p_naive" if selection.naive else "p"
    error = "p_corr_err" if selection.corrected else "p_err"
    plain = p == "p"
    same = ("mag_limit", "chi", "chi_err", "q", "q_err", "u", "u_err")
    return {
        **{name: name for name in same},
        **{"mjd": "juliandate", "mag": f"mag{host}", "mag_err": f"mag{host}_err", "p": p},
        **{"p_low": "p_low" if plain else error, "p_high": "p_high" if plain else error},
        "p_limit": "p_limit95",
    }


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
