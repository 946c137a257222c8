"""Fitting the instrumental polarization to standards, and keeping it as a product."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.db.locks import POLARIZATION, holding
from polarnight.errors import AlgorithmFailed, ConfigError, NoWork
from polarnight.frames import atomic_write, content_key, recipe_key
from polarnight.instruments import get_instrument
from polarnight.pipeline.polarization.observations import Collected, collect_observations
from polarnight.pipeline.polarization.plots import plot_calibration
from polarnight.polarimetry.calibration_fit import (
    GROUPS,
    CalibrationFit,
    choose_free,
    fit_calibration,
)
from polarnight.polarimetry.instrumental import PARAMETERS
from polarnight.polarimetry.standards import load_standards

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import PolarizationCalibration

__all__ = ["FIT_VERSIONS", "CalibrationReport", "CalibrationRequest", "calibrate_polarization"]

_LOG = logging.getLogger("polarnight.pipeline")

FIT_VERSIONS = {"polarization fit": "2"}
"""Changed whenever the same observations would give other numbers."""


@dataclass(frozen=True)
class CalibrationRequest:
    """What is to be fitted.

    Attributes
    ----------
    instrument, band : str
    first, last : str
        Nights (ISO), both included.
    fixed : tuple of str
        Of `GROUPS`: held at the constants that the instrument declares.
    telescope : bool
        Whether a part that turns with the parallactic angle is fitted.
    standards : Path or None
        A table of one's own instead of the one that comes with Polarnight.
    variable : bool
        Whether standards that vary are taken too.
    valid_from, valid_to : float or None
        UTC Julian dates that bound the use of the product.
    replace : bool
        Whether a product of the same nights, made of other data, may be replaced.
    dry_run : bool
        Fit and tell only.
    wait : bool
        Wait where somebody else fits.

    Raises
    ------
    ConfigError
        Where `fixed` names something unknown, or the dates are in the wrong order.
    """

    instrument: str
    band: str
    first: str
    last: str
    fixed: tuple[str, ...] = ()
    telescope: bool = False
    standards: Path | None = None
    variable: bool = False
    valid_from: float | None = None
    valid_to: float | None = None
    replace: bool = False
    dry_run: bool = False
    wait: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.fixed) - {"zero", "angle", "efficiency"})
        if unknown:
            msg = f"--fix {', '.join(unknown)}: choose of zero, angle, efficiency"
            raise ConfigError(msg)
        if self.first > self.last:
            msg = f"the first night, {self.first}, is after the last, {self.last}"
            raise ConfigError(msg)
        both = self.valid_from is not None and self.valid_to is not None
        if both and float(self.valid_from or 0) >= float(self.valid_to or 0):
            msg = "the validity ends before it begins"
            raise ConfigError(msg)


@dataclass(frozen=True, eq=False)
class CalibrationReport:
    """What came of a request.

    Attributes
    ----------
    request : CalibrationRequest
    collected : Collected
    fit : CalibrationFit
    verdict : str
        ``"made"``, ``"replaced"``, ``"current"`` or ``"dry run"``.
    path : Path or None
    plots : list of Path
    """

    request: CalibrationRequest
    collected: Collected
    fit: CalibrationFit
    verdict: str
    path: Path | None = None
    plots: list[Path] = field(default_factory=list)


def calibrate_polarization(request: CalibrationRequest, settings: Settings) -> CalibrationReport:
    """Fit the instrumental polarization to the standards that an instrument observed.

    The product is kept in the database and in a file, with the plots beside it. The same
    observations give the same key and change nothing.

    Parameters
    ----------
    request : CalibrationRequest
    settings : Settings

    Returns
    -------
    CalibrationReport

    Raises
    ------
    NoWork
        Where no standard was observed.
    AlgorithmFailed
        Where the observations do not determine what is to be fitted.
    ConfigError
        Where a product of these nights was made of other data and may not be replaced, or
        there is no such instrument, or it has no polarimeter.
    WorkBusy
        Where somebody else fits, and ``request.wait`` is not set.
    """
    alone = [] if request.dry_run else [POLARIZATION]
    with holding(alone, "polarnight calibrate-polarization", wait=request.wait):
        return _calibrate(request, settings)


def _calibrate(request: CalibrationRequest, settings: Settings) -> CalibrationReport:
    from polarnight.db import PolarizationCalibration

    plugin = get_instrument(request.instrument)
    if plugin.polarimeter is None:
        msg = (
            f"{request.instrument} has no polarimeter; `polarnight instruments` lists polarimeters"
        )
        raise ConfigError(msg)
    collected = collect_observations(
        load_standards(request.standards),
        instrument=request.instrument,
        band=request.band,
        first=request.first,
        last=request.last,
        variable=request.variable,
    )
    if not collected.observations:
        raise NoWork(_nothing(request, collected))
    held = plugin.instrumental_polarization(request.band, request.last)
    possible = choose_free(collected.observations, telescope=request.telescope)
    free = tuple(name for name in possible if name not in request.fixed)
    if not free:
        msg = "everything that these standards can determine is held"
        raise AlgorithmFailed(msg, can=", ".join(possible), held=", ".join(request.fixed))
    fit = fit_calibration(
        collected.observations, free=free, held=held, clip=settings.polarimetry.clip
    )
    if request.dry_run:
        return CalibrationReport(request, collected, fit, "dry run")
    key = PolarizationCalibration.make_key(
        request.instrument, request.band, request.first, request.last
    )
    recipe = recipe_key(
        {"observations": [json.dumps(values, sort_keys=True) for _, values in collected.inputs]},
        {
            "free": free,
            "held": asdict(held),
            "clip": settings.polarimetry.clip,
            "validity": [request.valid_from, request.valid_to],
        },
        FIT_VERSIONS,
    )
    before = PolarizationCalibration.objects.filter(key=key).first()
    if before is not None and before.recipe_key == recipe and _intact(before):
        return CalibrationReport(request, collected, fit, "current", before.filepath)
    changed = before is not None and before.recipe_key != recipe
    if changed and not request.replace:
        msg = (
            f"{key} was made of other observations or choices; --replace makes it anew, other "
            "nights (--from, --to) make another one"
        )
        raise ConfigError(msg)
    path = settings.data.polarization_path(
        request.instrument, request.band, request.first, request.last
    )
    _write(path, key, recipe, request, collected, fit)
    plots = plot_calibration(
        collected.observations,
        fit,
        path.with_suffix(""),
        title=f"{request.instrument}, {request.band}, {request.first} to {request.last}",
        dpi=settings.mplt_default_dpi,
    )
    _store(key, recipe, path, request, collected, fit)
    _LOG.info("instrumental polarization %s: %d cycles", key, int(fit.used.sum()))
    verdict = "replaced" if changed else "made"
    return CalibrationReport(request, collected, fit, verdict, path, plots)


def _intact(row: PolarizationCalibration) -> bool:
    return row.filepath.is_file() and content_key(row.filepath) == row.content_key


def _nothing(request: CalibrationRequest, collected: Collected) -> str:
    what = (
        f"no standard observed with {request.instrument} in {request.band} from {request.first} "
        f"to {request.last} can be used"
    )
    if collected.passed_over:
        return f"{what}: " + "; ".join(f"{name}: {why}" for name, why in collected.passed_over)
    return f"{what}; {_remedy(request)}"


def _remedy(request: CalibrationRequest) -> str:
    """Say what there is, and what is lacking, where no standard was passed over either."""
    from polarnight.db import AstroSource, PhotoPolResult
    from polarnight.db.standards import standards_as_sources

    measured = PhotoPolResult.objects.select(
        instrument=request.instrument, first=request.first, last=request.last
    ).filter(obsmode="POLARIMETRY")
    bands = sorted(set(measured.values_list("band", flat=True)))
    if bands and request.band not in bands:
        return f"there is polarimetry in {', '.join(bands)}"
    entries, _ = standards_as_sources(load_standards(request.standards))
    sources = set(AstroSource.objects.values_list("name", flat=True))
    if any(entry.name not in sources for entry in entries):
        return (
            "`polarnight standards --import` adds the standards to the sources, then run the nights"
        )
    if not bands:
        return "run the nights first: there is no polarimetry of them"
    return "the standards are among the sources, and none of them was observed"


def _summary(fit: CalibrationFit) -> dict[str, Any]:
    """Return the figures of a fit, JSON-able."""
    return {
        "free": list(fit.free),
        "held": [name for name in GROUPS if name not in fit.free],
        "chi2": fit.chi2,
        "dof": fit.dof,
        "star_scatter": fit.star_scatter,
        "cycle_scatter": fit.cycle_scatter,
        "factors": fit.factors,
        "remarks": list(fit.remarks),
        "stars": [asdict(star) for star in fit.stars],
    }


def _observations(collected: Collected, fit: CalibrationFit) -> list[dict[str, Any]]:
    """Return a line for each observation: what went in, and what is left."""
    rows = []
    reasons = dict(fit.rejected)
    for n, (observation, standard, (identity, _)) in enumerate(
        zip(collected.observations, collected.standards, collected.inputs, strict=True)
    ):
        rows.append(
            {
                "result": identity,
                "star": standard.name,
                "jd": observation.jd,
                "parallactic_angle": observation.parallactic_angle,
                "instrument_angle": observation.instrument_angle,
                "measured": [observation.q, observation.u],
                "measured_cov": np.asarray(observation.cov).tolist(),
                "literature": [observation.true_q, observation.true_u],
                "literature_cov": np.asarray(observation.true_cov).tolist(),
                "corrected": fit.corrected[n].tolist(),
                "residual": fit.residuals[n].tolist(),
                "residual_err": fit.errors[n].tolist(),
                "used": bool(fit.used[n]),
                "why_not": reasons.get(n, ""),
            }
        )
    return rows


def _write(
    path: Path,
    key: str,
    recipe: str,
    request: CalibrationRequest,
    collected: Collected,
    fit: CalibrationFit,
) -> None:
    """Write the file: everything that is known of the product, with the sources of the values."""
    import polarnight

    instrumental = asdict(fit.instrumental)
    sources = {
        standard.name: {
            "source": value.source,
            "transcribed": value.transcribed,
            "checked": value.checked,
            "note": value.note,
        }
        for standard in collected.standards
        if (value := standard.in_band(request.band)) is not None
    }
    document = {
        "what": "instrumental polarization, fractions and degrees",
        "key": key,
        "recipe_key": recipe,
        "versions": {**FIT_VERSIONS, "polarnight": polarnight.__version__},
        "instrument": request.instrument,
        "band": request.band,
        "nights": [request.first, request.last],
        "valid_from": request.valid_from,
        "valid_to": request.valid_to,
        "instrumental_polarization": instrumental,
        "order_of_covariance": list(PARAMETERS[: len(instrumental["covariance"])]),
        "fit": _summary(fit),
        "standards": sources,
        "observations": _observations(collected, fit),
        "passed_over": [list(entry) for entry in collected.passed_over],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_write(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def _store(
    key: str,
    recipe: str,
    path: Path,
    request: CalibrationRequest,
    collected: Collected,
    fit: CalibrationFit,
) -> None:
    """Write the row of the database, in place of an earlier one."""
    from polarnight.db import PolarizationCalibration
    from polarnight.db.bulk import upsert
    from polarnight.db.models.base import data_directory

    times = np.array(
        [o.jd for o, used in zip(collected.observations, fit.used, strict=True) if used]
    )
    ip = fit.instrumental
    row = PolarizationCalibration(
        key=key,
        instrument=request.instrument,
        band=request.band,
        path=data_directory().relative(path),
        jd=float(times.mean()),
        jd_first=float(times.min()),
        jd_last=float(times.max()),
        valid_from=request.valid_from,
        valid_to=request.valid_to,
        **{name: getattr(ip, name) for name in PARAMETERS},
        covariance=[list(line) for line in ip.covariance or ()],
        chi2=fit.chi2,
        dof=fit.dof,
        star_scatter=fit.star_scatter,
        cycle_scatter=fit.cycle_scatter,
        n_stars=len(
            {o.star for o, used in zip(collected.observations, fit.used, strict=True) if used}
        ),
        n_used=int(fit.used.sum()),
        rejected=[[collected.observations[n].label, why] for n, why in fit.rejected],
        fit=_summary(fit),
        recipe_key=recipe,
        content_key=content_key(path),
        provenance={
            "inputs": [[identity, "result", ""] for identity, _ in collected.inputs],
            "standards": "standards.csv" if request.standards is None else str(request.standards),
        },
        warnings=list(fit.remarks),
    )
    if fit.remarks or not math.isfinite(fit.chi2):
        row.set_flag(row.FLAGS.WEAK)
    upsert([row], unique=PolarizationCalibration.UNIQUE)
