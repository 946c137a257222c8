"""`dask.array` without the packages it imports only to know their types.

It tries xarray (and with it pandas), scipy.sparse and scipy.fftpack when it is imported, and
does without where they are not installed. They take longer to import and more memory than all
the rest, in every worker; the engine hands dask numpy arrays alone. So they are not found while
dask.array is imported the first time, by the importing thread, unless they are there already.
Conversion to xarray works as ever: that package knows dask, not the other way about.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

__all__ = ["da"]

_NOT_NEEDED: Final = frozenset({"xarray", "scipy.sparse", "scipy.fftpack"})


class _NotNeeded:
    """Finder that says of some packages that they are not there."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if name in _NOT_NEEDED and threading.get_ident() == self._thread:
            msg = f"{name} is not needed to import dask.array"
            raise ModuleNotFoundError(msg, name=name)
        return None


def _import() -> Any:
    if "dask.array" in sys.modules:
        return sys.modules["dask.array"]
    finder = _NotNeeded()
    sys.meta_path.insert(0, finder)
    try:
        import dask.array
    finally:
        sys.meta_path.remove(finder)
    return dask.array


da: Any = _import()
"""The module `dask.array`."""
