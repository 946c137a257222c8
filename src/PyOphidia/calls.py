"""From a call of a method to a command, and from the answer to what the method returns."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

if TYPE_CHECKING:
    from PyOphidia.client import Client
    from PyOphidia.cube import Cube

__all__ = ["Calls", "Cubes", "OphidiaWarning", "Told", "Value"]

Value: TypeAlias = "str | int | float | None"
"""An argument as commands know it; None leaves it out."""

Cubes: TypeAlias = "str | Cube | Iterable[str | Cube] | None"
"""PIDs joined by ``|``, a filter in brackets, a cube, or several of either."""

Told: TypeAlias = "dict[str, Any] | None"
"""The answer of an operator that only tells something: None where it was printed."""

_OPERATORS: Mapping[str, str] = {
    "explore": "oph_explorecube",
    "provenance": "oph_cubeio",
    "operators": "oph_operators_list",
    "primitives": "oph_primitives_list",
}
_NOT_SENT = {"self", "more", "display"}


class OphidiaWarning(UserWarning):
    """A command was carried out, but not all of it meant something."""


class Calls:
    """What all methods of a cube go through."""

    client: ClassVar[Client | None] = None
    """Shared by all cubes; set by `Cube.setclient`."""

    pid: str | None = None

    @classmethod
    def _connected(cls) -> Client:
        if cls.client is None:
            msg = "no client: call Cube.setclient(username, password, '', '') first"
            raise RuntimeError(msg)
        return cls.client

    @classmethod
    def _submit(cls, method: str, given: Mapping[str, Any]) -> Client:
        """Send the command of a method, with every argument that is not at its default."""
        client = cls._connected()
        usual = inspect.signature(getattr(cls, method)).parameters
        arguments = {
            key: text_of(value)
            for key, value in given.items()
            if key in usual and value is not None and _is_new(key, value, usual[key].default)
        }
        arguments |= {key: text_of(v) for key, v in given.get("more", {}).items() if v is not None}
        own = given.get("self")
        if own is not None:
            if own.pid is None:
                msg = f"{method}: this cube has no PID; make it with Cube(pid=...)"
                raise RuntimeError(msg)
            if "cubes" not in arguments:
                arguments["cube"] = own.pid
        client.command(_OPERATORS.get(method, f"oph_{method}"), arguments)
        if given.get("display"):
            client.pretty_print()
        return client

    @classmethod
    def _told(cls, method: str, given: Mapping[str, Any]) -> Told:
        """Return the answer, or None where it was printed."""
        client = cls._submit(method, given)
        return None if given.get("display") else client.deserialize_response()

    @classmethod
    def _made(cls, method: str, given: Mapping[str, Any]) -> Cube:
        """Return the cube that was made."""
        from PyOphidia.cube import Cube

        client = cls._submit(method, given)
        made = client.made_cubes()
        if not made:
            msg = f"{method}: no cube was made"
            raise RuntimeError(msg)
        print(f"New cube is {made[-1]}")
        return Cube(pid=made[-1])


def text_of(value: Any) -> str:
    """Return an argument as text: cubes by their PIDs, several of anything joined by ``|``.

    Raises
    ------
    RuntimeError
        For a cube without PID.
    """
    if isinstance(value, Calls):
        if value.pid is None:
            msg = "a cube without PID cannot be an argument; make it with Cube(pid=...)"
            raise RuntimeError(msg)
        return value.pid
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Iterable):
        return "|".join(text_of(entry) for entry in value)
    return str(value)


def warn(texts: Iterable[str]) -> None:
    """Pass on what an answer warns of, each sentence once."""
    for text in dict.fromkeys(texts):
        warnings.warn(text, OphidiaWarning, stacklevel=_depth())


def _depth() -> int:
    """Return how many frames up the user's own code is."""
    frame, depth = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith("PyOphidia"):
        frame, depth = frame.f_back, depth + 1
    return max(depth, 1)


def _is_new(key: str, value: Any, default: Any) -> bool:
    # The mode is always sent: a method that returns a cube has to wait for it.
    if key in _NOT_SENT or key == "exec_mode":
        return key not in _NOT_SENT
    return type(value) is not type(default) or bool(value != default)
