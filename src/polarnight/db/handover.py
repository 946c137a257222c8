"""Handing work over to the pipeline, which stands on a higher floor."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from polarnight.errors import ConfigError

__all__ = ["hand_over", "register"]

_hooks: dict[str, Callable[..., Any]] = {}


def register(name: str, function: Callable[..., Any]) -> None:
    """Let `function` do the work called `name`, in place of the pipeline's own."""
    _hooks[name] = function


def hand_over(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call the function `name` of the pipeline.

    Parameters
    ----------
    name : str
        A registered name, else a function of `polarnight.pipeline`.
    *args, **kwargs
        Handed on.

    Raises
    ------
    ConfigError
        Where the pipeline offers no such function.
    """
    function = _hooks.get(name)
    if function is None:
        pipeline = importlib.import_module("polarnight.pipeline")
        function = getattr(pipeline, name, None)
    if function is None:
        msg = f"the pipeline offers no {name!r}"
        raise ConfigError(msg)
    return function(*args, **kwargs)
