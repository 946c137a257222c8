"""What all commands share: options that set up a run, and exit statuses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polarnight.cli.screen import Screen
    from polarnight.config import Settings

__all__ = [
    "GlobalOptions",
    "Status",
    "check_order",
    "check_picture",
    "chosen",
    "console",
    "describe_night",
    "given_path",
    "set_up",
]


_PICTURES = (".png", ".pdf", ".svg", ".eps", ".jpg", ".jpeg")
_FIRST_YEAR, _LAST_YEAR = 1975, 2130


class Status(IntEnum):
    """Exit statuses of the command."""

    WELL = 0
    SOME_FAILED = 1
    NOTHING_DONE = 2


@dataclass
class GlobalOptions:
    """The options before the name of a command."""

    config_file: Path | None = None
    datadir: Path | None = None
    options: list[str] = field(default_factory=list)
    verbose: bool = False
    quiet: bool = False


def console() -> Screen:
    """Return the console for results (standard output)."""
    from polarnight.cli.screen import console as screen

    return screen()


def set_up(
    given: GlobalOptions,
    overrides: Mapping[str, Any] | None = None,
    *,
    database: bool = True,
) -> Settings:
    """Read the configuration, start the log and, where asked, the database.

    Parameters
    ----------
    given : GlobalOptions
    overrides : mapping, optional
        Settings, by dotted key, that the command sets whatever is configured.
    database : bool
        Whether the command needs the database.
    """
    import polarnight

    options = list(given.options)
    if given.datadir is not None:
        options.append(f"datadir={given.datadir}")
    settings = polarnight.Config(
        config_db=database,
        config_logging=database,
        config_file=given.config_file,
        options=options,
        gonogui=True,
        reconfigure=True,
        **(overrides or {}),
    )
    _log_to_terminal(given)
    return settings


def _log_to_terminal(given: GlobalOptions) -> None:
    """Show progress lines and errors; everything else is in the log and in the summaries."""
    from rich.console import Console
    from rich.logging import RichHandler

    handler = RichHandler(
        console=Console(stderr=True), show_path=False, show_time=False, markup=False
    )
    if not given.verbose:
        handler.addFilter(
            lambda record: (
                record.levelno >= logging.ERROR
                or (record.name.endswith(".progress") and not given.quiet)
            )
        )
    logger = logging.getLogger("polarnight")
    for old in [h for h in logger.handlers if isinstance(h, RichHandler)]:
        logger.removeHandler(old)
    logger.addHandler(handler)


def chosen(section: str, **options: Any) -> dict[str, Any]:
    """Return the settings that options of a command set: those that were given.

    Parameters
    ----------
    section : str
        Section of the settings.
    **options
        None where the user did not give one.
    """
    return {f"{section}.{key}": value for key, value in options.items() if value is not None}


def describe_night(text: str) -> str:
    """Return a night given as ``YYYY-MM-DD``.

    Raises
    ------
    typer.BadParameter
        Where it is no date.
    """
    from datetime import date

    import typer

    try:
        night = date.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is no date; write it as YYYY-MM-DD"
        raise typer.BadParameter(msg) from error
    if not _FIRST_YEAR <= night.year <= _LAST_YEAR:
        msg = f"{text!r} is no night of a CCD camera"
        raise typer.BadParameter(msg)
    return night.isoformat()


def check_order(first: str | None, last: str | None) -> None:
    """Refuse a range of nights (ISO dates, None where open) that ends before it begins.

    Raises
    ------
    typer.BadParameter
    """
    import typer

    if first and last and first > last:
        msg = f"the first night, {first}, is after the last, {last}: exchange --from and --to"
        raise typer.BadParameter(msg)


def check_picture(path: Path | None) -> None:
    """Refuse a file that no picture can be written to, before anything is computed.

    Raises
    ------
    typer.BadParameter
    """
    import typer

    if path is not None and (path.suffix.lower() not in _PICTURES or path.is_dir()):
        msg = f"{path}: choose a file that ends in {', '.join(_PICTURES)}"
        raise typer.BadParameter(msg)


def given_path(text: str) -> Path:
    """Return a path that was given; an empty text, as of an unset variable, is none.

    Raises
    ------
    typer.BadParameter
    """
    import typer

    if not text.strip():
        msg = "an empty path"
        raise typer.BadParameter(msg)
    return Path(text)
