"""Raw files into the archive and the database, by what their headers say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.db.locks import INGEST, holding
from polarnight.errors import BadFrame
from polarnight.instruments import all_instruments
from polarnight.pipeline.examining import Examined, examine, examine_again, examine_all
from polarnight.pipeline.executor import Outcome, Task, WorkPool
from polarnight.pipeline.files import (
    FITS_NAME,
    Placement,
    find_fits,
    place_file,
    printable,
)
from polarnight.pipeline.timings import Timings
from polarnight.progress import track

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import Epoch, RawFit

__all__ = [
    "IngestReport",
    "ingest",
    "is_due",
    "outdated_instruments",
    "register_night",
    "remember_keys",
    "split_twins",
]

_LOG = logging.getLogger(__name__)


@dataclass
class IngestReport:
    """What became of the files that were given.

    Attributes
    ----------
    placed : dict
        Number of files by night (``telescope/YYYY-MM-DD``), new or there already.
    new : int
        How many of them were not there before.
    failed : list of (path, reason)
    """

    placed: dict[str, int] = field(default_factory=dict)
    new: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def ingest(
    paths: Iterable[str | Path],
    how: Placement,
    settings: Settings,
    *,
    quiet: bool = False,
    wait: bool = False,
) -> IngestReport:
    """Register local FITS files under ``raw/<telescope>/<night>/``.

    Parameters
    ----------
    paths : iterable of path
        Files, or directories that are searched.
    how : {"copy", "link"}
    settings : Settings
    quiet : bool
        Show no progress.
    wait : bool
        Wait where somebody else ingests, or works on one of the nights.

    Returns
    -------
    IngestReport
        A file that cannot be understood is in `IngestReport.failed` with its reason and
        stays where it is.

    Raises
    ------
    ConfigError
        Where a path does not exist.
    WorkBusy
        Where somebody else ingests, or works on one of the nights, and `wait` is not set.
        Nothing was placed then.
    """
    files = find_fits(paths)
    report, timings = IngestReport(), Timings()
    with holding([INGEST], "polarnight ingest", wait=wait):
        found: list[Examined] = []
        for outcome in examine_all(files, settings, quiet):
            if not outcome.ok:
                report.failed.append((printable(outcome.key), outcome.reason(outcome.key)))
                continue
            found.append(outcome.result)
            timings.add(outcome.result.night, "ingest", outcome.seconds, outcome.key.name)
        nights = sorted({examined.night for examined in found})
        with holding(nights, "polarnight ingest", wait=wait):
            _register(_place_all(found, how, settings, report), report, timings)
    for path, reason in report.failed:
        _LOG.warning("%s: %s", path, reason)
    return report


def _place_all(
    found: Sequence[Examined], how: Placement, settings: Settings, report: IngestReport
) -> dict[tuple[str, str], dict[str, Examined]]:
    """Put files where they belong; return those that are there now, by night and name."""
    by_night: dict[tuple[str, str], dict[str, Examined]] = {}
    for examined in found:
        info = examined.info
        try:
            target = settings.data.raw_path(info.telescope, info.night, info.filename)
            report.new += place_file(
                examined.path, target, how, readonly=settings.set_rawdata_readonly
            )
        except BadFrame as error:
            report.failed.append((error.path, f"{error.reason} ({error.remedy})"))
            continue
        # By name: the same file may be given twice, from two places.
        by_night.setdefault((info.telescope, info.night), {})[info.filename] = examined
    return by_night


def _register(
    by_night: Mapping[tuple[str, str], Mapping[str, Examined]],
    report: IngestReport,
    timings: Timings,
) -> None:
    for (telescope, night), members in sorted(by_night.items()):
        epoch = _epoch(telescope, night)
        known = {row.filename: row for row in epoch.rawfits.filter(filename__in=list(members))}
        merged = timings.merged(epoch.epochname, epoch.report)
        epoch.report = {**(epoch.report or {}), "timings": merged}
        remember_keys(epoch, only_new=True)
        _save(epoch, [_row(epoch, examined, known) for examined in members.values()])
        report.placed[epoch.epochname] = len(members)


def register_night(
    epoch: Epoch,
    settings: Settings,
    pool: WorkPool,
    *,
    retry_failed: bool = False,
    reclassify: bool = False,
    quiet: bool = False,
    timed: Callable[[float, str], None] | None = None,
) -> list[RawFit]:
    """Bring the rows of a night up to date with the files in its raw directory.

    New and changed files are classified; one that cannot be understood gets a row with the
    reason, so that nothing vanishes. Rows whose file is gone are kept and marked. `timed` is told
    the seconds that a file took, and its name.

    The headers of frames whose instrument is declared otherwise than when they were registered
    (or of all, with `reclassify`) are read anew, and so are files that could not be understood
    then. What people said of the frames stays.

    Returns
    -------
    list of RawFit
        Every raw frame of the night.
    """
    from polarnight.db import RawFit

    known = {row.filename: row for row in epoch.rawfits.all()}
    directory = settings.data.raw_dir(epoch.telescope, epoch.night)
    present = {
        printable(path.name): path
        for path in (sorted(directory.iterdir()) if directory.is_dir() else [])
        if FITS_NAME.search(path.name) and not path.name.startswith(".") and path.is_file()
    }
    outdated = outdated_instruments(epoch)
    tasks = []
    for name, path in present.items():
        row = known.get(name)
        again = retry_failed or bool(outdated) or reclassify
        if row is None or is_due(row, path, retry_failed=again):
            tasks.append(Task(path, examine, (path,)))
        elif not row.error and (reclassify or row.instrument in outdated):
            _LOG.info("%s: %s", row.fileloc, outdated.get(row.instrument, "--reclassify"))
            tasks.append(Task(path, examine_again, (path, row.content_key)))
    rows = []
    for outcome in track(pool.run(tasks), len(tasks), "classifying", quiet=quiet):
        rows.append(_row_of_outcome(epoch, outcome, known))
        if timed is not None:
            timed(outcome.seconds, outcome.key.name)
    for name, row in known.items():
        if name not in present and not row.error:
            row.error = f"the raw file is no longer in {directory}"
            row.set_flag(RawFit.FLAGS.ERROR)
            rows.append(row)
    remember_keys(epoch)
    _save(epoch, rows)
    return list(RawFit.objects.filter(epoch=epoch).select_related("epoch"))


def _epoch(telescope: str, night: str) -> Epoch:
    from polarnight.db import Epoch

    return Epoch.objects.get_or_create(telescope=telescope, night=date.fromisoformat(night))[0]


def outdated_instruments(epoch: Epoch) -> dict[str, str]:
    """Return why the headers of a night have to be read anew, by instrument.

    An instrument that is not known at present (its file is wrong, its package gone) is not
    among them: what was read is better than nothing.
    """
    known = (epoch.report or {}).get("translation_keys") or {}
    return {
        name: f"{name} is declared otherwise than when the frame was registered"
        for name, key in _translation_keys(epoch.telescope).items()
        if known.get(name) != key
    }


def remember_keys(epoch: Epoch, *, only_new: bool = False) -> None:
    """Note on a night how its instruments translate headers now; not saved.

    With `only_new`, as where some of its files are registered, nothing is said of instruments
    of which frames are there already.
    """
    report = epoch.report or {}
    keys = _translation_keys(epoch.telescope)
    if only_new:
        there = set(epoch.rawfits.values_list("instrument", flat=True).distinct())
        keys = {name: key for name, key in keys.items() if name not in there}
    known = {**(report.get("translation_keys") or {}), **keys}
    epoch.report = {**report, "translation_keys": known}


def _translation_keys(telescope: str) -> dict[str, str]:
    return {
        instrument.name: instrument.translation_key
        for instrument in all_instruments().values()
        if telescope in instrument.telescopes
    }


def is_due(row: RawFit, path: Path, *, retry_failed: bool = False) -> bool:
    """Return whether a file that has a row is to be read again."""
    state = path.stat()
    if (row.size_bytes, row.mtime_ns) != (state.st_size, state.st_mtime_ns):
        return True
    if not row.error:
        return False
    # Either it could not be read, or it was gone and is back.
    unreadable = row.machine_flags & row.FLAGS.ERROR_CLASSIFY
    return retry_failed if unreadable else True


def split_twins(rows: Iterable[RawFit]) -> tuple[list[RawFit], list[tuple[RawFit, RawFit]]]:
    """Separate frames whose bytes are those of another frame of their night.

    A file that was copied under a second name is no second exposure: it would make errors
    too small.

    Returns
    -------
    rows : list of RawFit
        Every exposure once: the file that was registered first.
    twins : list of (twin, first)
    """
    first: dict[tuple[int, str], RawFit] = {}
    single, twins = [], []
    for row in sorted(rows, key=lambda row: row.pk):
        known = first.setdefault((row.epoch_id, row.content_key or row.filename), row)
        if known is row:
            single.append(row)
        else:
            twins.append((row, known))
    return single, twins


def _row(epoch: Epoch, examined: Examined, known: Mapping[str, RawFit]) -> RawFit:
    from polarnight.db import RawFit

    columns: dict[str, Any] = {
        "content_key": examined.content_key,
        "size_bytes": examined.size_bytes,
        "mtime_ns": (epoch.rawfitsdir / examined.info.filename).stat().st_mtime_ns,
    }
    row = known.get(examined.info.filename)
    if row is not None and row.content_key == examined.content_key:
        # The same frame as before: what is known of its products stays true.
        for name, value in columns.items():
            setattr(row, name, value)
        row.fill(examined.info)
    else:
        row = RawFit.from_info(epoch, examined.info, **columns)
    row.set_flag(RawFit.FLAGS.DOWNLOADED)
    return row


def _row_of_outcome(epoch: Epoch, outcome: Outcome, known: Mapping[str, RawFit]) -> RawFit:
    from polarnight.db import RawFit

    if outcome.ok:
        examined: Examined = outcome.result
        info = examined.info
        if (info.telescope, info.night) == (epoch.telescope, f"{epoch.night}"):
            return _row(epoch, examined, known)
        reason = (
            f"the header says {info.telescope}/{info.night}, but the file is in the directory "
            f"of {epoch.epochname}; ingest it from elsewhere, or correct the header (or the "
            f"declaration of {info.instrument})"
        )
    else:
        reason = outcome.reason(outcome.key)
    path: Path = outcome.key
    state = path.stat()
    name = printable(path.name)
    _LOG.warning("%s/%s: %s", epoch.epochname, name, reason)
    return RawFit.from_failure(
        epoch, name, reason, size_bytes=state.st_size, mtime_ns=state.st_mtime_ns
    )


def _save(epoch: Epoch, rows: Sequence[RawFit]) -> None:
    from polarnight.db.bulk import upsert

    # In a fixed order: which of two equal files was registered first shall not be chance.
    upsert(sorted(rows, key=lambda row: row.filename), unique=("epoch", "filename"))
    epoch.set_flag(type(epoch).FLAGS.LISTED)
    epoch.save()
