"""What the commands print, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from polarnight.cli.quality_tables import master_lines
from polarnight.cli.screen import table_of
from polarnight.config import get_settings

if TYPE_CHECKING:
    from polarnight.pipeline.context import RunReport
    from polarnight.pipeline.ingest import IngestReport

__all__ = [
    "counted",
    "epoch_status",
    "ingest_summary",
    "night_status",
    "run_summary",
    "source_list",
]

_MOST_FAILURES = 20
_ALIKE = 2


def _count(failed: int) -> Text:
    return Text(str(failed), "red" if failed else "")


def _failures(failed: list[tuple[str, str]], style: str = "red") -> list[Any]:
    """Return a line for each failure; those of one reason share a line."""
    by_reason: dict[str, list[tuple[str, str]]] = {}
    for what, reason in failed:
        # The numbers in brackets differ from frame to frame; what happened does not.
        by_reason.setdefault(reason.partition(" [")[0], []).append((what, reason))
    lines: list[Any] = []
    for entries in by_reason.values():
        what, reason = entries[0]
        if len(entries) > _ALIKE:
            others = f" and {len(entries) - 1} more"
            lines.append(Text.assemble((what + others, style), ": ", reason))
        else:
            lines += [Text.assemble((what, style), ": ", reason) for what, reason in entries]
    if len(lines) > _MOST_FAILURES:
        left = f"... and {len(lines) - _MOST_FAILURES} more; `polarnight status` has them all"
        lines = [*lines[:_MOST_FAILURES], Text(left)]
    return lines


def counted(number: int, what: str) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def ingest_summary(report: IngestReport) -> Group:
    """Return what became of the files that were given."""
    table = table_of("night", "files", numbers=("files",))
    for night, count in report.placed.items():
        table.add_row(night, str(count))
    total = sum(report.placed.values())
    if not total and not report.failed:
        return Group(Text("no FITS files there (*.fits, *.fit, *.fts, also .gz, .bz2 or .fz)"))
    new = "none of them new" if not report.new else f"{report.new} of them new"
    counts = f"{counted(total, 'file')} registered, {new}, {len(report.failed)} refused"
    return Group(*([table] if report.placed else []), Text(counts), *_failures(report.failed))


def run_summary(report: RunReport) -> Group:
    """Return what a run did, part by part, and what failed."""
    if report.dry_run:
        table = table_of("part", "would be made", "because", wrapped=("would be made", "because"))
        for name, step in report.steps.items():
            for what, why in step.planned:
                table.add_row(name, what, why)
        planned = sum(len(step.planned) for step in report.steps.values())
        return Group(*([table] if planned else []), Text(f"{planned} products are not current"))
    numbers = ("made", "current", "failed")
    table = table_of("part", *numbers, numbers=numbers)
    for name, step in report.steps.items():
        table.add_row(name, str(step.done), str(step.current), _count(len(step.failed)))
    warned = [entry for step in report.steps.values() for entry in step.warned]
    total = f"{counted(len(report.epochs), 'night')} in {report.seconds:.1f} s"
    return Group(table, Text(total), *_failures(warned, "yellow"), *_failures(report.failed))


def epoch_status() -> Any:
    """Return a line a night: how many frames of each kind, solved, results, failures."""
    from polarnight.db import Epoch

    numbers = ("raw", "bias", "dark", "flat", "light", "reduced", "solved", "results")
    table = table_of("night", *numbers, "failed", numbers=(*numbers, "failed"))
    for epoch in Epoch.objects.with_counts():
        failed = len((epoch.report or {}).get("failed", []))
        table.add_row(
            epoch.epochname,
            *(str(getattr(epoch, f"n_{kind}")) for kind in numbers),
            _count(failed),
        )
    if not table.row_count:
        place = get_settings().datadir
        return Text(f"no night is registered yet under {place}; begin with `polarnight ingest`")
    return table


def night_status(name: str) -> Group:
    """Return a line a frame of one night: what it is, what it became, what failed."""
    from polarnight.db import Epoch, RawFit
    from polarnight.errors import ConfigError

    try:
        epoch = Epoch.by_epochname(name)
    except Epoch.DoesNotExist as error:
        msg = f"{name} is not registered; `polarnight status` lists the nights"
        raise ConfigError(msg) from error
    columns = ("file", "type", "band", "angle", "exp s", "masters", "seeing", "solved", "remarks")
    rows = RawFit.objects.filter(epoch=epoch).select_related("reduced").order_by("jd_start")
    cells = [_frame_cells(row) for row in rows]
    told = [n for n in range(len(columns)) if any(str(line[n]) for line in cells)]
    table = table_of(*(columns[n] for n in told), wrapped=("remarks",))
    for line in cells:
        table.add_row(*(line[n] for n in told))
    return Group(Text(epoch.epochname, style="bold"), table, *master_lines([epoch.pk]))


def _frame_cells(row: Any) -> list[str | Text]:
    reduced = getattr(row, "reduced", None)
    short = {"PHOTOMETRY": " phot", "POLARIMETRY": " pol"}.get(row.obsmode, "")
    kind = row.imgtype.lower() + short
    angle = "" if row.rotangle is None else f"{row.rotangle:g}"
    cells: list[str | Text] = [row.filename, kind, row.band, angle, f"{row.exptime or 0:g}"]
    if reduced is None:
        return [*cells, "", "", "", _remark(row, row.error)]
    levels = " ".join(
        f"{name}:{level}"
        for name in ("bias", "dark", "flat")
        if (level := getattr(reduced, f"{name}_level")) is not None
    )
    seeing = "" if reduced.fwhm is None else f'{reduced.fwhm:.2f}"'
    solved = (
        f'{reduced.astrometry_matched} stars, {reduced.astrometry_rms:.2f}"'
        if reduced.solved
        else ""
    )
    return [*cells, levels, seeing, solved, _remark(row, row.error or reduced.error)]


def _remark(row: Any, problem: str) -> Text:
    """Return what stands against a frame: an error, or that people left it out."""
    if row.has_flag(row.FLAGS.IGNORE):
        return Text("ignored by people", "yellow")
    return Text(problem, "red")


def source_list() -> Any:
    """Return a line a source of the catalogue."""
    from polarnight.db import AstroSource

    table = table_of(
        *("name", "other names", "RA", "Dec", "type", "B", "V", "R", "I", "calibrates"),
        wrapped=("other names", "calibrates"),
    )
    for source in AstroSource.objects.prefetch_related("calibrates"):
        magnitudes = [
            "" if (value := getattr(source, f"mag_{band}")) is None else f"{value:.2f}"
            for band in "BVRI"
        ]
        targets = ", ".join(target.name for target in source.calibrates.all())
        table.add_row(
            source.name,
            source.other_names,
            source.ra_hms,
            source.dec_dms,
            source.srctype,
            *magnitudes,
            targets,
        )
    if not table.row_count:
        return Text("the catalogue is empty; fill it with `polarnight sources import`")
    return table
