"""Variables of the terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from polarnight.ophidia.errors import BadValue, nearest
from polarnight.ophidia.state import State

__all__ = ["COLOURS", "KNOWN", "VIEWERS", "Environment", "Variable"]

COLOURS = ("black", "red", "green", "yellow", "blue", "purple", "cyan", "white", "none")
VIEWERS = ("dump", "basic", "coloured", "extended", "extended_coloured")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_FRIENDLY = {"cube": "OPH_DATACUBE", "cwd": "OPH_CWD", "cdd": "OPH_CDD"}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the terminal knows."""

    default: str
    text: str
    choices: tuple[str, ...] = ()
    number: bool = False
    pattern: str = ""


KNOWN: dict[str, Variable] = {
    "OPH_USER": Variable("", "Whose sessions they are."),
    "OPH_PASSWD": Variable("", "Password of a remote server."),
    "OPH_SERVER_HOST": Variable("local", "Server; local is this process."),
    "OPH_SERVER_PORT": Variable("", "Port of a remote server."),
    "OPH_TOKEN": Variable("", "Token of a remote server."),
    "OPH_SESSION_ID": Variable("", "Session."),
    "OPH_EXEC_MODE": Variable("sync", "Whether commands are waited for.", ("sync", "async")),
    "OPH_NCORES": Variable("1", "Processes of a command.", number=True),
    "OPH_CWD": Variable("/", "Folder of containers."),
    "OPH_CDD": Variable("/", "Directory of files."),
    "OPH_DATACUBE": Variable("", "Last cube."),
    "OPH_HOST_PARTITION": Variable("auto", "Kept for old commands."),
    "OPH_PROJECT": Variable("", "Kept for old commands."),
    "OPH_TIMEOUT": Variable("3600", "Seconds to wait for a remote server.", number=True),
    "OPH_TERM_PS1": Variable("red", "Colour of the prompt.", COLOURS),
    "OPH_TERM_VIEWER": Variable("basic", "How answers are shown.", VIEWERS),
    "OPH_TERM_FORMAT": Variable(
        "classic",
        "Tables of view and check.",
        ("classic", "compact", "extended", "extended_compact"),
    ),
    "OPH_TERM_IMGS": Variable("no_op", "What is done with pictures.", ("no_op", "save", "open")),
    "OPH_GRAPH_LAYOUT": Variable("vertical", "Direction of graphs."),
    "OPH_REQUEST_BUFFER": Variable("1024", "Kept for old scripts (kB).", number=True),
    "OPH_RESPONSE_BUFFER": Variable("1024", "Kept for old scripts (kB).", number=True),
    "OPH_WORKFLOW_AUTOVIEW": Variable(
        "off", "Whether a workflow in the background is shown: off, on, on_<times>_<seconds>.",
        pattern=r"off|on|on_\d{1,6}_\d{1,6}",
    ),
}  # fmt: skip
_SECRET = ("OPH_PASSWD", "OPH_TOKEN")


class Environment:
    """The variables in force.

    Parameters
    ----------
    outside : mapping, optional
        Variables of the process: ``OPH_...`` are taken over, ``OPH_TERM_USERVAR_x`` defines x.
    """

    def __init__(self, outside: Mapping[str, str] | None = None) -> None:
        self.values = {name: known.default for name, known in KNOWN.items()}
        for name, value in (os.environ if outside is None else outside).items():
            own = name.removeprefix("OPH_TERM_USERVAR_")
            if own != name and _NAME.fullmatch(own):
                self.values[own] = value
            elif name in KNOWN and value:
                self.set(name, value)

    def set(self, name: str, value: str) -> None:
        """Set a variable.

        Raises
        ------
        BadValue
            For a name that is none, or a value that the variable cannot have.
        """
        if not _NAME.fullmatch(name):
            msg = f"{name[:60]!r} cannot be the name of a variable"
            raise BadValue(msg, "use letters, digits and _, and begin with a letter")
        if known := KNOWN.get(name):
            _check(name, value, known)
        self.values[name] = value

    def unset(self, name: str) -> None:
        """Forget a variable; those of the terminal get their default back.

        Raises
        ------
        BadValue
            Where there is none.
        """
        self.get(name)
        if name in KNOWN:
            self.values[name] = KNOWN[name].default
        else:
            del self.values[name]

    def get(self, name: str) -> str:
        """Return the value of a variable.

        Raises
        ------
        BadValue
            Where there is none; names the one most like it.
        """
        name = _FRIENDLY.get(name, name) if name not in self.values else name
        if name not in self.values:
            like = nearest(name.upper(), self.values)
            msg = f"there is no variable {name[:60]!r}"
            raise BadValue(msg, f"did you mean {like}?" if like else "env shows all")
        return self.values[name]

    def shown(self) -> list[tuple[str, str]]:
        """Return all variables; what is secret is hidden."""
        hidden = {name: "********" for name in _SECRET if self.values.get(name)}
        return sorted({**self.values, **hidden}.items())

    def substitute(self, line: str) -> str:
        """Return a line with ``$NAME`` and ``${NAME}`` replaced; unknown ones become empty.

        ``$cube``, ``$cwd`` and ``$cdd`` stand for the last cube and the current places.
        """

        def one(match: re.Match[str]) -> str:
            name = match.group(1) or match.group(2)
            if name not in self.values:
                name = _FRIENDLY.get(name, name)
            return self.values.get(name, "")

        return _USE.sub(one, line)

    def state(self) -> State:
        """Return what is filled into commands."""
        return State(
            session=self.values["OPH_SESSION_ID"],
            cwd=self.values["OPH_CWD"] or "/",
            cdd=self.values["OPH_CDD"] or "/",
            cube=self.values["OPH_DATACUBE"],
            exec_mode=self.values["OPH_EXEC_MODE"] or "sync",
            ncores=int(self.values["OPH_NCORES"] or "1"),
            host_partition=self.values["OPH_HOST_PARTITION"] or "auto",
            project=self.values["OPH_PROJECT"],
        )

    def take(self, state: State) -> None:
        """Keep where a command has left the client."""
        self.values["OPH_SESSION_ID"] = state.session
        self.values["OPH_CWD"] = state.cwd
        self.values["OPH_CDD"] = state.cdd
        self.values["OPH_DATACUBE"] = state.cube


def _check(name: str, value: str, known: Variable) -> None:
    if known.choices and value not in known.choices:
        msg = f"{name} cannot be {value[:60]!r}"
        raise BadValue(msg, f"allowed: {', '.join(known.choices)}")
    fine = value.isascii() and value.isdigit() and len(value) < 10 and int(value) > 0
    if known.number and not fine:
        msg = f"{name} cannot be {value[:60]!r}"
        raise BadValue(msg, "give a whole number from 1")
    if known.pattern and not re.fullmatch(known.pattern, value):
        msg = f"{name} cannot be {value[:60]!r}"
        raise BadValue(msg, known.text)
