"""Operators on data cubes in the words of Ophidia, on the engine of Polarnight.

A command is a line ``oph_name key=value;key=value;``. `Server.submit` takes one, `Operator` is
what an operator is made of, and `Response` is what comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polarnight.ophidia.errors import OphidiaError

if TYPE_CHECKING:
    from polarnight.ophidia.answers.response import Response
    from polarnight.ophidia.server import Server
    from polarnight.ophidia.state import State

__all__ = ["OphidiaError", "Response", "Server", "State"]

_PLACES = {"Response": "answers.response", "Server": "server", "State": "state"}


def __getattr__(name: str) -> Any:
    # The server brings the database and the engine with it; asking for an error does not.
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(f"polarnight.ophidia.{_PLACES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
