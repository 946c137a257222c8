"""Light curves of magnitude and polarization from results, binned or not."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from polarnight.errors import ConfigError
from polarnight.photometry.binning import bin_magnitudes, bin_stokes, groups_of
from polarnight.photometry.magnitudes import MAG_PER_RELATIVE_ERROR

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.timeseries import TimeSeries

__all__ = ["MEASUREMENTS", "lightcurve", "provide_measurements"]

FloatArray = npt.NDArray[np.float64]
Kind = Literal["mag", "p", "polarization"]

MEASUREMENTS: dict[str, tuple[str, str]] = {
    "jd_utc": ("d", "mid-exposure, UTC"),
    "bjd_tdb": ("d", "mid-exposure at the barycentre, TDB"),
    "mag": ("mag", "magnitude"),
    "mag_err": ("mag", "1 sigma"),
    "mag_err_common": ("mag", "the part of it that all measurements have in common"),
    "mag_limit": ("mag", "3-sigma limit where not detected"),
    "mag_corr": ("mag", "magnitude without the host galaxy"),
    "mag_corr_err": ("mag", "1 sigma"),
    "q": ("", "Stokes Q/I, fraction"),
    "q_err": ("", "1 sigma"),
    "u": ("", "Stokes U/I, fraction"),
    "u_err": ("", "1 sigma"),
    "qu_cov": ("", "covariance of q and u"),
    "q_err_random": ("", "1 sigma, without the constants of the instrument"),
    "u_err_random": ("", "1 sigma, without the constants of the instrument"),
    "qu_cov_random": ("", "covariance of the random parts"),
    "rotation_err": ("deg", "error of the angle zero of the instrument"),
    "p": ("", "degree of polarization, debiased, fraction"),
    "p_err": ("", "1 sigma"),
    "p_low": ("", "lower end of the 1-sigma interval"),
    "p_high": ("", "upper end of the 1-sigma interval"),
    "p_limit95": ("", "upper limit at 95 % where p/sigma < 3"),
    "chi": ("deg", "angle of polarization, north through east, [0, 180)"),
    "chi_err": ("deg", "1 sigma"),
    "p_corr": ("", "degree of polarization, not diluted by the host galaxy"),
    "p_corr_err": ("", "1 sigma"),
    "dilution": ("", "factor by which the host galaxy dilutes p"),
    "dilution_err": ("", "1 sigma"),
    "host_err": ("", "relative error of the light of the host galaxy, common to all"),
}
"""Numbers that a table of measurements has, with unit and description; besides them the texts
``night``, ``telescope``, ``instrument``, ``flags`` (names separated by ``|``) and ``debias``."""

_TEXTS = ("night", "telescope", "instrument", "flags")
_MAG = ("mag", "mag_err", "mag_limit")
_POL = (
    "q", "q_err", "u", "u_err", "qu_cov", "p", "p_err", "p_low", "p_high", "p_limit95",
    "chi", "chi_err",
)  # fmt: skip
# What makes a number worthless; other flags tell how it came about.
_SPOILT = {
    "mag": {"BAD_PHOTOMETRY", "SATURATED", "NONLINEAR"},
    "p": {"BAD_POLARIMETRY"},
}
_PAIR = 2
_KINDS: dict[str, str] = {"mag": "mag", "p": "p", "polarization": "p"}

_provider: list[Callable[[str, str], Any]] = []


def provide_measurements(function: Callable[[str, str], Any]) -> None:
    """Let `function` find the measurements of a source by name and band.

    The pipeline, which knows the database, stands on a higher floor and does so by default.
    """
    _provider[:] = [function]


def _measurements(source: str, band: str) -> Any:
    if not _provider:
        found = importlib.import_module("polarnight.pipeline.lightcurves.curves")
        provide_measurements(found.measurements)
    return _provider[0](source, band)


def lightcurve(
    source: str | Table,
    band: str = "R",
    kind: Kind = "mag",
    *,
    dates: tuple[Any, Any] | None = None,
    instruments: str | Sequence[str] | None = None,
    time: Literal["bjd_tdb", "utc"] = "bjd_tdb",
    flagged: Literal["drop", "keep"] = "drop",
    host_corrected: bool = False,
    bin: float | Literal["night"] | None = None,  # noqa: A002
) -> TimeSeries:
    """Return the light curve of a source.

    Parameters
    ----------
    source : str or Table
        Name of a source of the catalogue (``polarnight.Config(config_db=True)`` must have been
        called), or a table of measurements with the columns of `MEASUREMENTS`.
    band : str
    kind : {"mag", "p", "polarization"}
        Magnitudes, or polarization with q, u, p and chi.
    dates : (from, to), optional
        First and last night: ``"2022-09-18"`` or a date; either may be None.
    instruments : str or sequence of str, optional
        Only these.
    time : {"bjd_tdb", "utc"}
        Barycentric Julian dates in TDB, or mid-exposures in UTC.
    flagged : {"drop", "keep"}
        What to do with results that are flagged as spoilt: BAD_PHOTOMETRY, SATURATED or
        NONLINEAR for magnitudes, BAD_POLARIMETRY for polarization.
    host_corrected : bool
        Magnitudes without, polarizations not diluted by, the host galaxy; results that have no
        such number are left out.
    bin : float or "night", optional
        Width of bins in days, or one bin a night and instrument. Magnitudes are averaged with
        their weights, q and u as a vector before p is made of them; the part of the errors
        that all points share is not averaged down, and the rest is enlarged where the points
        scatter more than chance would in one of a hundred cases.

    Returns
    -------
    TimeSeries
        In order of time; NaN where a number does not exist. Besides the measured columns
        ``night``, ``telescope``, ``instrument``, ``flags`` and ``n``, the results in a point.

    Raises
    ------
    ConfigError
        For an unknown source, band without results, kind, or date.
    """
    if kind not in _KINDS or time not in ("bjd_tdb", "utc") or flagged not in ("drop", "keep"):
        msg = (
            f"kind {kind!r}, time {time!r}, flagged {flagged!r}: choose kind mag, p or "
            "polarization; time bjd_tdb or utc; flagged drop or keep"
        )
        raise ConfigError(msg)
    what = _KINDS[kind]
    rows = _measurements(source, band) if isinstance(source, str) else source
    # The name in the catalogue, whichever name was asked for.
    name = str(rows.meta.get("source") or (source if isinstance(source, str) else ""))
    rows = rows[_chosen(rows, what, dates, instruments, flagged)]
    if host_corrected:
        rows = _without_host(rows, what)
    if bin is not None:
        rows = _binned(rows, what, bin)
    elif "n" not in rows.colnames:
        rows["n"] = np.ones(len(rows), dtype=np.int64)
    meta = {"source": name, "band": band, "kind": kind, "host_corrected": host_corrected}
    return _series(rows, what, time, meta)


def _chosen(
    rows: Table,
    what: str,
    dates: tuple[Any, Any] | None,
    instruments: str | Sequence[str] | None,
    flagged: str,
) -> npt.NDArray[np.bool_]:
    keep: npt.NDArray[np.bool_] = np.isfinite(np.asarray(rows[what], dtype=float))
    if what == "mag":
        keep |= np.isfinite(np.asarray(rows["mag_limit"], dtype=float))
    if dates is not None:
        if isinstance(dates, str) or len(dates) != _PAIR:
            msg = f"dates are a pair (from, to), such as ('2022-09-01', None), not {dates!r}"
            raise ConfigError(msg)
        first, last = (_night(value) for value in dates)
        nights = np.array([str(night) for night in rows["night"]], dtype="U10")
        keep &= (nights >= first) if first else True
        keep &= (nights <= last) if last else True
    if instruments is not None:
        wanted = {instruments} if isinstance(instruments, str) else set(instruments)
        keep &= np.array([str(one) in wanted for one in rows["instrument"]], dtype=bool)
    if flagged == "drop":
        spoilt = _SPOILT[what]
        keep &= np.array([not spoilt & set(str(f).split("|")) for f in rows["flags"]], dtype=bool)
    return keep


def _night(value: Any) -> str:
    if value is None:
        return ""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        msg = f"{value!r} is no date; write it as YYYY-MM-DD"
        raise ConfigError(msg) from error


def _without_host(rows: Table, what: str) -> Table:
    """Return the rows that have numbers without the host galaxy, these in place of the others."""
    rows = rows[np.isfinite(np.asarray(rows[f"{what}_corr"], dtype=float))]
    rows[what], rows[f"{what}_err"] = rows[f"{what}_corr"], rows[f"{what}_corr_err"]
    factor, error = (np.asarray(rows[f"dilution{end}"], dtype=float) for end in ("", "_err"))
    # The galaxy is the same at all times: what its brightness is wrong by averages out nowhere.
    host = (factor - 1.0) * np.nan_to_num(np.asarray(rows["host_err"], dtype=float))
    if what == "mag":
        # The error that is common grows with the part of the light that is left.
        zero = np.nan_to_num(np.asarray(rows["mag_err_common"], dtype=float))
        rows["mag_err_common"] = np.hypot(zero * factor, MAG_PER_RELATIVE_ERROR * host)
        return rows
    own = np.sqrt(np.maximum(error**2 - (factor * host) ** 2, 0.0))
    q, u = np.asarray(rows["q"], dtype=float), np.asarray(rows["u"], dtype=float)
    for end, part in (("", error), ("_random", own)):
        # That of the factor is along (q, u).
        rows[f"qu_cov{end}"] = rows[f"qu_cov{end}"] * factor**2 + q * u * part**2
        rows[f"q_err{end}"] = np.hypot(rows[f"q_err{end}"] * factor, q * part)
        rows[f"u_err{end}"] = np.hypot(rows[f"u_err{end}"] * factor, u * part)
    rows["q"], rows["u"] = q * factor, u * factor
    for column in ("p_low", "p_high", "p_limit95"):
        rows[column] = rows[column] * factor
    return rows


def _binned(rows: Table, what: str, width: float | str) -> Table:
    from astropy.table import Table

    if width != "night" and not (isinstance(width, (int, float)) and width > 0):
        msg = f"bins are a positive number of days or 'night', not {width!r}"
        raise ConfigError(msg)
    groups = groups_of(rows, width)
    combine = bin_magnitudes if what == "mag" else bin_stokes
    points = [point for group in groups for point in combine(rows[group])]
    if not points:
        empty = rows[:0]
        empty["n"] = np.zeros(0, dtype=np.int64)
        return empty
    return Table(rows=points)


def _series(rows: Table, what: str, time: str, meta: dict[str, Any]) -> TimeSeries:
    from astropy.time import Time
    from astropy.timeseries import TimeSeries

    column, scale = ("bjd_tdb", "tdb") if time == "bjd_tdb" else ("jd_utc", "utc")
    moments = np.asarray(rows[column], dtype=np.float64)
    known = np.isfinite(moments)
    rows, moments = rows[known], moments[known]
    order = np.argsort(moments, kind="stable")
    rows, moments = rows[order], moments[order]
    whole = np.floor(moments)
    series = TimeSeries(time=Time(whole, moments - whole, format="jd", scale=scale))
    for name in _MAG if what == "mag" else _POL:
        unit, description = MEASUREMENTS[name]
        series[name] = np.asarray(rows[name], dtype=np.float64)
        series[name].unit = unit or None
        series[name].info.description = description
    for name in _TEXTS:
        series[name] = np.array([str(text) for text in rows[name]], dtype="U")
    series["n"] = np.asarray(rows["n"], dtype=np.int64)
    series["n"].info.description = "results in the point"
    told = "barycentric Julian date (TDB)" if time == "bjd_tdb" else "mid-exposure (UTC)"
    series.meta.update({**meta, "time": told})
    return series
