"""The local commands: what the terminal does itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polarnight.ophidia.errors import BadValue, nearest
from polarnight.ophidia.terminal.aliases import words_of
from polarnight.ophidia.terminal.environment import KNOWN

if TYPE_CHECKING:
    from polarnight.ophidia.terminal.shell import Shell

__all__ = ["LOCAL", "Local", "local"]


@dataclass(frozen=True, slots=True)
class Local:
    """A local command.

    Attributes
    ----------
    name, usage, text : str
        What to type, and what it does.
    run : callable
        Takes the shell and what follows the name; returns an exit code.
    """

    name: str
    usage: str
    text: str
    run: Callable[[Shell, str], int]


LOCAL: dict[str, Local] = {}
_Run = Callable[["Shell", str], int]


def local(usage: str, text: str) -> Callable[[_Run], _Run]:
    """Make a function a local command; its name is the first word of `usage`."""

    def known(run: _Run) -> _Run:
        name = usage.split()[0]
        LOCAL[name] = Local(name, usage, text, run)
        return run

    return known


def _none(text: str, name: str) -> None:
    if text.strip():
        msg = f"{name}: {text.strip()[:60]!r} is too much"
        raise BadValue(msg, f"type {LOCAL[name].usage}")


def _name(text: str, name: str) -> str:
    words = words_of(text)
    if len(words) != 1:
        msg = f"{name}: one name is needed"
        raise BadValue(msg, f"type {LOCAL[name].usage}")
    return words[0].removeprefix("$")


def _pair(text: str, name: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        msg = f"{name}: {text.strip()[:60]!r} is not of the form NAME=value"
        raise BadValue(msg, f"type {LOCAL[name].usage}")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key.strip(), value


@local("help [command|operator|variable|alias]", "Show what there is, or how one thing is used.")
def _help(shell: Shell, text: str) -> int:
    from polarnight.ophidia.terminal.helping import help_lines

    for line in help_lines(shell, text.strip()):
        shell.display.plain(line)
    return 0


@local("version", "Show the version.")
def _version(shell: Shell, text: str) -> int:
    from polarnight import __version__

    _none(text, "version")
    shell.display.line(f"Polarnight {__version__}, terminal in the manner of Ophidia 1.9")
    return 0


@local("warranty", "Show what is warranted.")
def _warranty(shell: Shell, text: str) -> int:
    _none(text, "warranty")
    shell.display.line(
        "Polarnight comes as it is, without warranty of any kind, express or implied."
    )
    return 0


@local("conditions", "Show under which conditions it may be used and passed on.")
def _conditions(shell: Shell, text: str) -> int:
    _none(text, "conditions")
    shell.display.line(
        "Polarnight is free software under the BSD 3-clause licence: use it, change it, pass it\n"
        "on, with the copyright notice kept. The whole text is in the file LICENSE."
    )
    return 0


def _leave(shell: Shell, text: str) -> int:
    from polarnight.ophidia.terminal.shell import Leave

    raise Leave


@local("quit", "Leave the terminal.")
def _quit(shell: Shell, text: str) -> int:
    return _leave(shell, text)


@local("exit", "Leave the terminal.")
def _exit(shell: Shell, text: str) -> int:
    return _leave(shell, text)


@local("clear", "Wipe the screen.")
def _clear(shell: Shell, text: str) -> int:
    _none(text, "clear")
    if shell.display.out.isatty():
        shell.display.out.write("\x1b[H\x1b[2J")
        shell.display.out.flush()
    return 0


@local("history [-c]", "Show the lines typed so far, or forget them.")
def _history(shell: Shell, text: str) -> int:
    if text.strip() == "-c":
        shell.forget()
        return 0
    _none(text, "history")
    for number, line in enumerate(shell.history, 1):
        shell.display.plain(f"{number:5d}  {line}")
    return 0


@local("env", "Show all variables.")
def _env(shell: Shell, text: str) -> int:
    _none(text, "env")
    for name, value in shell.environment.shown():
        shell.display.plain(f"{name}={value}")
    return 0


@local("setenv NAME=value", "Set a variable; $NAME stands for it in every line.")
def _setenv(shell: Shell, text: str) -> int:
    name, value = _pair(text, "setenv")
    if name == "OPH_SESSION_ID":
        shell.begin(value)
        return 0
    if name == "OPH_USER" and value != shell.transport.user:
        msg = "the user of a running terminal cannot be changed"
        raise BadValue(msg, f"leave, and come back with -u {value}")
    shell.environment.set(name, value)
    return 0


@local("unsetenv NAME", "Forget a variable; those of the terminal get their default back.")
def _unsetenv(shell: Shell, text: str) -> int:
    name = _name(text, "unsetenv")
    if name in {"OPH_SESSION_ID", "OPH_USER"}:
        msg = f"{name} belongs to the session"
        raise BadValue(msg, "new begins another one")
    shell.environment.unset(name)
    return 0


@local("getenv NAME", "Show a variable.")
def _getenv(shell: Shell, text: str) -> int:
    name = _name(text, "getenv")
    value = shell.environment.get(name)
    shell.display.plain("********" if name in {"OPH_PASSWD", "OPH_TOKEN"} and value else value)
    return 0


@local("alias", "Show all aliases.")
def _alias(shell: Shell, text: str) -> int:
    if text.strip():
        return _getalias(shell, text)
    for name, meaning in sorted(shell.aliases.items()):
        shell.display.plain(f"{name}={meaning}")
    return 0


@local("setalias name=text", "Make a short word for a command; $1, $2 are the words behind it.")
def _setalias(shell: Shell, text: str) -> int:
    name, meaning = _pair(text, "setalias")
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", name) or name in LOCAL or name.startswith("oph_"):
        msg = f"{name[:60]!r} cannot be the name of an alias"
        raise BadValue(msg, "use letters, digits and _, and no name of a command")
    if not meaning:
        msg = f"setalias: {name} would stand for nothing"
        raise BadValue(msg, f"unsetalias {name} removes it")
    shell.aliases[name] = meaning
    return 0


def _known_alias(shell: Shell, text: str, command: str) -> str:
    name = _name(text, command)
    if name not in shell.aliases:
        like = nearest(name, shell.aliases)
        msg = f"there is no alias {name[:60]!r}"
        raise BadValue(msg, f"did you mean {like}?" if like else "alias shows all")
    return name


@local("unsetalias name", "Remove an alias.")
def _unsetalias(shell: Shell, text: str) -> int:
    del shell.aliases[_known_alias(shell, text, "unsetalias")]
    return 0


@local("getalias name", "Show an alias.")
def _getalias(shell: Shell, text: str) -> int:
    shell.display.plain(shell.aliases[_known_alias(shell, text, "getalias")])
    return 0


@local("update [-f]", "Read the manuals of operators again; they always are those installed.")
def _update(shell: Shell, text: str) -> int:
    from polarnight.ophidia.registry import operator_names

    if text.strip() not in {"", "-f"}:
        _none(text, "update")
    shell.display.line(f"{len(operator_names())} operators are known; all are up to date")
    return 0


def variable_names() -> list[str]:
    """Return the variables that the terminal knows."""
    return list(KNOWN)


# The commands about workflows and sessions make themselves known.
from polarnight.ophidia.terminal import monitoring  # noqa: E402, F401
