"""What a user types into the console: short words, and what may follow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from polarnight.ophidia.state import State
from polarnight.ophidia.terminal.aliases import PREDEFINED, expand_alias
from polarnight.ophidia.terminal.completion import Candidate, complete
from polarnight.ophidia.transport.local import Local

if TYPE_CHECKING:
    from polarnight.ophidia.server import Server
    from polarnight.ophidia.terminal.shell import Shell

__all__ = ["ALIASES", "as_command", "completions"]

ALIASES = {name: text for name, text in PREDEFINED.items() if text.startswith("oph_")}
"""Short words of the terminal that stand for commands."""

# Those of the terminal read files of the machine it runs on; here that is the server.
_LOCAL = re.compile(r"\s*(watch\b|[./])")


def as_command(line: str) -> str:
    """Return the command that a line stands for.

    Raises
    ------
    BadValue
        For a quote that is never closed.
    """
    word, _, rest = line.strip().partition(" ")
    text = ALIASES.get(word)
    return line.strip() if text is None else expand_alias(text, rest.strip())


@dataclass
class _Environment:
    """What completion asks of the environment of a terminal."""

    place: State
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {
            "OPH_DATACUBE": self.place.cube,
            "OPH_CWD": self.place.cwd,
            "OPH_CDD": self.place.cdd,
        }

    def state(self) -> State:
        """Return where the client is."""
        return replace(self.place)


@dataclass
class _Typing:
    """What completion asks of a terminal."""

    server: Server
    environment: _Environment
    aliases: dict[str, str] = field(default_factory=lambda: dict(ALIASES))
    local: dict[str, Any] = field(default_factory=dict)
    transport: Any = None


def completions(server: Server, line: str, place: State) -> list[Candidate]:
    """Return what may follow a line up to the cursor; no command is run.

    Parameters
    ----------
    server : Server
        That of the user, at the site.
    line : str
        Up to the cursor.
    place : State
        Where the client is.
    """
    if _LOCAL.match(line):
        return []
    shell = _Typing(server, _Environment(place), transport=Local(server))
    return complete(cast("Shell", shell), line)
