"""Magnitudes and Stokes parameters of some nights: groups, what is stale, and storing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from polarnight.astrometry.geometry import separation
from polarnight.frames import FrameInfo, ObsMode, recipe_key
from polarnight.instruments import get_instrument
from polarnight.pipeline.catalogue import near, source_records
from polarnight.pipeline.context import RunContext
from polarnight.pipeline.executor import Outcome, Task
from polarnight.pipeline.group import measure_group
from polarnight.pipeline.outcome import GroupParameters
from polarnight.pipeline.records import FrameRef, SourceRecord
from polarnight.pipeline.store_results import remove_outdated, store_batch
from polarnight.polarimetry import PolarimetryRecord, make_groups

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import Epoch, ReducedFit

__all__ = ["GROUP_VERSIONS", "FrameGroup", "compute_results"]

Reduction = Literal["relphot", "relpol"]

GROUP_VERSIONS = {"measure": "1", "zero points": "1", "stokes": "1", "polarization": "1"}
"""Changed whenever the same frames and sources would give other results."""

_TARGET_RADIUS_DEG = 0.05
_SOURCE_RADIUS_DEG = 1.0
_BATCH = 25


@dataclass
class FrameGroup:
    """Frames that are measured together, and why they are."""

    reduction: Reduction
    rows: list[ReducedFit]
    key: str = ""
    complete: bool = True
    why: str = ""

    @property
    def name(self) -> str:
        """The first frame, and how many there are."""
        first = self.rows[0].fileloc
        return first if len(self.rows) == 1 else f"{first} and {len(self.rows) - 1} more"


def compute_results(context: RunContext, epochs: Sequence[Epoch]) -> None:
    """Bring photometry and polarimetry of some nights up to date.

    Parameters
    ----------
    context : RunContext
    epochs : sequence of Epoch
    """
    from polarnight.db import ReducedFit

    rows = list(
        ReducedFit.objects.filter(epoch__in=epochs, solved=True)
        .select_related("epoch", "rawfit", "masterbias", "masterdark", "masterflat")
        .order_by("juliandate", "filename")
    )
    rows = [row for row in rows if not row.has_flag(row.FLAGS.IGNORE)]
    if not context.options.dry_run:
        remove_outdated(epochs)
    sources = source_records()
    groups: list[FrameGroup] = []
    if context.options.wants("photometry"):
        groups += [
            FrameGroup("relphot", [row]) for row in rows if row.obsmode == str(ObsMode.PHOTOMETRY)
        ]
    if context.options.wants("polarimetry"):
        groups += _cycles(context, [r for r in rows if r.obsmode == str(ObsMode.POLARIMETRY)])
    tasks, stale = [], []
    for group in groups:
        local = _sources_of(group, sources)
        parameters = group_parameters(context.settings)
        group.key = _group_key(group, local, parameters)
        group.why = _stale(context, group)
        step = context.report.step(_part(group))
        if not group.why:
            step.current += 1
            continue
        step.planned.append((group.name, group.why))
        tasks.append(Task(len(stale), measure_group, (_refs(group), local, parameters)))
        stale.append(group)
    if context.options.dry_run:
        return
    batch: list[tuple[FrameGroup, Outcome]] = []
    for outcome in context.run(tasks, "measuring"):
        batch.append((stale[outcome.key], outcome))
        if len(batch) == _BATCH:
            store_batch(context, batch)
            batch = []
    store_batch(context, batch)


def group_parameters(settings: Settings) -> GroupParameters:
    """Return how groups are measured under the settings."""
    return GroupParameters(
        limit_sigma=settings.photometry.limit_sigma,
        clip=settings.polarimetry.clip,
        beam_gain=settings.polarimetry.beam_gain,
        debias=settings.polarimetry.debias,
    )


def _part(group: FrameGroup) -> str:
    return "photometry" if group.reduction == "relphot" else "polarimetry"


def _cycles(context: RunContext, rows: Iterable[ReducedFit]) -> list[FrameGroup]:
    """Put polarimetric frames into cycles; report those with too few angles."""
    by_instrument: dict[str, dict[int, ReducedFit]] = defaultdict(dict)
    for row in rows:
        by_instrument[row.instrument][row.pk] = row
    groups = []
    for instrument, members in by_instrument.items():
        plugin = get_instrument(instrument)
        cycles = make_groups(
            [_record(row) for row in members.values()],
            angles=plugin.angles,
            period=180.0 if plugin.polarimeter == "polaroids" else 360.0,
            max_gap=60.0 * context.settings.polarimetry.max_gap_minutes,
            radius_deg=_TARGET_RADIUS_DEG,
        )
        for cycle in cycles:
            frames = [members[_as_int(record.key)] for record in cycle.records]
            if len(frames) < plugin.min_angles:
                missing = ", ".join(f"{angle:g}" for angle in cycle.missing)
                reason = (
                    f"incomplete cycle of {len(frames)} frames ({cycle.reason}): no frame at "
                    f"{missing} deg; {plugin.min_angles} angles are needed"
                )
                context.fail("polarimetry", frames[0].fileloc, reason)
                continue
            groups.append(FrameGroup("relpol", frames, complete=cycle.complete))
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
    )


def _refs(group: FrameGroup) -> list[FrameRef]:
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
    plugin = get_instrument(first.instrument)
    constants = plugin.instrumental_polarization(first.band, str(first.epoch.night))
    return recipe_key(
        {"frames": [row.content_key for row in group.rows]},
        {
            "reduction": group.reduction,
            "sources": [asdict(source) for source in inside],
            "parameters": asdict(parameters),
            "instrumental polarization": asdict(constants),
        },
        GROUP_VERSIONS,
    )


def _reach_deg(row: ReducedFit) -> float:
    """Return the half diagonal of a frame, with a margin, in degrees."""
    diagonal = (row.width**2 + row.height**2) ** 0.5
    return 0.6 * diagonal * float(row.pixel_scale or 1.0) / 3600.0


def _stale(context: RunContext, group: FrameGroup) -> str:
    """Return why a group has to be measured, ``""`` where its results are current."""
    states = [(row.photometry_info or {}).get(group.reduction) for row in group.rows]
    if any(state is None for state in states):
        return "not measured yet"
    if context.options.force:
        return "forced"
    if any(state["key"] != group.key for state in states if state):
        return "its frames, sources or parameters changed"
    failed = states[0].get("error") if states[0] else None
    if failed:
        if context.options.retry_failed:
            return f"failed before: {failed}"
        context.report.step(_part(group)).failed.append(
            (group.name, f"{failed} (unchanged; --retry-failed)")
        )
    return ""
