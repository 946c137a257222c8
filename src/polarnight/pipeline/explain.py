"""Why a frame became what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polarnight.errors import ConfigError
from polarnight.pipeline.ingest import split_twins
from polarnight.pipeline.pending import pending_of

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import RawFit, ReducedFit
    from polarnight.db.models.masters import MasterModel

__all__ = ["explain"]


def explain(fileloc: str, settings: Settings) -> str:
    """Explain a raw frame and what was made of it, or a master, in plain lines.

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
    except RawFit.DoesNotExist:
        return "\n".join(_master_file_lines(fileloc, settings))
    lines = [row.fileloc, *_raw_lines(row)]
    reduced = getattr(row, "reduced", None)
    if reduced is not None:
        lines += _reduced_lines(reduced)
    lines += _membership_lines(row)
    return "\n".join(lines + _stale_lines(row, settings))


def _master_file_lines(fileloc: str, settings: Settings) -> list[str]:
    """Explain a master, given by the name of its file."""
    from polarnight.db.models.masters import MASTER_MODELS
    from polarnight.db.names import parse_fileloc

    telescope, night, filename = parse_fileloc(fileloc)
    for model in MASTER_MODELS.values():
        for master in model._default_manager.filter(
            epoch__telescope=telescope, epoch__night=night, path__endswith=f"/{filename}"
        ):
            return [f"{master.epoch.epochname}/{filename}", *_master_lines(master, settings)]
    msg = f"{fileloc} is not registered; `polarnight status EPOCH` lists the files of a night"
    raise ConfigError(msg)


def _master_lines(master: MasterModel, settings: Settings) -> list[str]:
    lines = [f"  master     {master.key}, made of {master.n_used} frames"]
    for name, role, _ in (master.provenance or {}).get("inputs", []):
        lines.append(f"  {role:<10} {name}")
    lines += [f"  rejected   {name}: {reason}" for name, reason in master.rejected or []]
    for role in ("masterbias", "masterdark"):
        used = getattr(master, role, None)
        if used is not None:
            lines.append(f"  {role:<10} {used.key}")
    if master.flag_labels:
        lines.append(f"  flags      {', '.join(master.flag_labels)}")
    lines += _verdict_lines(master)
    why = pending_of(master.epoch, settings).masters.get(master.key)
    return [*lines, f"  STALE      {why}" if why else "  current    nothing changed"]


def _verdict_lines(master: MasterModel) -> list[str]:
    failed = [f"  FAILED     {master.error}"] if master.error else []
    told = [*(master.warnings or []), *(master.comparison or {}).get("warnings", [])]
    return failed + [f"  note       {warning}" for warning in told]


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
    return lines + _decision_lines(row)


def _decision_lines(row: Any) -> list[str]:
    """Return what people decided about a row, and why."""
    from polarnight.db.audit import history

    return [
        f"  decided    {change.when:%Y-%m-%d %H:%M} {change.who}: {change.what}"
        + (f": {change.why}" if change.why else "")
        for change in history(row)
    ]


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
    """Return where a frame points and why that is believed.

    Solutions of a header, or of the target's own pair, have no residuals or no chance.
    """
    told = [f"{row.astrometry_matched} stars matched"]
    if row.astrometry_rms is not None:
        told.append(f"rms {row.astrometry_rms:.3f} arcsec")
    if row.astrometry_log10_chance is not None:
        told.append(f"probability of chance 1e{row.astrometry_log10_chance:.0f}")
    lines = [
        f"  solved     centre {row.center_ra:.5f} {row.center_dec:+.5f}, "
        f"{row.pixscale:.4f} arcsec/px, from {row.astrometry_pointing}",
        f"  evidence   {', '.join(told)}",
    ]
    evidence = row.astrometry_info or {}
    if "method" in evidence:
        lines.append(f"  tied by    {_tie(evidence)}")
    return lines


def _tie(evidence: dict[str, Any]) -> str:
    """Say what a window was tied to, or that a header was taken."""
    parts = [str(evidence["method"])]
    if "wide_frame" in evidence:
        parts[0] += f", {evidence['wide_frame']} ({evidence['placement']})"
    for key, name in (
        ("images_matched", "images matched"),
        ("images_missing", "missing"),
        ("images_unknown", "not on the wide frame"),
    ):
        if evidence.get(key) is not None:
            parts.append(f"{evidence[key]} {name}")
    for key, name, unit in (
        ("turn_deg", "turned by", "deg"),
        ("dimming_mag", "fainter by", "mag"),
        ("margin_mag", "brighter than the next pair by", "mag"),
        ("rotation_scatter_deg", "other frames scatter by", "deg"),
    ):
        if evidence.get(key) is not None:
            parts.append(f"{name} {evidence[key]} {unit}")
    return "; ".join(parts)


def _measurement_lines(reduction: str, state: dict[str, Any]) -> list[str]:
    name = {"relphot": "photometry", "relpol": "polarimetry"}.get(reduction, reduction)
    if state.get("error"):
        return [f"  FAILED     {name}: {state['error']}"]
    lines = [f"  {name:<10} {state['results']} sources measured"]
    if state.get("calibration"):
        lines.append(f"  taken off  {state['calibration']['reason']}")
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
    lines = []
    for master in _masters_of(row):
        rejected = dict(master.rejected or [])
        if row.filename in rejected:
            lines.append(f"  rejected   from {master.key}: {rejected[row.filename]}")
        else:
            lines.append(f"  master     {master.key} ({master.n_used} frames)")
        lines += _verdict_lines(master)
    return lines


def _stale_lines(row: RawFit, settings: Settings) -> list[str]:
    """Return what the next run would make anew of this frame, and why."""
    if row.error:
        return []
    twins = dict(split_twins(row.epoch.rawfits.filter(error="").select_related("epoch"))[1])
    if row in twins:
        return [f"  left out   a copy of {twins[row].filename}"]
    pending = pending_of(row.epoch, settings)
    stale = pending.of_frame(row.fileloc)
    stale += [
        ("master", pending.masters[master.key])
        for master in _masters_of(row)
        if master.key in pending.masters
    ]
    if not stale:
        return ["  current    nothing changed since the last run"]
    return [f"  STALE      {product}: {why}" for product, why in stale]


def _masters_of(row: RawFit) -> list[MasterModel]:
    """Return the masters that a calibration frame went into, or was rejected from."""
    from polarnight.db.models.masters import MASTER_MODELS

    model = MASTER_MODELS.get(row.imgtype)
    return [] if model is None else list(model._default_manager.filter(rawfits=row.pk))
