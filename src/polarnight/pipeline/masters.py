"""The masters of a night: which are needed, which are stale and why, and making them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polarnight.calibration import (
    CalibrationGroup,
    group_calibrations,
    group_recipe_key,
)
from polarnight.frames import FrameInfo, ImageType
from polarnight.instruments import all_instruments, get_instrument
from polarnight.pipeline.associations import MasterShelf
from polarnight.pipeline.context import RunContext
from polarnight.pipeline.executor import Task
from polarnight.pipeline.intact import file_state, why_not_intact
from polarnight.pipeline.quality.masters import compare_masters, comparison_of, predecessor
from polarnight.pipeline.recipes.book import SettledRecipe
from polarnight.pipeline.recipes.master import MasterJob, MasterOutcome, run_master

if TYPE_CHECKING:
    from polarnight.db import Epoch, RawFit
    from polarnight.db.models.masters import MasterModel

__all__ = ["build_masters"]

_KINDS = (ImageType.BIAS, ImageType.DARK, ImageType.FLAT)
_ANY_ANGLE = {"obsmode": "", "rotangle": None}
_PLURALS = {ImageType.BIAS: "biases", ImageType.DARK: "darks", ImageType.FLAT: "flats"}


@dataclass
class _Job:
    """One master to be made."""

    row: MasterModel
    rawfits: list[RawFit]
    group: CalibrationGroup
    recipe: SettledRecipe
    bias: MasterModel | None
    dark: MasterModel | None
    why: str
    previous: MasterModel | None = None


def build_masters(
    context: RunContext, epochs: Sequence[Epoch], rawfits: Sequence[RawFit], shelf: MasterShelf
) -> None:
    """Bring the masters of some nights up to date: biases, then darks, then flats.

    Parameters
    ----------
    context : RunContext
    epochs : sequence of Epoch
    rawfits : sequence of RawFit
        All raw frames of these nights.
    shelf : MasterShelf
        Masters to choose from; refreshed as new ones are made.
    """
    by_epoch = {epoch.pk: epoch for epoch in epochs}
    usable = [
        row
        for row in rawfits
        if row.info
        and row.imgtype in set(map(str, _KINDS))
        and not row.has_flag(row.FLAGS["IGNORE"])
    ]
    for kind in _KINDS:
        jobs, current = [], set[str]()
        for epoch_id, epoch in by_epoch.items():
            frames = {
                row.filename: row
                for row in usable
                if row.epoch_id == epoch_id and row.imgtype == str(kind)
            }
            infos = [FrameInfo.from_dict(row.info) for row in frames.values()]
            for group in _groups(infos):
                key, job = _plan(context, epoch, group, frames, shelf)
                current.add(key)
                if job is not None:
                    jobs.append(job)
        _retire(context, kind, epochs, current, shelf)
        if context.options.dry_run:
            for job in jobs:
                job.row.info = job.group.infos[0].to_dict()
                job.row.content_key = f"planned {job.row.recipe_key}"
                shelf.expect(job.row)
        else:
            _name_predecessors(context, kind, jobs, shelf)
            _make(context, kind, jobs)
            shelf.forget(kind)
        compare_masters(context, kind, epochs, shelf)


def _groups(infos: Sequence[FrameInfo]) -> list[CalibrationGroup]:
    """Sort calibrations into groups, of each instrument as its flats are to be used."""
    found: list[CalibrationGroup] = []
    for name in sorted({info.instrument for info in infos}):
        own = [info for info in infos if info.instrument == name]
        found += group_calibrations(own, flat_angles=get_instrument(name).flat_angles)
    return found


def _plan(
    context: RunContext,
    epoch: Epoch,
    group: CalibrationGroup,
    frames: dict[str, RawFit],
    shelf: MasterShelf,
) -> tuple[str, _Job | None]:
    """Return the key of the master of a group, and what is to be done unless it is current."""
    from polarnight.db.models.masters import MASTER_MODELS

    rows = [frames[info.filename] for info in group.infos]
    first = group.infos[0]
    bias = dark = None
    if group.kind is not ImageType.BIAS:
        bias = shelf.chosen(shelf.choose(first, ImageType.BIAS))
    if group.kind is ImageType.FLAT:
        dark = shelf.chosen(shelf.choose(first, ImageType.DARK))
    recipe = context.recipes.get(
        str(group.kind).lower(), first.instrument, first.telescope, first.night
    )
    paths = [row.filepath for row in rows]
    known = {str(path): row.content_key for path, row in zip(paths, rows, strict=True)}
    known |= {str(m.filepath): m.content_key for m in (bias, dark) if m is not None}
    key = group_recipe_key(
        group.kind,
        group.infos,
        paths,
        bias=bias.filepath if bias else None,
        dark=dark.filepath if dark else None,
        recipe=recipe.key_part(),
        keys=known,
    )
    model = MASTER_MODELS[str(group.kind)]
    row = model(epoch=epoch, **_columns(model, first))
    row.complete()
    existing = model._default_manager.filter(key=row.key).first()
    why = _stale(existing, key, recipe, context)
    why = why or context.waits_for(*(m.key for m in (bias, dark) if m is not None))
    if not why:
        context.count_current("masters", row.key, existing.error if existing else "")
        return row.key, None
    context.plan("masters", row.key, why)
    row.recipe_key = key
    return row.key, _Job(row, rows, group, recipe, bias, dark, why)


def _columns(model: type[MasterModel], info: FrameInfo) -> dict[str, Any]:
    """Return the columns of the key of a master from the header of its first frame."""
    from polarnight.db import RawFit

    columns = RawFit().fill(info)
    values = {name: getattr(columns, name) for name in model.MARGS}
    if get_instrument(info.instrument).flat_angles == "any":
        # One master of all angles: the key must not depend on which was taken first.
        values |= {name: value for name, value in _ANY_ANGLE.items() if name in values}
    return values


def _stale(
    existing: MasterModel | None, key: str, recipe: SettledRecipe, context: RunContext
) -> str:
    """Return why a master has to be made, ``""`` where it is current."""
    if existing is None:
        return "not made yet"
    if context.options.force:
        return "forced"
    if existing.recipe_key != key:
        changed = recipe.difference((existing.provenance or {}).get("recipe"))
        return changed or "its frames or masters changed"
    if existing.error:
        return f"failed before: {existing.error}" if context.options.retry_failed else ""
    return why_not_intact(existing)


def _retire(
    context: RunContext,
    kind: ImageType,
    epochs: Sequence[Epoch],
    current: set[str],
    shelf: MasterShelf,
) -> None:
    """Take masters out of use whose frames are there, but are no longer used for them.

    A person has flagged the frames, or a correction of their headers made something else of
    them. A master whose frames were moved away stays: it cannot be made again.
    """
    from polarnight.db.models.masters import MASTER_MODELS

    model = MASTER_MODELS[str(kind)]
    made = model._default_manager.filter(
        epoch__in=epochs,
        instrument__in=all_instruments(),  # of others nothing is known at present
    ).exclude(content_key="")
    for row in made.exclude(key__in=current).select_related("epoch"):
        frames = [raw.filepath for raw in row.rawfits.select_related("epoch")]
        if not frames or not all(path.is_file() for path in frames):
            continue
        reason = "none of its frames is used any more"
        context.plan("masters", row.key, reason)
        shelf.discard(row)
        if context.options.dry_run:
            continue
        row.error, row.content_key, row.recipe_key = reason, "", ""
        row.set_flag(row.FLAGS["ERROR"])
        row.save()
        context.warn("masters", row.key, f"out of use: {reason}")


def _make(context: RunContext, kind: ImageType, jobs: Sequence[_Job]) -> None:
    tasks = [
        Task(
            n,
            run_master,
            (_worker_job(context, kind, job),),
        )
        for n, job in enumerate(jobs)
    ]
    for outcome in context.run(tasks, f"master {_PLURALS[kind]}"):
        job = jobs[outcome.key]
        context.timings.add(job.row.epoch.epochname, "masters", outcome.seconds, job.row.key)
        if outcome.ok:
            made: MasterOutcome = outcome.result
            result = made.result
            _store(context, job, made)
            context.report.step("masters").done += 1
            for warning in result.warnings:
                context.warn("masters", job.row.key, warning)
            for name, reason in result.rejected:
                context.warn("masters", f"{job.row.epoch.epochname}/{name}", f"rejected: {reason}")
        else:
            _store_failure(job, str(outcome.error))
            context.fail("masters", job.row.key, str(outcome.error))


def _name_predecessors(
    context: RunContext, kind: ImageType, jobs: Sequence[_Job], shelf: MasterShelf
) -> None:
    """Say of each flat which one its worker shall compare it with.

    One that is itself about to be made is no file yet: `compare_masters` sees to that later.
    """
    if kind is not ImageType.FLAT:
        return
    planned = {job.row.key for job in jobs}
    rows = list(shelf.rows(kind).values())
    for job in jobs:
        jd = sum(info.jd_mid for info in job.group.infos) / len(job.group.infos)
        days = context.settings.quality.predecessor_days
        previous = predecessor(job.group.infos[0], jd, job.row.key, rows, days)
        job.previous = None if previous is None or previous.key in planned else previous


def _worker_job(context: RunContext, kind: ImageType, job: _Job) -> MasterJob:
    return MasterJob(
        kind,
        job.group.infos,
        [row.filepath for row in job.rawfits],
        job.bias.filepath if job.bias else None,
        job.dark.filepath if job.dark else None,
        job.row.filepath,
        job.recipe.recipe,
        job.row.recipe_key,
        job.previous.filepath if job.previous else None,
        context.settings.quality.spot_contrast,
    )


def _store(context: RunContext, job: _Job, made: MasterOutcome) -> None:
    from polarnight.db.bulk import link, upsert

    row, result = job.row, made.result
    row.jd = result.info.jd_mid
    row.n_used = result.n_used
    row.rejected = result.rejected
    row.stats = result.stats
    row.info = result.info.to_dict()
    row.warnings = result.warnings
    row.content_key = made.content_key
    if job.previous is not None and made.comparison is not None:
        contrast = context.settings.quality.spot_contrast
        row.comparison = comparison_of(made.content_key, job.previous, made.comparison, contrast)
    row.provenance = {
        "why": job.why,
        "inputs": [[raw.fileloc, "raw", raw.content_key] for raw in job.rawfits],
        "recipe": job.recipe.record(),
        "file": file_state(job.row.filepath),
    }
    for name, master in (("masterbias", job.bias), ("masterdark", job.dark)):
        if any(f.name == name for f in type(row)._meta.concrete_fields):
            setattr(row, name, master)
    upsert([row], unique=("key",), keep=("valid_from", "valid_to"))
    link(type(row), "rawfits", {row.pk: [raw.pk for raw in job.rawfits]})


def _store_failure(job: _Job, reason: str) -> None:
    from polarnight.db.bulk import link, upsert

    job.row.error = reason
    job.row.set_flag(job.row.FLAGS["ERROR"])
    upsert([job.row], unique=("key",), keep=("valid_from", "valid_to"))
    link(type(job.row), "rawfits", {job.row.pk: [raw.pk for raw in job.rawfits]})
