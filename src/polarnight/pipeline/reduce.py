"""The light frames of some nights: which are stale and why, and reducing them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.astrometry import LocalCatalogue
from polarnight.calibration import Association
from polarnight.frames import FrameInfo, ImageType, recipe_key
from polarnight.instruments import get_instrument
from polarnight.pipeline.associations import MasterShelf
from polarnight.pipeline.context import RunContext
from polarnight.pipeline.executor import Outcome, Task
from polarnight.pipeline.intact import file_state, why_not_intact
from polarnight.pipeline.recipes.book import SettledRecipe
from polarnight.pipeline.recipes.frame import (
    REQUIRED_KINDS,
    FrameJob,
    FrameOutcome,
    run_frame,
)
from polarnight.pipeline.ties import WideShelf, WindowTies, is_window
from polarnight.pipeline.timings import ASTROMETRY

if TYPE_CHECKING:
    from polarnight.db import RawFit, ReducedFit
    from polarnight.db.models.masters import MasterModel
    from polarnight.db.sources import SourceNames

__all__ = ["reduce_lights", "stars_fingerprint"]

_BATCH = 50


@dataclass
class _Plan:
    """A light frame that has to be reduced."""

    rawfit: RawFit
    job: FrameJob
    recipe: SettledRecipe
    associations: dict[str, Association]
    masters: dict[str, MasterModel]
    why: str
    existing: ReducedFit | None


def stars_fingerprint(directory: Path) -> str:
    """Return what identifies the imported star catalogues: their manifests, hashed."""
    return recipe_key((), LocalCatalogue(directory).manifests, {})


def reduce_lights(
    context: RunContext, rawfits: Sequence[RawFit], shelf: MasterShelf, names: SourceNames
) -> None:
    """Bring the reduced frames of some nights up to date.

    Parameters
    ----------
    context : RunContext
    rawfits : sequence of RawFit
        All raw frames of these nights.
    shelf : MasterShelf
    names : SourceNames
        Resolves OBJECT keywords.
    """
    from polarnight.db import RawFit, ReducedFit

    lights = [
        row
        for row in rawfits
        if row.info
        and row.imgtype == str(ImageType.LIGHT)
        and not row.has_flag(RawFit.FLAGS.IGNORE)
    ]
    existing = {
        row.rawfit_id: row
        for row in ReducedFit.objects.filter(rawfit__in=[light.pk for light in lights])
    }
    # Windows are tied to wide frames, which have to be solved before: theirs of the same run too.
    windows = [row for row in lights if is_window(FrameInfo.from_dict(row.info))]
    late = {row.pk for row in windows}
    wides = WideShelf(names)
    for rows in ([row for row in lights if row.pk not in late], windows):
        wides.forget()
        _reduce(context, rows, existing, shelf, names, wides)


def _reduce(
    context: RunContext,
    lights: Sequence[RawFit],
    existing: dict[int, ReducedFit],
    shelf: MasterShelf,
    names: SourceNames,
    wides: WideShelf,
) -> None:
    """Reduce light frames that do not wait for each other."""
    stars = stars_fingerprint(context.settings.data.stars)
    plans: list[_Plan] = []
    for row in lights:
        plan = _plan(context, row, existing.get(row.pk), shelf, names, stars, wides)
        if plan is not None:
            context.plan("reduce", row.fileloc, plan.why)
            plans.append(plan)
    if context.options.dry_run:
        return
    tasks = [Task(n, run_frame, (plan.job,)) for n, plan in enumerate(plans)]
    for batch in _batches(context.run(tasks, "reducing frames"), _BATCH):
        _store(context, [(plans[outcome.key], outcome) for outcome in batch], stars)


def _batches(outcomes: Iterator[Outcome], size: int) -> Iterator[list[Outcome]]:
    batch: list[Outcome] = []
    for outcome in outcomes:
        batch.append(outcome)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _plan(
    context: RunContext,
    row: RawFit,
    existing: ReducedFit | None,
    shelf: MasterShelf,
    names: SourceNames,
    stars: str,
    wides: WideShelf,
) -> _Plan | None:
    """Return what is to be done for a frame, None where its product is current."""
    settings = context.settings
    info = FrameInfo.from_dict(row.info)
    needed = get_instrument(info.instrument).required_masters(info)
    associations = {
        name: shelf.choose(info, kind) for kind, name in REQUIRED_KINDS.items() if kind in needed
    }
    chosen = {name: shelf.chosen(association) for name, association in associations.items()}
    masters = {name: master for name, master in chosen.items() if master is not None}
    recipe = context.recipes.get("light", info.instrument, info.telescope, info.night)
    paths = {name: master.filepath for name, master in masters.items()}
    ties = wides.ties(info) if is_window(info) else None
    key = recipe_key(
        {"raw": row.content_key, **{name: m.content_key for name, m in masters.items()}},
        {
            "info": json.dumps(info.to_dict(), sort_keys=True),
            "recipe": recipe.key_part(),
            **({} if ties is None else {"ties": ties.key_part()}),
        },
        recipe.recipe.versions(),
    )
    place = names.resolve(info.object_name)
    why = _stale(context, existing, key, recipe, _aids(stars, place), ties)
    why = why or context.waits_for(*(master.key for master in masters.values()))
    why = why or context.waits_for(*(wide.fileloc for wide in ties.wides) if ties else ())
    if not why:
        context.count_current("reduce", row.fileloc, existing.error if existing else "")
        return None
    job = FrameJob(
        path=row.filepath,
        out=settings.data.reduced_path(row.epoch.telescope, row.epoch.night, row.filename),
        info=info,
        masters=paths,
        stars=settings.data.stars,
        object_place=place,
        recipe=recipe.recipe,
        recipe_key=key,
        inputs=(
            (row.fileloc, "raw", row.content_key),
            *((m.path, f"master{name}", m.content_key) for name, m in masters.items()),
            *((w.fileloc, "wide frame", w.content_key) for w in (ties.wides if ties else ())),
        ),
        picture=settings.astrometry.pictures,
        ties=ties,
    )
    return _Plan(row, job, recipe, associations, masters, why, existing)


def _aids(stars: str, place: tuple[float, float] | None) -> dict[str, Any]:
    """Return what may help a frame that failed, and does not concern one that is solved."""
    return {"stars": stars, "object_place": None if place is None else list(place)}


def _stale(
    context: RunContext,
    existing: ReducedFit | None,
    key: str,
    recipe: SettledRecipe,
    aids: dict[str, Any],
    ties: WindowTies | None,
) -> str:
    """Return why a frame has to be reduced, ``""`` where its product is current."""
    if existing is None:
        return "not reduced yet"
    if context.options.force:
        return "forced"
    if existing.recipe_key != key:
        before = existing.provenance or {}
        changed = recipe.difference(before.get("recipe"))
        if ties is not None and before.get("ties") != json.loads(json.dumps(ties.key_part())):
            changed = changed or "the wide frames that it may be tied to changed"
        return changed or "the raw frame or its masters changed"
    failed = existing.error
    if failed and context.options.retry_failed:
        return f"failed before: {failed}"
    if failed and existing.provenance.get("stars") != aids["stars"]:
        return "failed before, and the star catalogues have changed since"
    if failed and existing.provenance.get("object_place") != aids["object_place"]:
        return "failed before, and its OBJECT has another place in the source catalogue now"
    return "" if failed else why_not_intact(existing)


def _store(context: RunContext, batch: list[tuple[_Plan, Outcome]], stars: str) -> None:
    """Write the rows of a batch in one transaction."""
    from django.db import transaction

    from polarnight.db.bulk import upsert

    rows = []
    for plan, outcome in batch:
        row = _associated(plan, stars)
        _time(context, plan, outcome)
        if outcome.ok:
            result: FrameOutcome = outcome.result
            _fill(row, plan, result)
            if row.solved:
                context.report.step("reduce").done += 1
        else:
            row.error = outcome.reason(plan.job.path)
            row.set_flag(row.FLAGS.ERROR | row.FLAGS.ERROR_CALIBRATION)
        if row.error:
            context.fail("reduce", plan.rawfit.fileloc, row.error)
        rows.append(row)
        _mark_raw(plan.rawfit, row)
    with transaction.atomic():
        upsert(rows, unique=("rawfit",))
        upsert([plan.rawfit for plan, _ in batch], unique=("epoch", "filename"))


def _time(context: RunContext, plan: _Plan, outcome: Outcome) -> None:
    """Note how long calibration and astrometry of a frame took."""
    stages = outcome.result.seconds if outcome.ok else {}
    sky = sum(seconds for name, seconds in stages.items() if name in ASTROMETRY)
    night = plan.rawfit.epoch.epochname
    if sky:
        context.timings.add(night, "astrometry", sky, plan.rawfit.filename)
    context.timings.add(night, "calibration", outcome.seconds - sky, plan.rawfit.filename)


def _mark_raw(rawfit: RawFit, row: ReducedFit) -> None:
    flags = rawfit.FLAGS
    rawfit.unset_flag(flags.BUILT_REDUCED | flags.ERROR_ASTROMETRY | flags.ERROR_CALIBRATION)
    rawfit.set_flag(
        row.machine_flags & (flags.BUILT_REDUCED | flags.ERROR_ASTROMETRY | flags.ERROR_CALIBRATION)
    )


def _associated(plan: _Plan, stars: str) -> ReducedFit:
    """Return a new row that says which masters were chosen, and why."""
    from polarnight.db import ReducedFit

    row = ReducedFit.from_rawfit(plan.rawfit, recipe_key=plan.job.recipe_key)
    for name, association in plan.associations.items():
        setattr(row, f"{name}_level", association.level)
        setattr(row, f"{name}_reason", association.reason)
        setattr(row, f"master{name}", plan.masters.get(name))
        if association.risky:
            row.set_flag(row.FLAGS.RISKY_MASTER)
        if association.choice is None:
            row.set_flag(row.FLAGS.MISSING_MASTER)
    row.associations = {
        name: {
            "level": association.level,
            "delta_days": association.delta_days,
            "reason": association.reason,
            "nearest": [
                {"master": str(m.candidate.id), "key": m.key, "wanted": m.wanted, "found": m.found}
                for m in association.nearest
            ],
        }
        for name, association in plan.associations.items()
    }
    row.provenance = {
        "why": plan.why,
        "inputs": plan.job.inputs,
        "recipe": plan.recipe.record(),
        **_aids(stars, plan.job.object_place),
        **({} if plan.job.ties is None else {"ties": plan.job.ties.key_part()}),
    }
    return row


def _fill(row: ReducedFit, plan: _Plan, result: FrameOutcome) -> None:
    data: Any = row
    data.content_key = result.content_key
    data.path = _relative(plan.job.out)
    data.provenance["seconds"] = result.seconds
    data.provenance["file"] = file_state(plan.job.out)
    for name, value in result.detection.items():
        setattr(row, name, value)
    if result.detection["fwhm_px"] is not None:
        data.fwhm = result.detection["fwhm_px"] * result.info.pixel_scale
    cosmics = result.meta.get("cosmic_rays") or {}
    data.n_cosmic_rays = cosmics.get("hits") if cosmics.get("searched") else None
    missing = result.meta.get("missing_masters")
    if missing:
        data.warnings = [f"reduced without master {' and '.join(missing)}"]
    row.set_flag(row.FLAGS.BUILT_REDUCED)
    if result.evidence is None:
        data.error = _why_unsolved(result.notes) or result.notes.get("detect") or "not solved"
        row.set_flag(row.FLAGS.ERROR_ASTROMETRY)
        return
    _keep_measurements(row, plan.existing)
    evidence = result.evidence
    data.solved = True
    data.astrometry_info = evidence
    data.astrometry_rms = evidence["rms_arcsec"]
    data.astrometry_matched = evidence["n_matched"]
    data.astrometry_log10_chance = evidence["log10_chance"]
    data.astrometry_pointing = str(evidence["pointing"])[:60]
    data.pixscale = evidence["pixel_scale"]
    if result.center is not None:
        data.center_ra, data.center_dec = result.center


def _why_unsolved(notes: dict[str, Any]) -> str:
    """Return why a frame could not be solved; of a window, why neither way led anywhere."""
    return "; ".join(str(notes[name]) for name in ("solve", "window") if notes.get(name))


def _keep_measurements(row: ReducedFit, existing: ReducedFit | None) -> None:
    """Keep what was measured in the frame: it holds as long as the content is the same."""
    if existing is None:
        return
    flags = row.FLAGS.ERROR_PHOTOMETRY | row.FLAGS.ERROR_POLARIMETRY
    row.set_flag(existing.machine_flags & flags)
    for name in ("photometry_info", "mag_zp", "mag_zp_err"):
        setattr(row, name, getattr(existing, name))


def _relative(path: Path) -> str:
    from polarnight.db.models.base import data_directory

    return data_directory().relative(path)
