"""Compiled kernels, loaded with ctypes; nothing here knows astronomy.

The library is compiled when the package is built (see ``hatch_build.py``). Where it is
absent, callers serve themselves from a numpy reference of the same definition.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

from polarnight._native.bands import run_bands

__all__ = ["library", "run_bands", "threads"]

_LIBRARY = Path(__file__).with_name("_kernels.so")


def library() -> ctypes.CDLL | None:
    """Return the compiled kernels.

    Returns
    -------
    ctypes.CDLL or None
        None where no library was built or could be loaded, or where the environment
        variable ``POLARNIGHT_NO_NATIVE`` is set to anything but ``0``.
    """
    if os.environ.get("POLARNIGHT_NO_NATIVE", "0") not in {"", "0"}:
        return None
    return _load()


@functools.cache
def _load() -> ctypes.CDLL | None:
    if not _LIBRARY.is_file():
        return None
    try:
        kernels = ctypes.CDLL(str(_LIBRARY))
        _declare(kernels)
    except (OSError, AttributeError):  # of another machine or version; the reference serves
        return None
    return kernels


def _declare(kernels: ctypes.CDLL) -> None:
    """Say what the functions take and return."""
    kernels.pn_read_bands.restype = ctypes.c_int64
    kernels.pn_read_bands.argtypes = [
        ctypes.c_int64,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_void_p,
        ctypes.c_int64,
    ]
    kernels.pn_transpose.restype = None
    kernels.pn_transpose.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
    ]
    kernels.pn_combine_scratch.restype = ctypes.c_int64
    kernels.pn_combine_scratch.argtypes = [ctypes.c_int64]
    kernels.pn_combine_double_scratch.restype = ctypes.c_int64
    kernels.pn_combine_double_scratch.argtypes = [ctypes.c_int64]
    for name in ("pn_combine", "pn_combine_double", "pn_calibrate"):
        getattr(kernels, name).restype = None
        getattr(kernels, name).argtypes = [ctypes.c_void_p]


def threads() -> int:
    """Return how many threads a kernel may use.

    The environment variable ``POLARNIGHT_THREADS`` where it is a positive number, else
    the processors that this process may run on.
    """
    wish = os.environ.get("POLARNIGHT_THREADS", "")
    if wish.isdecimal() and int(wish) > 0:
        return int(wish)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
