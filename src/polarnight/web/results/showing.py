"""What the page of a result shows: values with errors, frames with their masters, methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polarnight.db.models import PhotoPolResult, ReducedFit
from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.diagnostics.calibrators import ZeroPointCheck, zero_point_of
from polarnight.pipeline.diagnostics.cycles import ResultCycle, cycle_of
from polarnight.web.links import page_url
from polarnight.web.tables.columns import COLUMNS, column_named
from polarnight.web.tables.paging import rows_of
from polarnight.web.tables.showing import heading, shown

__all__ = ["Value", "cycle_or_reason", "frames_of", "masters_of", "methods_of", "values_of",
           "zero_point_or_reason"]  # fmt: skip

_GROUPS: Mapping[str, Sequence[str]] = {
    "When and how": ("date", "mjd", "bjd_tdb", "jd_first", "jd_last", "n_frames", "exptime",
                     "airmass", "telescope", "obsmode", "reduction"),
    "Magnitude": ("mag", "mag_limit", "mag_corr", "mag_inst", "mag_zp", "zp_method", "zp_n",
                  "zp_chi2", "flux", "sky"),
    "Polarization": ("p", "p_low", "p_high", "p_limit95", "p_naive", "p_corr", "chi", "q", "u",
                     "v", "q_nocorr", "u_nocorr", "debias", "pol_method", "pol_chi2", "pol_dof",
                     "n_angles"),
    "Aperture": ("aperture", "aperpix", "fwhm", "fwhm_source"),
    "Record": ("modified", "recipe_key", "error"),
}  # fmt: skip
_MASTERS = ("bias", "dark", "flat")


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it is shown, with the name and the meaning of its column."""

    name: str
    title: str
    text: str
    meaning: str


def values_of(row: PhotoPolResult) -> dict[str, list[Value]]:
    """Return the values of a result by group; what is empty is left out."""
    values = next(rows_of(PhotoPolResult.objects.filter(pk=row.pk), COLUMNS))
    known = dict(zip((column.name for column in COLUMNS), values, strict=True))
    groups = {}
    for title, names in _GROUPS.items():
        found = [_value(name, known) for name in names if known[name] not in (None, "")]
        if found:
            groups[title] = found
    return groups


def _value(name: str, known: Mapping[str, Any]) -> Value:
    column = column_named(name)
    text = shown(column, known[name])
    error = known.get(f"{name}_err")
    if error is not None:
        text = f"{text} ± {shown(column_named(f'{name}_err'), error)}"
    return Value(name, heading(column), text, column.description)


def frames_of(row: PhotoPolResult) -> list[dict[str, Any]]:
    """Return the frames of a result in order of time, each with its masters."""
    frames = row.reducedfits.select_related(
        "epoch", "rawfit", *(f"master{kind}__epoch" for kind in _MASTERS)
    )
    return [
        {"row": frame, "raw": frame.rawfit_id, "masters": masters_of(frame)}
        for frame in frames.order_by("juliandate", "pk")
    ]


def masters_of(frame: ReducedFit) -> list[dict[str, Any]]:
    """Return the masters of a reduced frame: kind, number, name, level and why this one."""
    found = []
    for kind in _MASTERS:
        master = getattr(frame, f"master{kind}")
        reason = getattr(frame, f"{kind}_reason")
        if master is None and not reason:
            continue
        found.append(
            {
                "kind": kind,
                "id": None if master is None else master.pk,
                "title": "none" if master is None else f"{kind} of {master.epoch.epochname}",
                "level": getattr(frame, f"{kind}_level"),
                "reason": reason,
                "url": "" if master is None else page_url("frame", kind, master.pk),
            }
        )
    return found


def cycle_or_reason(row: PhotoPolResult) -> tuple[ResultCycle | None, str]:
    """Return the cycle of a polarimetric result, or why there is none to show."""
    try:
        return cycle_of(row), ""
    except AlgorithmFailed as error:
        return None, error.message


def zero_point_or_reason(row: PhotoPolResult) -> tuple[ZeroPointCheck | None, str]:
    """Return what the calibrators of a result said, or why there is nothing to show."""
    try:
        return zero_point_of(row), ""
    except AlgorithmFailed as error:
        return None, error.message


def methods_of(cycle: ResultCycle) -> list[dict[str, Any]]:
    """Return a row of the table of methods for each: q, u, p in percent, chi in degrees."""
    rows = []
    for method in cycle.methods:
        entry: dict[str, Any] = {
            "name": method.name, "own": method is cycle.own, "refused": method.refused
        }  # fmt: skip
        if method.stokes is not None:
            stokes, sky = method.stokes, cycle.on_sky(method.stokes)
            entry |= {
                "q": 100 * stokes.q, "q_err": 100 * stokes.q_err,
                "u": 100 * stokes.u, "u_err": 100 * stokes.u_err,
                "p": 100 * sky.p, "p_err": 100 * sky.p_err, "chi": sky.chi, "chi_err": sky.chi_err,
                "chi2": stokes.chi2, "dof": stokes.dof,
            }  # fmt: skip
        rows.append(entry)
    return rows
