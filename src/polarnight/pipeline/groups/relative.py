"""Relative photometry: a zero point for each source from its calibrators in the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.photometry import ColourZeroPoint, fit_zero_point_colour, zero_point
from polarnight.pipeline.groups.records import SourceRecord

__all__ = ["InstrumentalMagnitude", "SourceZeroPoint", "literature_share", "zero_points"]

_COLOURS = (("B", "V"), ("V", "R"), ("R", "I"), ("V", "I"))
_COLOUR_LEAST = 4
_SEEN = 0.36  # magnitudes; three sigma


@dataclass(frozen=True, slots=True)
class InstrumentalMagnitude:
    """``-2.5 log10`` of counts a second, with its error.

    `crowded` where another star's light is in it.
    """

    value: float
    error: float
    crowded: bool = False


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
    *,
    colour_term: bool = False,
) -> dict[int, SourceZeroPoint]:
    """Find the zero point of every source of one frame or group.

    Parameters
    ----------
    measured : mapping
        Good instrumental magnitudes by source id.
    sources : sequence of SourceRecord
        Sources in the field, targets and calibrators.
    band : str
    colour_term : bool
        Fit a colour term to the calibrators, where four or more have a colour; the evidence
        says whether that was done.

    Returns
    -------
    dict
        By source id; sources without a measured calibrator in this band are missing.

    Notes
    -----
    ``zp_i = m_literature - m_instrumental`` with the errors of both in quadrature. The
    error of a zero point and that of the source it is applied to are independent, because
    no source is its own calibrator. A calibrator that was not detected gives none: at a wrong
    place in the catalogue there is only noise, and its magnitude is no Gaussian.
    Crowded calibrators serve only where there are no others,
    and the details say so.
    """
    points = {}
    for source in sources:
        if source.id in measured and band in source.magnitudes:
            literature, error = source.magnitudes[band]
            instrumental = measured[source.id]
            if instrumental.error > _SEEN:
                continue
            points[source.id] = _Point(
                literature - instrumental.value,
                float(np.hypot(error, instrumental.error)),
                error,
            )
    found: dict[int, SourceZeroPoint] = {}
    known: dict[tuple[int, ...], tuple[SourceZeroPoint, _ColourFit | str]] = {}
    for source in sources:
        usable = [c for c in _calibrators_of(source, sources) if c.id in points]
        alone = [c for c in usable if not measured[c.id].crowded]
        if not usable:
            continue
        usable, crowded = alone or usable, not alone
        # Most targets of a field share their calibrators.
        key = tuple(c.id for c in usable)
        if key not in known:
            fit = _fit_colour(usable, points, band) if colour_term else ""
            known[key] = (_combine(usable, points, crowded=crowded), fit)
        plain, fit = known[key]
        found[source.id] = _with_colour(plain, fit, source) if colour_term else plain
    return found


@dataclass(frozen=True, slots=True)
class _Point:
    """What one calibrator says: zero point, its error, and the part of it that is literature."""

    value: float
    error: float
    literature: float


@dataclass(frozen=True)
class _ColourFit:
    line: ColourZeroPoint
    bands: tuple[str, str]
    spread: float
    share: float


def _combine(
    calibrators: Sequence[SourceRecord], points: Mapping[int, _Point], *, crowded: bool
) -> SourceZeroPoint:
    values = np.array([points[c.id].value for c in calibrators])
    errors = np.array([points[c.id].error for c in calibrators])
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
            **({"crowded": True} if crowded else {}),
            "literature_error": zp.err * _share_of(calibrators, points),
            "calibrators": [
                {"name": c.name, "zp": float(v), "zp_err": float(e), "used": bool(used)}
                for c, v, e, used in zip(calibrators, values, errors, zp.used, strict=True)
            ],
        },
    )


def literature_share(errors: npt.ArrayLike, literature: npt.ArrayLike) -> float:
    """Return the part of the error of a zero point that the literature makes.

    It is the same in every frame with these calibrators, and does not average out. As a share
    of the error and not as an error of its own, it holds for what the scatter of calibrators
    added to the error too: one whose literature is wrong is wrong in every frame.

    Parameters
    ----------
    errors : array_like, shape (n,)
        Of the zero points of the calibrators.
    literature : array_like, shape (n,)
        The part of each that is the literature's.

    Returns
    -------
    float
        From 0 to 1.
    """
    whole, part = np.asarray(errors, dtype=float), np.asarray(literature, dtype=float)
    used = np.isfinite(whole) & np.isfinite(part) & (whole > 0)
    if not used.any():
        return 0.0
    weights = whole[used] ** -2
    share = np.sqrt(np.sum((weights * part[used]) ** 2) / np.sum((weights * whole[used]) ** 2))
    return float(min(share, 1.0))


def _share_of(calibrators: Sequence[SourceRecord], points: Mapping[int, _Point]) -> float:
    return literature_share(
        [points[c.id].error for c in calibrators], [points[c.id].literature for c in calibrators]
    )


def _fit_colour(
    calibrators: Sequence[SourceRecord], points: Mapping[int, _Point], band: str
) -> _ColourFit | str:
    """Return the zero point as a line in the colour of the calibrators, or why there is none."""
    for blue, red in sorted(_COLOURS, key=lambda pair: band not in pair):
        chosen = [c for c in calibrators if blue in c.magnitudes and red in c.magnitudes]
        if len(chosen) < _COLOUR_LEAST:
            continue
        colour = np.array([c.magnitudes[blue][0] - c.magnitudes[red][0] for c in chosen])
        try:
            line = fit_zero_point_colour(
                [points[c.id].value for c in chosen], colour, [points[c.id].error for c in chosen]
            )
        except AlgorithmFailed as error:
            return str(error)
        return _ColourFit(line, (blue, red), float(np.std(colour)), _share_of(chosen, points))
    return f"fewer than {_COLOUR_LEAST} calibrators have a colour"


def _with_colour(
    plain: SourceZeroPoint, fit: _ColourFit | str, source: SourceRecord
) -> SourceZeroPoint:
    """Return the zero point at the colour of a source; without its colour, of the average one."""
    if isinstance(fit, str):
        return replace(plain, details={**plain.details, "colour_term": {"refused": fit}})
    blue, red = fit.bands
    known = blue in source.magnitudes and red in source.magnitudes
    if known:
        value, error = fit.line.at(source.magnitudes[blue][0] - source.magnitudes[red][0])
        common = error * fit.share
    else:
        value, unknown = fit.line.value, fit.line.slope * fit.spread
        error = float(np.hypot(fit.line.err, unknown))
        # The colour is as unknown in the next frame.
        common = float(np.hypot(fit.line.err * fit.share, unknown))
    told = {
        "colour": f"{blue}-{red}",
        "slope": fit.line.slope,
        "slope_err": fit.line.slope_err,
        "pivot": fit.line.pivot,
        "colour_known": known,
    }
    return SourceZeroPoint(
        value=value,
        error=error,
        method="student-t, colour term",
        n=fit.line.n,
        inflation=fit.line.inflation,
        chi2=plain.chi2,
        details={**plain.details, "literature_error": common, "colour_term": told},
    )
