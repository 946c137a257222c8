"""Host galaxies in polarimetry without magnitudes: small windows show no calibrator.

The dilution of the polarization needs the brightness of the nucleus. It is taken from
photometry of the same time: between two magnitudes by their straight line, beside one that
one itself, and never further away than ``photometry.host_minutes``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polarnight.photometry import HostTable, find_host, load_host_tables
from polarnight.photometry.hosts import HOST_BAND
from polarnight.pipeline.groups.host_light import CORRECTED, REFUSED, HostOutcome, host_correction

if TYPE_CHECKING:
    from polarnight.db import Epoch, PhotoPolResult
    from polarnight.pipeline.context import RunContext

__all__ = ["correct_with_near_magnitudes", "magnitude_at"]

_MINUTES = 1440.0


def magnitude_at(
    jd: float, series: Sequence[tuple[float, float, float]], within: float
) -> tuple[float, float, dict[str, Any]] | None:
    """Return the magnitude of a source at a time, from those measured near it.

    Parameters
    ----------
    jd : float
        Days.
    series : sequence of (jd, magnitude, error)
        In order of time.
    within : float
        Largest distance in time, days.

    Returns
    -------
    (magnitude, error, remark) or None
        None where nothing was measured near enough. Between two measurements their straight
        line; else the nearest. Nothing is extrapolated.
    """
    before = [entry for entry in series if jd - within <= entry[0] <= jd]
    after = [entry for entry in series if jd < entry[0] <= jd + within]
    if before and after:
        (t0, m0, e0), (t1, m1, e1) = before[-1], after[0]
        share = (jd - t0) / (t1 - t0)
        error = math.hypot((1.0 - share) * e0, share * e1)
        remark = {"magnitude": "between two measurements", "minutes": [
            round((t0 - jd) * _MINUTES, 2), round((t1 - jd) * _MINUTES, 2)
        ]}  # fmt: skip
        return (1.0 - share) * m0 + share * m1, error, remark
    near = before[-1:] or after[:1]
    if not near:
        return None
    time, mag, error = near[0]
    minutes = [round((time - jd) * _MINUTES, 2)]
    return mag, error, {"magnitude": "nearest measurement", "minutes": minutes}


def correct_with_near_magnitudes(context: RunContext, epochs: Sequence[Epoch]) -> None:
    """Correct the polarimetry of some nights that has no magnitude of its own.

    Magnitudes of flagged results do not serve. The aperture need not be the same: what is
    looked up is the brightness of nucleus and galaxy in the aperture of the photometry, and
    the difference of the galaxy's light in the two apertures is added.
    """
    from polarnight.db import AstroSource, PhotoPolResult
    from polarnight.db.bulk import update

    settings = context.settings.photometry
    if not settings.host_galaxies:
        return
    rows = list(
        PhotoPolResult.objects.filter(
            epoch__in=epochs, reduction="relpol", band=HOST_BAND, mag__isnull=True, p__isnull=False
        ).select_related("astrosource")
    )
    if not rows:
        return
    tables = load_host_tables(settings.host_tables)
    names = {
        source.pk: find_host(source.all_names, tables)
        for source in AstroSource.objects.filter(pk__in={row.astrosource_id for row in rows})
    }
    rows = [row for row in rows if names[row.astrosource_id]]
    within = settings.host_minutes / _MINUTES
    series = _series(rows, within)
    changed = []
    for row in rows:
        table = tables[names[row.astrosource_id]]
        if _apply(row, _outcome(row, table, series[row.astrosource_id], within)):
            changed.append(row)
    update(changed, ["p_corr", "p_corr_err", "evidence", "machine_flags"])


def _series(
    rows: Sequence[PhotoPolResult], within: float
) -> Mapping[int, list[tuple[float, float, float, float, float]]]:
    """Return (jd, magnitude, error, aperture, seeing) by source, in order of time."""
    from polarnight.db import PhotoPolResult

    flags = PhotoPolResult.FLAGS
    spoilt = flags.BAD_PHOTOMETRY | flags.SATURATED | flags.NONLINEAR
    times = [float(row.juliandate or 0.0) for row in rows]
    found = PhotoPolResult.objects.filter(
        astrosource__in={row.astrosource_id for row in rows},
        band=HOST_BAND,
        mag__isnull=False,
        mag_err__isnull=False,
        aperas__isnull=False,
        fwhm__isnull=False,
        flags__hasnot=spoilt,
        juliandate__gte=min(times, default=0.0) - within,
        juliandate__lte=max(times, default=0.0) + within,
    ).order_by("juliandate")
    series: dict[int, list[tuple[float, float, float, float, float]]] = defaultdict(list)
    columns = ("astrosource_id", "juliandate", "mag", "mag_err", "aperas", "fwhm")
    for source, *values in found.values_list(*columns):
        series[source].append((values[0], values[1], values[2], values[3], values[4]))
    return series


def _outcome(
    row: PhotoPolResult,
    table: HostTable,
    series: Sequence[tuple[float, float, float, float, float]],
    within: float,
) -> HostOutcome:
    from polarnight.errors import AlgorithmFailed
    from polarnight.photometry.hosts import flux_of_magnitude, magnitude_of_flux

    values = {
        "p": row.p,
        "p_err": row.p_err,
        "mag": None,
        "aperas": row.aperas,
        "fwhm": row.fwhm,
    }
    brought = []
    try:
        here = table.at(float(row.aperas or 0.0), float(row.fwhm or 0.0))
    except AlgorithmFailed as fault:
        return HostOutcome(REFUSED, evidence={"table": table.name, "refused": str(fault)})
    for jd, mag, error, aperture, seeing in series:
        try:
            there = table.at(aperture, seeing)
        except AlgorithmFailed:
            continue  # that frame is of no use; another one may be
        flux, noise = flux_of_magnitude(mag, error)
        flux += here.flux - there.flux
        if flux > 0:
            brought.append((jd, *magnitude_of_flux(flux, noise)))
    found = magnitude_at(float(row.juliandate or 0.0), brought, within)
    if found is None:
        reason = f"there is no magnitude within {within * _MINUTES:g} minutes"
        return HostOutcome(REFUSED, evidence={"table": table.name, "refused": reason})
    mag, error, remark = found
    outcome = host_correction(values, row.band, table, magnitude=(mag, error), remark=remark)
    assert outcome is not None
    return outcome


def _apply(row: PhotoPolResult, outcome: HostOutcome) -> bool:
    """Put what was found into a row; return whether that changed it."""
    from polarnight.db.fields import jsonable

    flags = row.FLAGS
    before = (row.p_corr, row.p_corr_err, row.machine_flags, row.evidence)
    row.p_corr = outcome.values.get("p_corr")
    row.p_corr_err = outcome.values.get("p_corr_err")
    row.evidence = {**(row.evidence or {}), "host": jsonable(outcome.evidence)}
    for name in (CORRECTED, REFUSED):
        if outcome.flag == name:
            row.set_flag(flags[name])
        else:
            row.unset_flag(flags[name])
    return before != (row.p_corr, row.p_corr_err, row.machine_flags, row.evidence)
