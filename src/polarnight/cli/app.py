"""The command line: its tree of commands, global options, and the status it ends with."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from polarnight.cli.common import GlobalOptions, Status
from polarnight.cli.help import tidy
from polarnight.errors import NoWork, PolarnightError

__all__ = ["app", "run_app"]

_LOG = logging.getLogger("polarnight")

# Typer of late carries its own copy of click, whose exceptions are others than click's.
_WRONG_USE: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="polarnight",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "From a night of raw CCD frames to calibrated photometry and polarimetry.\n\n"
        "Start with `polarnight demo`; with your own frames: `ingest`, `stars import`, "
        "`sources import`, `run`, `status`, `results`. When a number looks odd, ask `why`.\n\n"
        "Exit status: 0 all well, 1 some frames failed, 2 wrong use or nothing done."
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        from polarnight import __version__

        typer.echo(f"polarnight {__version__}")
        raise typer.Exit


@app.callback()
def global_options(
    context: typer.Context,
    config_file: Annotated[
        Path | None,
        typer.Option("--config-file", envvar="POLARNIGHT_CONFIG", help="YAML file of settings."),
    ] = None,
    datadir: Annotated[
        Path | None, typer.Option("--datadir", "-d", help="Root of the data directory.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="KEY=VALUE", help="Any setting; may be repeated."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Keep the options before the command for whoever sets up."""
    context.obj = GlobalOptions(config_file, datadir, option or [], verbose, quiet)


def _register() -> None:
    from polarnight.cli import (
        about,
        catalogues,
        demo,
        field_stars,
        lightcurve,
        night,
        output,
        quality,
        simulate,
        stars,
    )
    from polarnight.cli import instruments as instrument_commands
    from polarnight.cli import polarization as polarization_commands
    from polarnight.cli import recipes as recipe_commands
    from polarnight.cli import site as site_commands
    from polarnight.cli import terminal as terminal_command

    modules = (demo, simulate, night, catalogues, stars, output, lightcurve, field_stars, quality)
    for module in (*modules, about):
        module.register(app)
    recipe_commands.register(app)
    polarization_commands.register(app)
    instrument_commands.register(app)
    terminal_command.register(app)
    site_commands.register(app)


def run_app(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        Instead of those of the process.
    """
    _register_once()
    try:
        value = tidy(typer.main.get_command(app))(args=arguments, standalone_mode=False)
    except typer.Abort:
        typer.secho("stopped", err=True, fg="red")
        return int(Status.SOME_FAILED)
    except _WRONG_USE as error:
        error.show()
        return int(Status.NOTHING_DONE)
    except NoWork as nothing:
        typer.echo(str(nothing), err=True)
        return int(Status.NOTHING_DONE)
    except PolarnightError as error:
        typer.secho(f"polarnight: {error}", err=True, fg="red")
        return int(Status.NOTHING_DONE)
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough.
        sys.stderr.close()
        return int(Status.WELL)
    except Exception as error:  # noqa: BLE001
        _confess(error)
        return int(Status.NOTHING_DONE)
    return int(value or 0)


def _confess(error: Exception) -> None:
    """Tell of an error that nobody foresaw in one line, and put its traceback into the log."""
    told = " ".join(str(error).split()) or type(error).__name__
    if type(error).__module__.startswith("django.db"):
        told = f"the database does not answer: {told} (`polarnight doctor` looks at it)"
    if isinstance(error, OSError | MemoryError) or told.startswith("the database"):
        # The machine refuses: no space, no permission, no memory.
        typer.secho(f"polarnight: {told}", err=True, fg="red")
        return
    files = [h for h in _LOG.handlers if isinstance(h, logging.FileHandler)]
    for handler in files:
        record = logging.LogRecord(
            _LOG.name, logging.CRITICAL, __file__, 0, "stopped by a fault", (),
            (type(error), error, error.__traceback__),
        )  # fmt: skip
        handler.handle(record)
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"traceback in {files[0].baseFilename}" if files else f"{last.filename}:{last.lineno}"
    typer.secho(
        f"polarnight: {type(error).__name__}: {told}; this is a fault of Polarnight, please "
        f"report it ({where})",
        err=True,
        fg="red",
    )


_registered = False


def _register_once() -> None:
    global _registered
    if not _registered:
        _register()
        _registered = True
