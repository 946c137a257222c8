"""Attributes of the client that commands change."""

from __future__ import annotations

from typing import Generic, Protocol, Self, TypeVar, overload

from polarnight.ophidia.state import State

__all__ = ["Kept", "WithState"]

_Type = TypeVar("_Type")


class WithState(Protocol):
    """Something that has a state of the server."""

    state: State


class Kept(Generic[_Type]):
    """An attribute of the client that lives in its state, where commands change it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: WithState, owner: type) -> _Type: ...
    def __get__(self, client: WithState | None, owner: type) -> Self | _Type:
        if client is None:
            return self
        value: _Type = getattr(client.state, self._name)
        return value

    def __set__(self, client: WithState, value: _Type) -> None:
        setattr(client.state, self._name, value)
