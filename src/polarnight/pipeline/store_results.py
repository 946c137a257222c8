"""Writing the results of groups into the database, a batch in one transaction."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polarnight.frames import Bit
from polarnight.instruments import all_instruments
from polarnight.pipeline.context import RunContext
from polarnight.pipeline.executor import Outcome
from polarnight.pipeline.groups.records import ApertureRow, GroupResult

if TYPE_CHECKING:
    from polarnight.db import AperPhotResult, Epoch, PhotoPolResult
    from polarnight.pipeline.results import FrameGroup

__all__ = ["count_results", "remove_outdated", "store_batch", "store_refusal"]

_CHUNK = 500  # SQLite takes a limited number of parameters in one query

_APERTURE_FLAGS = {
    "SATURATED": Bit.SATURATED,
    "COSMIC_RAY": Bit.COSMIC_RAY,
    "BAD_PIXEL": Bit.BAD_PIXEL | Bit.NO_DATA | Bit.TRAIL,
    "EDGE": Bit.NEAR_EDGE,
    "NONLINEAR": Bit.NONLINEAR,
}


def remove_outdated(
    epochs: Sequence[Epoch], reductions: Sequence[str], groups: Sequence[FrameGroup]
) -> None:
    """Delete results of frames that are in no group any more, or in another one.

    A frame may have failed or be flagged, or a cycle may be made otherwise. Results of an
    instrument that is not known at present stay. What people
    decided about the results is kept apart and finds them again, should they return.

    Parameters
    ----------
    epochs : sequence of Epoch
    reductions : sequence of str
        Kinds of results that `groups` are all groups of.
    groups : sequence of FrameGroup
    """
    from polarnight.db import AperPhotResult, PhotoPolResult

    valid = {(group.reduction, group.files) for group in groups}
    results = PhotoPolResult.objects.filter(
        epoch__in=epochs, reduction__in=reductions, instrument__in=all_instruments()
    )
    outdated = [
        pk
        for pk, reduction, files in results.values_list("pk", "reduction", "files")
        if (reduction, tuple(files)) not in valid
    ]
    for start in range(0, len(outdated), _CHUNK):
        PhotoPolResult.objects.filter(pk__in=outdated[start : start + _CHUNK]).delete()
    AperPhotResult.objects.filter(reducedfit__epoch__in=epochs, reducedfit__solved=False).delete()


def count_results(epochs: Sequence[Epoch]) -> Counter[tuple[str, tuple[str, ...]]]:
    """Return how many results there are by kind and files."""
    from polarnight.db import PhotoPolResult

    results = PhotoPolResult.objects.filter(epoch__in=epochs)
    return Counter(
        (reduction, tuple(files)) for reduction, files in results.values_list("reduction", "files")
    )


def store_refusal(context: RunContext, group: FrameGroup) -> None:
    """Note on the frames of a group that cannot be measured, and why, unless known."""
    states = [(row.photometry_info or {}).get(group.reduction) or {} for row in group.rows]
    known = all(state.get("error") == group.refusal for state in states)
    if known or context.options.dry_run:
        context.report.step(group.part).failed.append((group.name, group.refusal))
    else:
        _store_failure(context, group, group.refusal)


def store_batch(context: RunContext, batch: Sequence[tuple[FrameGroup, Outcome]]) -> None:
    """Write what was measured, and what failed, in one transaction."""
    from django.db import transaction

    if not batch:
        return
    with transaction.atomic():
        for group, outcome in batch:
            if outcome.ok:
                _store(context, group, outcome.result)
            else:
                _store_failure(context, group, outcome.reason(group.rows[0].filepath))


def _remember(
    group: FrameGroup, state: dict[str, Any], growth: Mapping[int, dict[str, Any]] | None = None
) -> None:
    """Note on every frame of the group what was done with it, and its curve of growth."""
    from polarnight.db import ReducedFit

    if group.recipe is not None:
        state = {**state, "recipe": group.recipe.record()}
    if group.calibration is not None:
        state = {**state, "calibration": group.calibration.evidence()}
    for row in group.rows:
        own = {"growth": _growth(growth[row.pk], row)} if growth and row.pk in growth else {}
        row.photometry_info = {**(row.photometry_info or {}), group.reduction: {**state, **own}}
    ReducedFit.objects.bulk_update(
        group.rows, ["photometry_info", "machine_flags", "mag_zp", "mag_zp_err"]
    )


def _store_failure(context: RunContext, group: FrameGroup, reason: str) -> None:
    _delete_results(group, keep=())
    for row in group.rows:
        row.set_flag(_error_flag(group, row))
    _remember(group, {"key": group.key, "error": reason})
    context.fail(group.part, group.name, reason)


def _error_flag(group: FrameGroup, row: Any) -> int:
    flags = row.FLAGS
    return int(flags.ERROR_PHOTOMETRY if group.reduction == "relphot" else flags.ERROR_POLARIMETRY)


def _delete_results(group: FrameGroup, keep: Sequence[str]) -> None:
    """Delete earlier results of these frames, also of cycles that were made differently."""
    from polarnight.db import PhotoPolResult

    PhotoPolResult.objects.filter(
        reduction=group.reduction, reducedfits__in=[row.pk for row in group.rows]
    ).exclude(identity__in=keep).delete()


def _store(context: RunContext, group: FrameGroup, result: GroupResult) -> None:
    from polarnight.db import AstroSource, PhotoPolResult, ReducedFit
    from polarnight.db.bulk import link, upsert

    apertures = _store_apertures(group, result.apertures)
    names = dict(
        AstroSource.objects.filter(pk__in=[entry.source for entry in result.results]).values_list(
            "pk", "name"
        )
    )
    rows = [
        _result_row(group, entry.source, names[entry.source], entry.values)
        for entry in result.results
    ]
    _delete_results(group, keep=[row.identity for row in rows])
    upsert(rows, unique=PhotoPolResult.UNIQUE)
    frames = [row.pk for row in group.rows]
    link(PhotoPolResult, "reducedfits", {row.pk: frames for row in rows})
    link(
        PhotoPolResult,
        "aperphotresults",
        {row.pk: apertures[row.astrosource_id] for row in rows},
    )
    seen = sorted({row.source for row in result.apertures})
    link(ReducedFit, "sources_in_field", dict.fromkeys(frames, seen))
    _frame_zero_point(group, rows, result.field or {})
    for row in group.rows:
        row.unset_flag(_error_flag(group, row))
    _remember(
        group,
        {
            "key": group.key,
            "results": len(rows),
            "refused": [list(r) for r in result.refused],
            "field": result.field,
        },
        result.growth,
    )
    context.report.step(group.part).done += len(rows)
    for name, reason in result.refused:
        # The frames are well; what cannot be measured in them is no failure of the night.
        context.warn(group.part, f"{group.name}: {name}" if name else group.name, reason)


def _frame_zero_point(
    group: FrameGroup, rows: Sequence[PhotoPolResult], field: Mapping[str, Any]
) -> None:
    """Give the frames the zero point that rests on most stars."""
    known = [(row.zp_n or 0, row.mag_zp, row.mag_zp_err) for row in rows if row.mag_zp is not None]
    if "zp" in field:
        known.append((field["n"], field["zp"], field["zp_err"]))
    _, value, error = max(known, default=(0, None, None))
    for frame in group.rows:
        frame.mag_zp = value
        frame.mag_zp_err = error


def _growth(figures: dict[str, Any], frame: Any) -> dict[str, Any]:
    """Return the curve of growth of a frame, with its zero point for all the light of a star.

    What the zero point of the aperture lacks of it follows the seeing; this one does not, and
    tells of the sky and the telescope.
    """
    if frame.mag_zp is None or frame.mag_zp_err is None:
        return figures
    return {
        **figures,
        "mag_zp_total": frame.mag_zp - figures["aperture_correction"],
        "mag_zp_total_err": math.hypot(frame.mag_zp_err, figures["aperture_correction_err"]),
    }


def _store_apertures(group: FrameGroup, apertures: Sequence[ApertureRow]) -> dict[int, list[int]]:
    """Write the apertures; return their primary keys by source."""
    from polarnight.db import AperPhotResult
    from polarnight.db.bulk import upsert

    rows = [_aperture_row(entry, group.key) for entry in apertures]
    stale = AperPhotResult.objects.filter(reducedfit__in=[row.pk for row in group.rows])
    stale.exclude(astrosource__in={row.astrosource_id for row in rows}).delete()
    stale.exclude(aperindex__in={row.aperindex for row in rows}).delete()
    upsert(rows, unique=AperPhotResult.UNIQUE)
    by_source: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        if row.is_default:
            by_source[row.astrosource_id].append(row.pk)
    return by_source


def _aperture_row(entry: ApertureRow, key: str) -> AperPhotResult:
    from polarnight.db import AperPhotResult

    row = AperPhotResult(
        reducedfit_id=entry.frame,
        astrosource_id=entry.source,
        pairs=entry.pair,
        aperindex=entry.aperindex,
        is_default=entry.is_default,
        aperture_correction=entry.aperture_correction,
        aperture_correction_err=entry.aperture_correction_err,
        aperpix=entry.aperpix,
        r_in=entry.r_in,
        r_out=entry.r_out,
        flux_counts=entry.flux_counts,
        flux_counts_err=entry.flux_counts_err,
        area=entry.area,
        bkg_flux_counts=entry.bkg_flux_counts,
        bkg_flux_counts_err=entry.bkg_flux_counts_err,
        n_sky=entry.n_sky,
        x_px=entry.x_px,
        y_px=entry.y_px,
        fwhm=entry.fwhm,
        fwhm_source=entry.fwhm_source,
        bits=entry.bits,
        recipe_key=key,
    )
    for name, bits in _APERTURE_FLAGS.items():
        if entry.bits & bits:
            row.set_flag(row.FLAGS[name])
    if entry.forced:
        row.set_flag(row.FLAGS.FORCED)
    if not entry.flux_counts >= 3.0 * entry.flux_counts_err:
        row.set_flag(row.FLAGS.NON_DETECTION)
    return row


def _result_row(
    group: FrameGroup, source: int, name: str, values: dict[str, Any]
) -> PhotoPolResult:
    from polarnight.db import PhotoPolResult

    columns = dict(values)
    flags = columns.pop("flags")
    first = group.rows[0]
    files = [row.fileloc for row in group.rows]
    row = PhotoPolResult(
        identity=PhotoPolResult.make_identity(name, group.reduction, files),
        epoch=first.epoch,
        astrosource_id=source,
        reduction=group.reduction,
        instrument=first.instrument,
        obsmode=first.obsmode,
        band=first.band,
        files=files,
        recipe_key=group.key,
        provenance={
            "why": group.why,
            "inputs": [[frame.fileloc, "reduced", frame.content_key] for frame in group.rows],
        },
        **columns,
    )
    if group.calibration is not None:
        row.evidence = {**(row.evidence or {}), "calibration": group.calibration.evidence()}
    for flag in flags:
        row.set_flag(row.FLAGS[flag])
    if group.calibration is not None and group.calibration.risky:
        row.set_flag(row.FLAGS.RISKY_MASTER)
    if not group.complete:
        row.set_flag(row.FLAGS.INCOMPLETE)
    if any(frame.has_flag(frame.FLAGS.RISKY_MASTER) for frame in group.rows):
        row.set_flag(row.FLAGS.RISKY_MASTER)
    return row
