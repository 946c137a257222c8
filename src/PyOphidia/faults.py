"""Everything that goes wrong is one RuntimeError with a text; where it went wrong is in the log."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from polarnight.errors import PolarnightError
from polarnight.ophidia.errors import refused_by_machine

__all__ = ["OphidiaWarning", "plain", "plainly", "warn"]

_LOG = logging.getLogger("polarnight.ophidia.python")
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class OphidiaWarning(UserWarning):
    """A command was carried out, but not all of it meant something."""


@contextmanager
def plainly(what: str) -> Iterator[None]:
    """Make every error a RuntimeError that says in one line what went wrong.

    Parameters
    ----------
    what : str
        What was being done, for errors that nobody foresaw.

    Raises
    ------
    RuntimeError
    """
    try:
        yield
    except Warning:
        raise  # where warnings are errors
    except PolarnightError as error:
        raise RuntimeError(str(error)) from error
    except Exception as error:
        if type(error) is RuntimeError:
            raise  # one of ours; RecursionError and its like are not
        if (known := refused_by_machine(error)) is not None:
            raise RuntimeError(str(known)) from error
        # No user can do anything with our traceback: the log has it.
        _LOG.error("%s", what, exc_info=error)
        told = " ".join(str(error).split())[:300]
        msg = f"{what}: {type(error).__name__}: {told} (unforeseen; the log says where)"
        raise RuntimeError(msg) from None


def plain(method: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Make a method raise as `plainly` does."""

    @wraps(method)
    def called(*given: _Given.args, **named: _Given.kwargs) -> _Result:
        with plainly(method.__name__):
            return method(*given, **named)

    return called


def warn(texts: Iterable[str]) -> None:
    """Pass on what an answer warns of, each sentence once."""
    for text in dict.fromkeys(texts):
        warnings.warn(text, OphidiaWarning, stacklevel=_depth())


def _depth() -> int:
    """Return how many frames up the user's own code is."""
    frame, depth = inspect.currentframe(), 0
    while frame is not None and _ours(frame.f_globals.get("__name__", "")):
        frame, depth = frame.f_back, depth + 1
    return max(depth, 1)


def _ours(name: str) -> bool:
    return name.startswith("PyOphidia") or name == "contextlib"
