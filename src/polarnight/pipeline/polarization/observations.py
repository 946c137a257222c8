"""Observations of standard stars among the results of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.astrometry.geometry import separation
from polarnight.frames import FrameInfo
from polarnight.pipeline.groups.outcome import instrument_angle
from polarnight.polarimetry.calibration_fit import StandardObservation
from polarnight.polarimetry.standards import Standard, find_standard
from polarnight.telescopes import get_telescope

if TYPE_CHECKING:
    from polarnight.db import AstroSource, PhotoPolResult

__all__ = ["Collected", "collect_observations", "standard_of"]

_SAME_PLACE_DEG = 5.0 / 3600.0
_UNUSABLE = ("BAD_POLARIMETRY", "NONLINEAR", "BAD_PHOTOMETRY")


@dataclass(frozen=True)
class Collected:
    """Observations of standards, and what was passed over.

    Attributes
    ----------
    observations : tuple of StandardObservation
    standards : tuple of Standard
        Of each observation.
    inputs : tuple of (str, dict)
        Of each observation the identity of the result and the measured values that count.
    passed_over : tuple of (str, str)
        What, and why.
    """

    observations: tuple[StandardObservation, ...]
    standards: tuple[Standard, ...]
    inputs: tuple[tuple[str, dict[str, Any]], ...]
    passed_over: tuple[tuple[str, str], ...]


def standard_of(source: AstroSource, standards: Sequence[Standard]) -> Standard | None:
    """Return the standard that a source of the catalogue is: by its names, else by its place."""
    found = find_standard(standards, source.all_names)
    if found is not None:
        return found
    from polarnight.db.coordinates import parse_dec, parse_ra

    for standard in standards:
        place = parse_ra(standard.ra_hms), parse_dec(standard.dec_dms)
        if float(separation(source.ra, source.dec, *place)) < _SAME_PLACE_DEG:
            return standard
    return None


def collect_observations(
    standards: Sequence[Standard],
    *,
    instrument: str,
    band: str,
    first: str,
    last: str,
    variable: bool = False,
) -> Collected:
    """Return what an instrument measured of standards in a band between two nights.

    Parameters
    ----------
    standards : sequence of Standard
    instrument, band : str
    first, last : str
        Nights (ISO), both included.
    variable : bool
        Whether standards that vary are taken too.
    """
    from polarnight.db import PhotoPolResult

    rows = (
        PhotoPolResult.objects.filter(
            reduction="relpol",
            instrument=instrument,
            band=band,
            epoch__night__gte=first,
            epoch__night__lte=last,
        )
        .select_related("epoch", "astrosource")
        .prefetch_related("reducedfits__rawfit")
        .order_by("juliandate", "identity")
    )
    known: dict[int, Standard | None] = {}
    kept: list[tuple[StandardObservation, Standard, tuple[str, dict[str, Any]]]] = []
    passed_over: list[tuple[str, str]] = []
    for row in rows:
        if row.astrosource_id not in known:
            known[row.astrosource_id] = standard_of(row.astrosource, standards)
        standard = known[row.astrosource_id]
        if standard is None:
            continue
        why = _objection(row, standard, band, variable=variable)
        if why:
            passed_over.append((f"{standard.name}, {row.epoch.epochname}", why))
        else:
            observation, values = _observation(row, standard, band)
            kept.append((observation, standard, (row.identity, values)))
    return Collected(
        observations=tuple(entry[0] for entry in kept),
        standards=tuple(entry[1] for entry in kept),
        inputs=tuple(entry[2] for entry in kept),
        passed_over=tuple(dict.fromkeys(passed_over)),
    )


def _objection(row: PhotoPolResult, standard: Standard, band: str, *, variable: bool) -> str:
    """Return why a result cannot be used, ``""`` where it can."""
    if standard.variable and not variable:
        return "its polarization varies (--variable takes it all the same)"
    if standard.in_band(band) is None:
        return f"no value of it in {band} is known"
    flags = [name for name in _UNUSABLE if row.has_flag(row.FLAGS[name])]
    if flags:
        return f"flagged {', '.join(flags)}"
    if row.q_nocorr is None or row.u_nocorr is None or _measured_cov(row) is None:
        return "no Stokes parameters before the correction; run the night again"
    if _against_the_field(row):
        return (
            "its fluxes were compared with the field stars, which hides the zero: clouds, or the "
            "zero is another than the one in use; if the night was clear, run it with "
            "`-o polarimetry.transparency=never`"
        )
    return ""


def _against_the_field(row: PhotoPolResult) -> bool:
    """Return whether one beam was divided by the mean of the stars of the field.

    The zero of the instrument goes with the clouds then, and that assumed before is put back:
    a fit would give back the constants in use, whatever the instrument does.
    """
    sky = ((row.evidence or {}).get("polarimetry") or {}).get("transparency") or {}
    return sky.get("field_polarization") is not None


def _measured_cov(row: PhotoPolResult) -> np.ndarray[Any, Any] | None:
    """Return the covariance of q and u as measured, before anything was taken off."""
    known = ((row.evidence or {}).get("polarimetry") or {}).get("measured_cov")
    if known is None:
        return None
    cov = np.array(known, dtype=np.float64)
    return cov if cov.shape == (2, 2) and np.all(np.linalg.eigvalsh(cov) > 0) else None


def _observation(
    row: PhotoPolResult, standard: Standard, band: str
) -> tuple[StandardObservation, dict[str, Any]]:
    value, cov = standard.in_band(band), _measured_cov(row)
    if value is None or cov is None:
        msg = f"{row} was not to be used"
        raise ValueError(msg)
    infos = [FrameInfo.from_dict(frame.rawfit.info) for frame in row.reducedfits.all()]
    turned = instrument_angle([info.instrument_angle for info in infos])
    source, jd = row.astrosource, float(row.juliandate or 0.0)
    site = get_telescope(row.epoch.telescope)
    observation = StandardObservation(
        star=standard.name,
        q=float(row.q_nocorr or 0.0),
        u=float(row.u_nocorr or 0.0),
        cov=cov,
        true_q=value.q,
        true_u=value.u,
        true_cov=np.array(value.cov),
        jd=jd,
        parallactic_angle=site.parallactic_angle(source.ra, source.dec, jd),
        instrument_angle=turned,
        label=f"{standard.name}, {row.epoch.epochname}",
    )
    # What the fit depends on, and nothing that a correction with the fit would change.
    counted = {
        "star": standard.name,
        "literature": [value.q, value.u, value.cov],
        "measured": [observation.q, observation.u, cov.tolist()],
        "jd": jd,
        "instrument_angle": turned,
    }
    return observation, counted
