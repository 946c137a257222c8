"""Local commands about the terminal itself: help, history, variables, aliases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polarnight.ophidia.errors import BadValue, nearest
from polarnight.ophidia.terminal.commands.declaration import (
    LOCAL,
    Leave,
    local,
    named_value,
    no_words,
    one_word,
)

if TYPE_CHECKING:
    from polarnight.ophidia.terminal.shell import Shell

__all__: list[str] = []


@local("help [command|operator|variable|alias]", "Show what there is, or how one thing is used.")
def _help(shell: Shell, text: str) -> int:
    from polarnight.ophidia.terminal.helping import help_lines

    for line in help_lines(shell, text.strip()):
        shell.display.plain(line)
    return 0


@local("version", "Show the version.")
def _version(shell: Shell, text: str) -> int:
    from polarnight import __version__

    no_words(text, "version")
    shell.display.line(f"Polarnight {__version__}, terminal in the manner of Ophidia 1.9")
    return 0


@local("warranty", "Show what is warranted.")
def _warranty(shell: Shell, text: str) -> int:
    no_words(text, "warranty")
    shell.display.line(
        "Polarnight comes as it is, without warranty of any kind, express or implied."
    )
    return 0


@local("conditions", "Show under which conditions it may be used and passed on.")
def _conditions(shell: Shell, text: str) -> int:
    no_words(text, "conditions")
    shell.display.line(
        "Polarnight is free software under the BSD 3-clause licence: use it, change it, pass it\n"
        "on, with the copyright notice kept. The whole text is in the file LICENSE."
    )
    return 0


def _leave(shell: Shell, text: str) -> int:
    raise Leave


@local("quit", "Leave the terminal.")
def _quit(shell: Shell, text: str) -> int:
    return _leave(shell, text)


@local("exit", "Leave the terminal.")
def _exit(shell: Shell, text: str) -> int:
    return _leave(shell, text)


@local("clear", "Wipe the screen.")
def _clear(shell: Shell, text: str) -> int:
    no_words(text, "clear")
    if shell.display.out.isatty():
        shell.display.out.write("\x1b[H\x1b[2J")
        shell.display.out.flush()
    return 0


@local("history [-c]", "Show the lines typed so far, or forget them.")
def _history(shell: Shell, text: str) -> int:
    if text.strip() == "-c":
        shell.forget()
        return 0
    no_words(text, "history")
    for number, line in enumerate(shell.history, 1):
        shell.display.plain(f"{number:5d}  {line}")
    return 0


@local("env", "Show all variables.")
def _env(shell: Shell, text: str) -> int:
    no_words(text, "env")
    for name, value in shell.environment.shown():
        shell.display.plain(f"{name}={value}")
    return 0


@local("setenv NAME=value", "Set a variable; $NAME stands for it in every line.")
def _setenv(shell: Shell, text: str) -> int:
    name, value = named_value(text, "setenv")
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
    name = one_word(text, "unsetenv")
    if name in {"OPH_SESSION_ID", "OPH_USER"}:
        msg = f"{name} belongs to the session"
        raise BadValue(msg, "new begins another one")
    shell.environment.unset(name)
    return 0


@local("getenv NAME", "Show a variable.")
def _getenv(shell: Shell, text: str) -> int:
    name = one_word(text, "getenv")
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
    name, meaning = named_value(text, "setalias")
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", name) or name in LOCAL or name.startswith("oph_"):
        msg = f"{name[:60]!r} cannot be the name of an alias"
        raise BadValue(msg, "use letters, digits and _, and no name of a command")
    if not meaning:
        msg = f"setalias: {name} would stand for nothing"
        raise BadValue(msg, f"unsetalias {name} removes it")
    shell.aliases[name] = meaning
    return 0


def _known_alias(shell: Shell, text: str, command: str) -> str:
    name = one_word(text, command)
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
        no_words(text, "update")
    shell.display.line(f"{len(operator_names())} operators are known; all are up to date")
    return 0
