"""Magnitudes and Stokes parameters of some nights: groups, what is stale, and storing."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from polarnight.astrometry import LocalCatalogue
from polarnight.astrometry.geometry import separation
from polarnight.frames import FrameInfo, ImageType, ObsMode, recipe_key
from polarnight.instruments import all_instruments, get_instrument
from polarnight.photometry import load_host_tables
from polarnight.pipeline.catalogue import near, source_records
from polarnight.pipeline.context import RunContext
from polarnight.pipeline.executor import Outcome, Task
from polarnight.pipeline.groups.group import measure_group
from polarnight.pipeline.groups.outcome import GroupParameters
from polarnight.pipeline.groups.records import FrameRef, SourceRecord
from polarnight.pipeline.groups.two_cameras import ONE_BEAM_ONLY, simultaneous
from polarnight.pipeline.polarization.calibrations import CalibrationChoice, CalibrationShelf
from polarnight.pipeline.recipes.book import SettledRecipe
from polarnight.pipeline.recipes.measurement import free_parameters
from polarnight.pipeline.store_results import (
    count_results,
    remove_outdated,
    store_batch,
    store_refusal,
)
from polarnight.polarimetry import PolarimetryRecord

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import Epoch, ReducedFit

__all__ = [
    "FrameGroup",
    "choose_calibration_of",
    "compute_results",
    "form_groups",
    "frame_refs",
    "group_parameters",
    "with_calibration",
]

Reduction = Literal["relphot", "relpol"]

_SOURCE_RADIUS_DEG = 1.0
_BATCH = 25


@dataclass
class FrameGroup:
    """Frames that are measured together, and why they are, or why they cannot be."""

    reduction: Reduction
    rows: list[ReducedFit]
    key: str = ""
    complete: bool = True
    why: str = ""
    refusal: str = ""
    sources: list[SourceRecord] = field(default_factory=list)
    recipe: SettledRecipe | None = None
    calibration: CalibrationChoice | None = None

    @property
    def part(self) -> str:
        """The part of the night that the group belongs to."""
        return "photometry" if self.reduction == "relphot" else "polarimetry"

    @property
    def settled(self) -> SettledRecipe:
        """The recipe of the group, once it was chosen."""
        if self.recipe is None:
            msg = f"no recipe was chosen for {self.name}"
            raise ValueError(msg)
        return self.recipe

    @property
    def name(self) -> str:
        """The first frame, and how many there are."""
        first = self.rows[0].fileloc
        return first if len(self.rows) == 1 else f"{first} and {len(self.rows) - 1} more"

    @property
    def files(self) -> tuple[str, ...]:
        """The raw files, as results know them."""
        return tuple(row.fileloc for row in self.rows)


def compute_results(context: RunContext, epochs: Sequence[Epoch]) -> None:
    """Bring photometry and polarimetry of some nights up to date.

    Parameters
    ----------
    context : RunContext
    epochs : sequence of Epoch
    """
    groups = form_groups(context, epochs)
    if not context.options.dry_run:
        measured = [group for group in groups if not group.refusal]
        remove_outdated(epochs, _wanted(context), measured)
    stale = select_stale(context, epochs, groups)
    if context.options.dry_run:
        return
    parameters = group_parameters(context.settings)
    tasks = [
        Task(
            n,
            measure_group,
            (
                frame_refs(group),
                group.sources,
                with_calibration(parameters, group),
                group.settled.recipe,
            ),
        )
        for n, group in enumerate(stale)
    ]
    batch: list[tuple[FrameGroup, Outcome]] = []
    for outcome in context.run(tasks, "measuring"):
        group = stale[outcome.key]
        night = group.rows[0].epoch.epochname
        context.timings.add(night, group.part, outcome.seconds, group.rows[0].filename)
        batch.append((group, outcome))
        if len(batch) == _BATCH:
            store_batch(context, batch)
            batch = []
    store_batch(context, batch)


def with_calibration(parameters: GroupParameters, group: FrameGroup) -> GroupParameters:
    """Return the parameters with the instrumental polarization that was chosen."""
    if group.calibration is None:
        return parameters
    return replace(parameters, instrumental=group.calibration.instrumental)


def choose_calibration_of(group: FrameGroup, shelf: CalibrationShelf) -> CalibrationChoice | None:
    """Return the instrumental polarization of a cycle, at the mean time of its frames."""
    if group.reduction != "relpol":
        return None
    first = group.rows[0]
    jd = sum(float(row.juliandate or 0.0) for row in group.rows) / len(group.rows)
    night = first.epoch
    return shelf.choose(first.instrument, night.telescope, first.band, jd, str(night.night))


def _wanted(context: RunContext) -> list[Reduction]:
    wanted: dict[Reduction, str] = {"relphot": "photometry", "relpol": "polarimetry"}
    return [reduction for reduction, part in wanted.items() if context.options.wants(part)]


def form_groups(context: RunContext, epochs: Sequence[Epoch]) -> list[FrameGroup]:
    """Put the solved frames of some nights into groups.

    Frames that people flagged to be ignored, raw or reduced, are left out, those whose raw file
    is no light frame any more, and those of instruments that are not known at present.
    """
    from polarnight.db import RawFit, ReducedFit

    useless = RawFit.FLAGS.IGNORE | RawFit.FLAGS.ERROR_CLASSIFY
    rows = list(
        ReducedFit.objects.filter(
            epoch__in=epochs,
            instrument__in=all_instruments(),
            solved=True,
            flags__hasnot=ReducedFit.FLAGS.IGNORE,
            rawfit__flags__hasnot=useless,
            rawfit__imgtype=str(ImageType.LIGHT),
        )
        .select_related("epoch", "rawfit", "masterbias", "masterdark", "masterflat")
        .order_by("juliandate", "filename")
    )
    groups: list[FrameGroup] = []
    if context.options.wants("photometry"):
        groups += _exposures([r for r in rows if r.obsmode == str(ObsMode.PHOTOMETRY)])
    if context.options.wants("polarimetry"):
        groups += _cycles(context, [r for r in rows if r.obsmode == str(ObsMode.POLARIMETRY)])
    return groups


def select_stale(
    context: RunContext, epochs: Sequence[Epoch], groups: Sequence[FrameGroup]
) -> list[FrameGroup]:
    """Return the groups that have to be measured; note the others in the report."""
    sources = source_records(load_host_tables(context.settings.photometry.host_tables))
    parameters = group_parameters(context.settings)
    present = count_results(epochs)
    shelf = CalibrationShelf(context.recipes)
    stale = []
    for group in groups:
        if group.refusal:
            store_refusal(context, group)
            continue
        first = group.rows[0]
        group.recipe = context.recipes.get(
            group.part, first.instrument, first.epoch.telescope, first.epoch.night
        )
        group.sources = _sources_of(group, sources)
        group.calibration = choose_calibration_of(group, shelf)
        group.key = _group_key(group, group.sources, parameters)
        group.why = _stale(context, group, present.get((group.reduction, group.files), 0))
        group.why = group.why or context.waits_for(*group.files)
        if group.why:
            context.plan(group.part, group.name, group.why)
            stale.append(group)
        else:
            context.count_current(group.part, group.name, _state(group).get("error") or "")
    return stale


def _state(group: FrameGroup) -> dict[str, Any]:
    """Return what the first frame says of the last measurement of the group."""
    state: dict[str, Any] = (group.rows[0].photometry_info or {}).get(group.reduction) or {}
    return state


def group_parameters(settings: Settings) -> GroupParameters:
    """Return how groups are measured under the settings."""
    return GroupParameters(
        aperture_sigma=settings.photometry.aperture_sigma,
        annulus_sigma=settings.photometry.annulus_sigma,
        limit_sigma=settings.photometry.limit_sigma,
        clip=settings.polarimetry.clip,
        beam_gain=settings.polarimetry.beam_gain,
        method=settings.polarimetry.method,
        transparency=settings.polarimetry.transparency,
        field_polarization=settings.polarimetry.field_polarization,
        debias=settings.polarimetry.debias,
        stars=settings.data.stars,
        catalogue_calibrators=settings.photometry.catalogue_calibrators,
        colour_term=settings.photometry.colour_term,
        growth_curve=settings.photometry.growth_curve,
        host_galaxies=settings.photometry.host_galaxies,
    )


def _cycles(context: RunContext, rows: Iterable[ReducedFit]) -> list[FrameGroup]:
    """Put polarimetric frames into cycles; report those with too few angles."""
    # By night too: a recipe may be changed for one night.
    by_night: dict[tuple[str, str, Any], dict[int, ReducedFit]] = defaultdict(dict)
    for row in rows:
        by_night[row.instrument, row.epoch.telescope, row.epoch.night][row.pk] = row
    groups = []
    for (instrument, telescope, night), members in by_night.items():
        plugin = get_instrument(instrument)
        how = context.recipes.get("cycles", instrument, telescope, night)
        cycles = how.recipe.run(
            records=[_record(row) for row in members.values()],
            instrument={
                "angles": plugin.angles,
                "period": plugin.angle_period,
            },
        )["cycles"]
        for cycle in cycles:
            frames = [members[_as_int(record.key)] for record in cycle.records]
            refusal = ""
            if len(plugin.angles) - len(cycle.missing) < plugin.min_angles:
                missing = ", ".join(f"{angle:g}" for angle in cycle.missing)
                noun = "frame" if len(frames) == 1 else "frames"
                refusal = (
                    f"incomplete cycle of {len(frames)} {noun} ({cycle.reason}): no frame at "
                    f"{missing} deg; {plugin.min_angles} angles are needed"
                )
            group = FrameGroup("relpol", frames, complete=cycle.complete, refusal=refusal)
            groups.append(group)
            for record in cycle.unpaired:
                alone = members[_as_int(record.key)].fileloc
                reason = f"{alone}: the other camera has no frame at {record.angle:g} deg with it"
                context.warn(group.part, group.name, reason)
    return groups


def _exposures(rows: Sequence[ReducedFit]) -> list[FrameGroup]:
    """Return one group for each frame of photometry, or for the two frames of two cameras."""
    members = {row.pk: row for row in rows}
    groups = []
    for records in simultaneous(_record(row) for row in rows):
        frames = [members[_as_int(record.key)] for record in records]
        alone = len(records) == 1 and records[0].beam
        groups.append(FrameGroup("relphot", frames, refusal=ONE_BEAM_ONLY if alone else ""))
    return groups


def _as_int(key: Any) -> int:
    return int(key)


def _record(row: ReducedFit) -> PolarimetryRecord:
    return PolarimetryRecord(
        key=row.pk,
        ra=row.center_ra,
        dec=row.center_dec,
        name=row.object_name,
        instrument=row.instrument,
        band=row.band,
        exptime=float(row.exptime or 0.0),
        angle=float(row.rotangle or 0.0),
        jd=float(row.juliandate or 0.0),
        beam=str((row.rawfit.info or {}).get("beam", "")),
    )


def frame_refs(group: FrameGroup) -> list[FrameRef]:
    """Return the frames of a group as workers need them."""
    return [
        FrameRef(row.pk, str(row.filepath), FrameInfo.from_dict(row.rawfit.info))
        for row in group.rows
    ]


def _sources_of(group: FrameGroup, sources: list[SourceRecord]) -> list[SourceRecord]:
    first = group.rows[0]
    return near(
        sources, float(first.center_ra or 0), float(first.center_dec or 0), _SOURCE_RADIUS_DEG
    )


def _group_key(
    group: FrameGroup, sources: Sequence[SourceRecord], parameters: GroupParameters
) -> str:
    """Return the recipe key of the results of a group.

    Only sources that may lie in the field count, so that a new target elsewhere on the sky
    makes nothing stale.
    """
    first = group.rows[0]
    reach = _reach_deg(first)
    centre = (float(first.center_ra or 0), float(first.center_dec or 0))
    inside = [s for s in sources if float(separation(s.ra, s.dec, *centre)) <= reach]
    free = {k: v for k, v in free_parameters(parameters).items() if k != "stars"}
    constants = None if group.calibration is None else asdict(group.calibration.instrumental)
    return recipe_key(
        {"frames": [row.content_key for row in group.rows]},
        {
            "reduction": group.reduction,
            "sources": [asdict(source) for source in inside],
            "parameters": free,
            "recipe": group.settled.key_part(),
            "stars": _stars_key(group, parameters, reach),
            "instrumental polarization": constants,
        },
        group.settled.recipe.versions(),
    )


def _stars_key(group: FrameGroup, parameters: GroupParameters, reach: float) -> str:
    """Return what identifies the field stars of a direct image: a hash of their values."""
    first = group.rows[0]
    if parameters.stars is None or group.reduction != "relphot":
        return ""
    stars = LocalCatalogue(parameters.stars).cone(
        float(first.center_ra or 0), float(first.center_dec or 0), reach
    )
    digest = hashlib.sha256(" ".join(stars.mags).encode())
    for values in (stars.ra, stars.dec, *stars.mags.values(), *stars.mag_errs.values()):
        digest.update(values.tobytes())
    return digest.hexdigest()


def _reach_deg(row: ReducedFit) -> float:
    """Return the half diagonal of a frame, with a margin, in degrees."""
    diagonal = math.hypot(row.width, row.height)
    return 0.6 * diagonal * float(row.pixel_scale or 1.0) / 3600.0


def _other_calibration(group: FrameGroup) -> str:
    """Return that another instrumental polarization has to be taken off than was."""
    if group.calibration is None:
        return ""
    before = _state(group).get("calibration")
    now = group.calibration.evidence()
    if before is None or all(before[name] == now[name] for name in ("key", "origin", "values")):
        return ""
    return f"its instrumental polarization changed: now {group.calibration.reason}"


def _stale(context: RunContext, group: FrameGroup, present: int) -> str:
    """Return why a group has to be measured, ``""`` where its `present` results are current."""
    states = [(row.photometry_info or {}).get(group.reduction) for row in group.rows]
    if any(state is None for state in states):
        return "not measured yet"
    if context.options.force:
        return "forced"
    if any(state["key"] != group.key for state in states if state):
        changed = group.settled.difference(_state(group).get("recipe"))
        changed = changed or _other_calibration(group)
        return changed or "its frames, sources or parameters changed"
    state = _state(group)
    failed = state.get("error")
    if failed:
        return f"failed before: {failed}" if context.options.retry_failed else ""
    if present != state["results"]:
        return f"{state['results'] - present} of its results are gone"
    return ""
