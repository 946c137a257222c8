"""From a call of a method to a command, and from the answer to what the method returns."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from PyOphidia.client import Client
from PyOphidia.faults import OphidiaWarning
from PyOphidia.values import Cubes, Told, Value, text_of

__all__ = ["Calls", "Cubes", "OphidiaWarning", "Told", "Value"]

_OPERATORS: Mapping[str, str] = {
    "explore": "oph_explorecube",
    "provenance": "oph_cubeio",
    "operators": "oph_operators_list",
    "primitives": "oph_primitives_list",
}
_NOT_SENT = {"self", "more", "display"}


class Calls:
    """What all methods of a cube go through: a PID, and the client that all cubes share.

    Parameters
    ----------
    pid : str, optional
    """

    client: ClassVar[Client | None] = None
    """Shared by all cubes; set by `Cube.setclient`."""

    pid: str | None = None

    def __init__(self, *, pid: str | None = None) -> None:
        self.pid = pid

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
    def _made(cls, method: str, given: Mapping[str, Any]) -> Self:
        """Return the cube that was made."""
        client = cls._submit(method, given)
        made = client.made_cubes()
        if not made:
            msg = f"{method}: no cube was made"
            raise RuntimeError(msg)
        print(f"New cube is {made[-1]}")
        return cls(pid=made[-1])


def _is_new(key: str, value: Any, default: Any) -> bool:
    # The mode is always sent: a method that returns a cube has to wait for it.
    if key in _NOT_SENT or key == "exec_mode":
        return key not in _NOT_SENT
    return type(value) is not type(default) or bool(value != default)
