"""Relative photometry: a zero point for each source from its calibrators in the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polarnight.photometry import zero_point
from polarnight.pipeline.records import SourceRecord

__all__ = ["InstrumentalMagnitude", "SourceZeroPoint", "zero_points"]


@dataclass(frozen=True, slots=True)
class InstrumentalMagnitude:
    """``-2.5 log10`` of counts a second, with its error."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class SourceZeroPoint:
    """The zero point that holds for one source.

    Attributes
    ----------
    value, error : float
        Magnitude of one count a second, with its error.
    method : str
    n : int
        Number of calibrators.
    inflation, chi2 : float
    details : dict
        JSON-able: where it comes from and what each calibrator said.
    """

    value: float
    error: float
    method: str
    n: int
    inflation: float
    chi2: float
    details: dict[str, Any]


def _calibrators_of(source: SourceRecord, sources: Sequence[SourceRecord]) -> list[SourceRecord]:
    """Return who gives the zero point of a source.

    For a target, the sources that calibrate it. For a calibrator, the other calibrators
    of the same targets: never itself, so that its magnitude is a check and no tautology.
    """
    targets = set(source.calibrates) or {source.id}
    return [other for other in sources if other.id != source.id and targets & set(other.calibrates)]


def zero_points(
    measured: Mapping[int, InstrumentalMagnitude],
    sources: Sequence[SourceRecord],
    band: str,
) -> dict[int, SourceZeroPoint]:
    """Find the zero point of every source of one frame or group.

    Parameters
    ----------
    measured : mapping
        Good instrumental magnitudes by source id.
    sources : sequence of SourceRecord
        Sources in the field, targets and calibrators.
    band : str

    Returns
    -------
    dict
        By source id; sources without a measured calibrator in this band are missing.

    Notes
    -----
    ``zp_i = m_literature - m_instrumental`` with the errors of both in quadrature. The
    error of a zero point and that of the source it is applied to are independent, because
    no source is its own calibrator.
    """
    points = {}
    for source in sources:
        if source.id in measured and band in source.magnitudes:
            literature, error = source.magnitudes[band]
            instrumental = measured[source.id]
            points[source.id] = (
                literature - instrumental.value,
                float(np.hypot(error, instrumental.error)),
            )
    found: dict[int, SourceZeroPoint] = {}
    known: dict[tuple[int, ...], SourceZeroPoint] = {}
    for source in sources:
        usable = [c for c in _calibrators_of(source, sources) if c.id in points]
        if not usable:
            continue
        # Most targets of a field share their calibrators.
        key = tuple(c.id for c in usable)
        if key not in known:
            known[key] = _combine(usable, points)
        found[source.id] = known[key]
    return found


def _combine(
    calibrators: Sequence[SourceRecord], points: Mapping[int, tuple[float, float]]
) -> SourceZeroPoint:
    values, errors = np.array([points[c.id] for c in calibrators]).T
    zp = zero_point(values, errors)
    return SourceZeroPoint(
        value=zp.value,
        error=zp.err,
        method=zp.method,
        n=zp.n,
        inflation=zp.inflation,
        chi2=zp.chi2,
        details={
            "from": "calibrators",
            "calibrators": [
                {"name": c.name, "zp": float(v), "zp_err": float(e), "used": bool(used)}
                for c, v, e, used in zip(calibrators, values, errors, zp.used, strict=True)
            ],
        },
    )
