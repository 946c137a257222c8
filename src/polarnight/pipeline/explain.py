"""Why a frame became what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polarnight.errors import ConfigError
from polarnight.pipeline.context import RunContext, RunOptions, RunReport
from polarnight.pipeline.executor import WorkPool

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import RawFit, ReducedFit

__all__ = ["explain"]


def explain(fileloc: str, settings: Settings) -> str:
    """Explain a raw frame and what was made of it, in plain lines.

    Parameters
    ----------
    fileloc : str
        ``telescope/night/file``, the telescope also by its abbreviation.
    settings : Settings

    Raises
    ------
    ConfigError
        Where there is no such file in the database.
    """
    from polarnight.db import RawFit

    try:
        row = RawFit.by_fileloc(fileloc)
    except RawFit.DoesNotExist as error:
        msg = f"{fileloc} is not registered; `polarnight status EPOCH` lists the files of a night"
        raise ConfigError(msg) from error
    lines = [row.fileloc, *_raw_lines(row)]
    reduced = getattr(row, "reduced", None)
    if reduced is not None:
        lines += _reduced_lines(reduced)
    lines += _membership_lines(row)
    lines += _stale_lines(row, settings)
    return "\n".join(lines)


def _raw_lines(row: RawFit) -> list[str]:
    if row.error:
        return [f"  raw        {row.error}"]
    angle = "" if row.rotangle is None else f", {row.rotangle:g} deg"
    kind = " ".join(filter(None, [row.imgtype, row.obsmode.replace("NONE", ""), row.band]))
    lines = [
        f"  raw        {kind}{angle}, {row.exptime:g} s, {row.imgsize}, {row.instrument}",
        f"  object     {row.object_name or '(none)'}",
    ]
    if row.flag_labels:
        lines.append(f"  flags      {', '.join(row.flag_labels)}")
    return lines


def _reduced_lines(row: ReducedFit) -> list[str]:
    lines = []
    for name, entry in (row.associations or {}).items():
        lines.append(f"  {name:<10} {entry['reason']}")
    if row.fwhm is not None:
        lines.append(
            f"  detected   {row.n_detections} sources, seeing {row.fwhm:.2f} arcsec, "
            f"sky {row.background_level:.1f} +- {row.background_rms:.1f} ADU"
        )
    if row.solved:
        lines += _solution_lines(row)
    if row.error:
        lines.append(f"  FAILED     {row.error}")
    for warning in row.warnings or []:
        lines.append(f"  note       {warning}")
    if row.provenance:
        lines.append(f"  made       because: {row.provenance.get('why', '')}")
    for reduction, state in (row.photometry_info or {}).items():
        lines += _measurement_lines(reduction, state)
    return lines


def _solution_lines(row: ReducedFit) -> list[str]:
    return [
        f"  solved     centre {row.center_ra:.5f} {row.center_dec:+.5f}, "
        f"{row.pixscale:.4f} arcsec/px, from {row.astrometry_pointing}",
        f"  evidence   {row.astrometry_matched} stars matched, rms {row.astrometry_rms:.3f} arcsec,"
        f" probability of chance 1e{row.astrometry_log10_chance:.0f}",
    ]


def _measurement_lines(reduction: str, state: dict[str, Any]) -> list[str]:
    name = {"relphot": "photometry", "relpol": "polarimetry"}.get(reduction, reduction)
    if state.get("error"):
        return [f"  FAILED     {name}: {state['error']}"]
    lines = [f"  {name:<10} {state['results']} sources measured"]
    lines += [f"  refused    {who}: {why}" for who, why in state["refused"] if who]
    return lines + _field_lines(state.get("field") or {})


def _field_lines(field: dict[str, Any]) -> list[str]:
    if "refused" in field:
        return [f"  field      no zero point from field stars: {field['refused']}"]
    if "zp" not in field:
        return []
    term = f"{field['colour_term']:+.3f} +- {field['colour_term_err']:.3f} in {field['colour']}"
    lines = [
        f"  field      zero point {field['zp']:.4f} +- {field['zp_err']:.4f} from {field['n']} "
        f"stars ({field['magnitudes']}), colour term {term}, "
        f"scatter {field['robust_scatter']:.3f}"
    ]
    illumination = field.get("illumination")
    if illumination:
        lines.append(
            f"  field      the flat leaves an illumination of "
            f"{illumination['peak_to_peak']:.2f} mag peak to peak, fitted; without it the "
            f"scatter is {illumination['scatter_without']:.3f}"
        )
    return lines


def _membership_lines(row: RawFit) -> list[str]:
    """Return what a calibration frame went into, and what rejected it."""
    from polarnight.db.models.masters import MASTER_MODELS

    model = MASTER_MODELS.get(row.imgtype)
    if model is None:
        return []
    lines = []
    for master in model._default_manager.filter(rawfits=row.pk):
        rejected = dict(master.rejected or [])
        if row.filename in rejected:
            lines.append(f"  rejected   from {master.key}: {rejected[row.filename]}")
        else:
            lines.append(f"  master     {master.key} ({master.n_used} frames)")
        if master.error:
            lines.append(f"  FAILED     {master.error}")
        lines += [f"  note       {warning}" for warning in master.warnings or []]
    return lines


def _stale_lines(row: RawFit, settings: Settings) -> list[str]:
    """Return what the next run would make anew of this frame, and why."""
    from polarnight.db.sources import SourceNames
    from polarnight.pipeline.associations import MasterShelf
    from polarnight.pipeline.reduce import reduce_lights

    if row.error or row.imgtype != "LIGHT":
        return []
    report = RunReport(dry_run=True)
    options = RunOptions(dry_run=True, quiet=True)
    with WorkPool("serial") as pool:
        context = RunContext(settings, options, pool, report)
        reduce_lights(context, [row], MasterShelf(settings), SourceNames.load())
    planned = report.step("reduce").planned
    if not planned:
        return ["  current    nothing changed since it was reduced"]
    return [f"  STALE      {why}" for _, why in planned]
