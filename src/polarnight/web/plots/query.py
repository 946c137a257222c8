"""The results of a source as arrays, by one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import F

from polarnight.db.models import AstroSource, PhotoPolResult
from polarnight.errors import ConfigError
from polarnight.web.plots.reading import read_columns
from polarnight.web.tables.columns import JD_OF_MJD
from polarnight.web.tables.filters import Filter, apply_filters

__all__ = ["DTYPE", "Curve", "Selection", "fetch"]

Points = npt.NDArray[np.void]

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


def fetch(selection: Selection) -> Curve:
    """Read the results that a selection chooses.

    Nothing but narrow columns of one index is read, so that 10^5 results take a fraction of
    a second.
    """
    # The flags in force are a generated column, which SQLite does not read from an index.
    machine: Any = F("machine_flags")  # the stubs know integers only
    in_force = (machine - machine.bitand(F("human_clear"))).bitor(F("human_set"))
    read = read_columns(
        selection.rows().annotate(in_force=in_force),
        integers={"pk": "pk", "flags": "in_force"},
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
