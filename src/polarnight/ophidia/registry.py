"""The operators that are known, by name."""

from __future__ import annotations

import functools
import pkgutil
from importlib import import_module
from typing import TypeVar

from polarnight.ophidia.errors import UnknownOperator, nearest
from polarnight.ophidia.operator import Operator

__all__ = ["get_operator", "operator", "operator_names", "operators"]

_KNOWN: dict[str, type[Operator]] = {}
_Class = TypeVar("_Class", bound=type[Operator])


def operator(cls: _Class) -> _Class:
    """Make an operator known under its name; a decorator of its class.

    Raises
    ------
    ValueError
        Where another class has that name.
    """
    before = _KNOWN.get(cls.name)
    if before is not None and before.__qualname__ != cls.__qualname__:
        msg = f"two operators are called {cls.name!r}: {before} and {cls}"
        raise ValueError(msg)
    _KNOWN[cls.name] = cls
    return cls


@functools.cache
def _load() -> None:
    """Import all modules below `polarnight.ophidia.operators`, which makes theirs known."""
    package = import_module("polarnight.ophidia.operators")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)


def operators() -> dict[str, type[Operator]]:
    """Return all operators by name, sorted."""
    _load()
    return dict(sorted(_KNOWN.items()))


def operator_names() -> list[str]:
    """Return the names of all operators, sorted."""
    return list(operators())


def get_operator(name: str) -> type[Operator]:
    """Return an operator by name, whatever the case, with or without ``oph_``.

    Raises
    ------
    UnknownOperator
        Where there is none; names the one most like it.
    """
    known = operators()
    wanted = name.strip().lower()
    for candidate in (wanted, f"oph_{wanted}"):
        if candidate in known:
            return known[candidate]
    like = nearest(wanted, known)
    msg = f"there is no operator {name[:60]!r}"
    remedy = f"did you mean {like}?" if like else "oph_operators_list shows all of them"
    raise UnknownOperator(msg, remedy)
