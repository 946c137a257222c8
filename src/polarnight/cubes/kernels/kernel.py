"""The job sheet of the compiled combine kernel, and its call."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CENTRES", "CombineJob", "address"]

_CENTRES = (
    *("mean", "median", "min", "max", "sum", "count", "var", "std", "mad", "quantile"),
    *("arg_min", "arg_max", "cmoment", "acmoment", "rmoment", "armoment"),
)

CENTRES = {name: code for code, name in enumerate(_CENTRES)}
"""Codes of the kernels for what is made of the values kept."""


class CombineJob(ctypes.Structure):
    """``pn_combine_job`` of the kernels.

    New fields go to the end: an older library does not look there.
    """

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("n", "rows", "nx")),
        *((name, ctypes.c_void_p) for name in ("src", "row_bytes", "format")),
        *((name, ctypes.c_void_p) for name in ("bias", "dark", "dark_scale", "scale")),
        *((name, ctypes.c_void_p) for name in ("bits", "variance", "variance_scale", "factor")),
        *((name, ctypes.c_void_p) for name in ("network", "shorter")),
        *((name, ctypes.c_int64) for name in ("n_network", "n_shorter")),
        ("scratch", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in ("value", "out_variance", "count", "out_bits")),
        *((name, ctypes.c_float) for name in ("saturation", "nsigma", "min_sigma")),
        *((name, ctypes.c_int32) for name in ("unusable", "method", "reject_low")),
        *((name, ctypes.c_int32) for name in ("reject_high", "max_iterations")),
        *((name, ctypes.c_double) for name in ("parameter", "saturation_double")),
        *((name, ctypes.c_double) for name in ("nsigma_double", "min_sigma_double")),
    ]


def address(array: npt.NDArray[Any] | None) -> int | None:
    """Return where an array begins; None (a null pointer) for none."""
    return None if array is None else int(array.ctypes.data)
