"""Commands that reduce nights: ingest, run, status, why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polarnight.cli.common import (
    GlobalOptions,
    Status,
    chosen,
    console,
    given_path,
    set_up,
)

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(ingest)
    app.command()(run)
    app.command()(status)
    app.command()(why)


def ingest(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Files or directories.", parser=given_path),
    ],
    link: Annotated[
        bool | None,
        typer.Option("--link/--copy", help="Link to the files instead of copying them."),
    ] = None,
    wait: Annotated[
        bool | None,
        typer.Option("--wait", help="Wait where somebody else works on one of the nights."),
    ] = None,
) -> int:
    """Register local FITS files by their headers, under `raw/<telescope>/<night>/`.

    Nothing is ever overwritten: a file that is there already is passed over, and another
    file of the same name is refused.
    """
    from polarnight.cli.tables import ingest_summary
    from polarnight.pipeline.ingest import ingest as run_ingest

    options: GlobalOptions = context.obj
    settings = set_up(options, chosen("ingest", link=link, wait=wait))
    report = run_ingest(
        paths,
        "link" if settings.ingest.link else "copy",
        settings,
        quiet=options.quiet,
        wait=settings.ingest.wait,
    )
    console().print(ingest_summary(report))
    if not report.placed:
        return int(Status.NOTHING_DONE)
    return int(Status.SOME_FAILED if report.failed else Status.WELL)


def run(
    context: typer.Context,
    epochs: Annotated[
        list[str] | None,
        typer.Argument(metavar="EPOCH", help="OSN-T090/2024-04-08, T090/240408, ..."),
    ] = None,
    all_local: Annotated[
        bool | None, typer.Option("--all-local", help="Every night under raw/.")
    ] = None,
    force: Annotated[bool | None, typer.Option("--force", help="Make everything anew.")] = None,
    retry_failed: Annotated[
        bool | None, typer.Option("--retry-failed", help="Try frames again that failed before.")
    ] = None,
    reclassify: Annotated[
        bool | None,
        typer.Option(
            "--reclassify", help="Read all headers anew, as after a change of a plug-in's code."
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(help="One part: masters, reduce, photometry or polarimetry."),
    ] = None,
    dry_run: Annotated[
        bool | None, typer.Option("--dry-run", help="Say what would be done, and why; do nothing.")
    ] = None,
    wait: Annotated[
        bool | None,
        typer.Option("--wait", help="Wait where somebody else works on one of the nights."),
    ] = None,
) -> int:
    """Reduce nights: masters, calibrated and solved frames, magnitudes, polarization.

    What is current is skipped; what is stale is made again, and `--dry-run` says why.
    A bad frame is flagged with its reason and the night goes on.
    """
    from polarnight.cli.tables import run_summary
    from polarnight.pipeline.night import RunOptions, run_nights

    options: GlobalOptions = context.obj
    settings = set_up(
        options,
        chosen(
            "run",
            all_local=all_local,
            force=force,
            retry_failed=retry_failed,
            reclassify=reclassify,
            only=only,
            dry_run=dry_run,
            wait=wait,
        ),
    )
    asked = RunOptions(**settings.run.model_dump(), quiet=options.quiet)
    report = run_nights(epochs or [], asked, settings)
    console().print(run_summary(report))
    return int(Status.SOME_FAILED if report.failed else Status.WELL)


def status(
    context: typer.Context,
    epoch: Annotated[
        str | None, typer.Argument(metavar="EPOCH", help="One night; all where not given.")
    ] = None,
) -> None:
    """Show what became of every night, or of every frame of one."""
    from polarnight.cli.tables import epoch_status, night_status

    set_up(context.obj)
    console().print(night_status(epoch) if epoch else epoch_status())


def why(
    context: typer.Context,
    frame: Annotated[
        str,
        typer.Argument(
            metavar="EPOCH/FILE",
            help="A raw or master file, such as T090/2024-04-08/BLLac-0001R.fit.",
        ),
    ],
) -> None:
    """Explain a frame: its masters at which level and why, what failed, what is stale."""
    from polarnight.pipeline.explain import explain

    settings = set_up(context.obj)
    typer.echo(explain(frame, settings))
