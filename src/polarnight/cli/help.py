"""What `--help` shows in place of the types of Python: what a value is, and nothing for a flag."""

from __future__ import annotations

from typing import Any

__all__ = ["tidy"]

_VALUES = {
    "PATH": ("--config-file", "--datadir", "--output", "--plot", "--standards"),
    "DATE": ("--from", "--night", "--to", "--valid-from", "--valid-to"),
    "NAME": ("--catalogue", "--instrument", "--name", "--object", "--scenario", "--source"),
    "NUMBER": ("--min-snr", "--nights", "--seed"),
    "DEGREES": ("--radius",),
    "YEAR": ("--epoch",),
    "COLUMN": ("--pmra", "--pmdec"),
    "BAND": ("--band",),
    "PART": ("--only",),
    "FORMAT": ("--format",),
    "KIND": ("--kind",),
    "SCALE": ("--time",),
    "SYSTEM": ("--system",),
    "night": ("--combine",),
}
_BY_OPTION = {option: value for value, options in _VALUES.items() for option in options}


def tidy(command: Any) -> Any:
    """Give the options of a command, and of those below it, names of values worth reading.

    Parameters
    ----------
    command : click command
        Of typer, before it runs; what it takes is not changed.
    """
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            # Its name says what it is; a type such as list[Path] says less.
            parameter.display_type_rich = lambda ctx: None
        elif parameter.metavar is None:
            parameter.metavar = _value(parameter)
    _bare_help(command)
    for below in getattr(command, "commands", {}).values():
        tidy(below)
    return command


def _value(option: Any) -> str | None:
    if option.is_flag:
        return ""
    return next((_BY_OPTION[name] for name in option.opts if name in _BY_OPTION), None)


def _bare_help(command: Any) -> None:
    """Leave the option --help without a value, too: the command makes it when it is asked."""
    ask = command.get_help_option

    def get_help_option(ctx: Any) -> Any:
        option = ask(ctx)
        if option is not None:
            option.metavar = ""
        return option

    command.get_help_option = get_help_option
