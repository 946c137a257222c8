"""How a local command is declared, and reads what follows its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.terminal.aliases import words_of

if TYPE_CHECKING:
    from polarnight.ophidia.terminal.shell import Shell

__all__ = ["LOCAL", "Leave", "LocalCommand", "local", "named_value", "no_words", "one_word"]


class Leave(Exception):
    """The user wants to go."""


@dataclass(frozen=True, slots=True)
class LocalCommand:
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


LOCAL: dict[str, LocalCommand] = {}
_Run = Callable[["Shell", str], int]


def local(usage: str, text: str) -> Callable[[_Run], _Run]:
    """Make a function a local command; its name is the first word of `usage`."""

    def known(run: _Run) -> _Run:
        name = usage.split()[0]
        LOCAL[name] = LocalCommand(name, usage, text, run)
        return run

    return known


def no_words(text: str, name: str) -> None:
    """Refuse what follows a command that takes nothing."""
    if text.strip():
        msg = f"{name}: {text.strip()[:60]!r} is too much"
        raise BadValue(msg, f"type {LOCAL[name].usage}")


def one_word(text: str, name: str) -> str:
    """Return the one name that follows a command."""
    words = words_of(text)
    if len(words) != 1:
        msg = f"{name}: one name is needed"
        raise BadValue(msg, f"type {LOCAL[name].usage}")
    return words[0].removeprefix("$")


def named_value(text: str, name: str) -> tuple[str, str]:
    """Return name and value of the ``NAME=value`` that follows a command."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        msg = f"{name}: {text.strip()[:60]!r} is not of the form NAME=value"
        raise BadValue(msg, f"type {LOCAL[name].usage}")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key.strip(), value
