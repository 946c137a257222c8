"""Carrying nights from raw frames to results."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from polarnight.db.locks import holding
from polarnight.errors import ConfigError, NoWork
from polarnight.frames import remove_leftovers
from polarnight.instruments import all_instruments, left_out
from polarnight.pipeline.associations import MasterShelf
from polarnight.pipeline.context import RunContext, RunOptions, RunReport
from polarnight.pipeline.executor import WorkPool
from polarnight.pipeline.ingest import register_night, split_twins
from polarnight.pipeline.lightcurves.host_magnitudes import correct_with_near_magnitudes
from polarnight.pipeline.masters import build_masters
from polarnight.pipeline.quality.figures import assess_nights
from polarnight.pipeline.reduce import reduce_lights
from polarnight.pipeline.results import compute_results
from polarnight.pipeline.star_fields import fetch_missing
from polarnight.telescopes import all_telescopes

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import Epoch, RawFit
    from polarnight.db.locks import Held

__all__ = ["RunOptions", "reduce_epochs", "run_nights"]


def reduce_epochs(epochs: Iterable[str], **options: Any) -> RunReport:
    """Reduce nights under the settings in force, as `Epoch.reduce` does.

    Parameters
    ----------
    epochs : iterable of str
        Names such as ``"OSN-T090/2024-04-08"`` or ``"T090/240408"``.
    **options
        Of `RunOptions`.

    Returns
    -------
    RunReport

    Raises
    ------
    NoWork
        Where a night has no raw files.
    """
    from polarnight.config import get_settings

    return run_nights(list(epochs), RunOptions(**options), get_settings())


def run_nights(names: Sequence[str], options: RunOptions, settings: Settings) -> RunReport:
    """Carry nights from raw frames to results: masters, frames, photometry, polarimetry.

    What is current is skipped. A bad frame is noted with its reason and the night goes on.

    Parameters
    ----------
    names : sequence of str
        Epochs; none with ``options.all_local``.
    options : RunOptions
    settings : Settings

    Returns
    -------
    RunReport

    Raises
    ------
    ConfigError
        Where no night is named, or a name is none.
    NoWork
        Where there are no raw files.
    WorkBusy
        Where somebody else works on one of the nights, and ``options.wait`` is not set.
    """
    epochs = select_epochs(names, options, settings)
    alone = [] if options.dry_run else [epoch.epochname for epoch in epochs]
    with holding(alone, "polarnight run", wait=options.wait) as held:
        if alone:  # another may have changed them while we waited
            epochs = select_epochs(names, options, settings)
        return _run(epochs, options, settings, held)


def _run(epochs: Sequence[Epoch], options: RunOptions, settings: Settings, held: Held) -> RunReport:
    started = time.monotonic()
    asked = epochs
    report = RunReport(dry_run=options.dry_run)
    with WorkPool(
        settings.scheduler or "local", settings.workers, settings.threads_per_worker
    ) as pool:
        context = RunContext(settings, options, pool, report, held)
        if not options.dry_run:
            _sweep(epochs, settings)
        rawfits = _register(context, epochs)
        rawfits = _leave_out_unknown(context, rawfits)
        epochs = _at_known_telescopes(epochs)
        shelf = MasterShelf(context.recipes)
        if options.wants("masters"):
            build_masters(context, epochs, rawfits, shelf)
        if options.wants("reduce"):
            from polarnight.db.sources import SourceNames

            fetch_missing(context, epochs)
            reduce_lights(context, rawfits, shelf, SourceNames.load())
        if options.wants("photometry") or options.wants("polarimetry"):
            compute_results(context, epochs)
            if not options.dry_run:
                correct_with_near_magnitudes(context, epochs)
        if not options.dry_run:
            assess_nights(context, epochs)
        _missing_catalogues(context)
    report.epochs = [epoch.epochname for epoch in asked]
    report.seconds = time.monotonic() - started
    if not options.dry_run:
        _sweep(asked, settings)  # a worker may have been killed
        _remember(asked, context)
    return report


def _leave_out_unknown(context: RunContext, rows: Sequence[RawFit]) -> list[RawFit]:
    """Return the frames of known instruments; one that is not known stops no other.

    Its declaration may be wrong at present, or its package uninstalled. What was made of its
    frames stays as it is.
    """
    known = all_instruments()
    sites = all_telescopes()
    good: list[RawFit] = []
    strange: dict[tuple[str, str], int] = Counter()
    for row in rows:
        if row.instrument in known and row.epoch.telescope in sites:
            good.append(row)
        else:
            strange[row.epoch.epochname, row.instrument] += 1
    for (night, instrument), n in strange.items():
        told = "; ".join(left_out().values()) or "no package installed here offers it"
        reason = f"left out: {n} frames of {instrument}, which is not known at present: {told}"
        context.fail("classify", f"{night}/*", reason)
    return good


def _at_known_telescopes(epochs: Sequence[Epoch]) -> list[Epoch]:
    sites = all_telescopes()
    return [epoch for epoch in epochs if epoch.telescope in sites]


def select_epochs(names: Sequence[str], options: RunOptions, settings: Settings) -> list[Epoch]:
    """Return the nights that are asked for, oldest first, registered where they are new.

    Raises
    ------
    ConfigError
        Where no night is named, or a name is none.
    NoWork
        Where there are no raw files.
    """
    from polarnight.db import Epoch
    from polarnight.db.names import parse_epochname

    local = {(telescope, night) for telescope, night in settings.data.epochs()}
    if options.all_local:
        wanted = set(local)
    elif names:
        wanted = {parse_epochname(name) for name in names}
    else:
        msg = "name the nights to run, such as OSN-T090/2024-04-08, or use --all-local"
        raise ConfigError(msg)
    missing = sorted(f"{telescope}/{night}" for telescope, night in wanted - local)
    if missing:
        msg = f"no raw files of {', '.join(missing)} under {settings.data.raw}; ingest them first"
        raise NoWork(msg)
    if not wanted:
        msg = f"there are no nights under {settings.data.raw}; ingest some files first"
        raise NoWork(msg)
    return [
        Epoch.objects.get_or_create(telescope=telescope, night=night)[0]
        for telescope, night in sorted(wanted, key=lambda pair: (pair[1], pair[0]))
    ]


def _missing_catalogues(context: RunContext) -> None:
    """Say at every run what an empty catalogue keeps from being done, and the remedy."""
    from polarnight.astrometry import LocalCatalogue
    from polarnight.db import AstroSource

    stars = context.settings.data.stars
    if not LocalCatalogue(stars).manifests:
        reason = f"there are none under {stars}, so no frame can be solved"
        context.warn("reduce", "star catalogues", f"{reason}; `polarnight stars import FILE`")
    if not AstroSource.objects.exists():
        reason = "it is empty, so nothing is measured but field stars"
        context.warn("photometry", "sources", f"{reason}; `polarnight sources import FILE`")


def _sweep(epochs: Sequence[Epoch], settings: Settings) -> None:
    """Remove what killed runs left half-written; it never had a final name."""
    data = settings.data
    for epoch in epochs:
        place = (epoch.telescope, epoch.night)
        directories = [data.raw_dir(*place)]
        directories += [data.master_dir(kind, *place) for kind in ("BIAS", "DARK", "FLAT")]
        directories += data.file_dir(*place, "any").parent.glob("*.d/*")
        for directory in directories:
            if directory.is_dir():
                remove_leftovers(directory)


def _register(context: RunContext, epochs: Sequence[Epoch]) -> list[RawFit]:
    rows: list[RawFit] = []
    for epoch in epochs:
        found = register_night(
            epoch,
            context.settings,
            context.pool,
            retry_failed=context.options.retry_failed,
            reclassify=context.options.reclassify,
            quiet=context.options.quiet,
            timed=context.timings.of(epoch.epochname, "ingest"),
        )
        for row in found:
            if row.error:
                context.report.step("classify").failed.append((row.fileloc, row.error))
        context.report.step("classify").done += sum(1 for row in found if not row.error)
        single, twins = split_twins(row for row in found if not row.error)
        for twin, first in twins:
            context.warn("classify", twin.fileloc, f"left out: a copy of {first.filename}")
        rows += single
    return rows


def _remember(epochs: Sequence[Epoch], context: RunContext) -> None:
    """Keep on each night what the run said of it, and mark nights with failures."""
    report = context.report
    for epoch in epochs:
        prefix = f"{epoch.epochname}/"
        failed = [
            [part, what, reason]
            for part, step in report.steps.items()
            for what, reason in step.failed
            if what.startswith(prefix)
        ]
        timings = context.timings.merged(epoch.epochname, epoch.report)
        epoch.report = {
            **(epoch.report or {}),
            "failed": failed,
            "seconds": round(report.seconds, 2),
            "timings": timings,
        }
        epoch.unset_flag(epoch.FLAGS.ERROR)
        if failed:
            epoch.set_flag(epoch.FLAGS.ERROR)
        epoch.save()
