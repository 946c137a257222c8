"""Ophidia's names of number types."""

from __future__ import annotations

from typing import Any

import numpy as np

from polarnight.cubes.dimensions import DIMENSION_TYPES

__all__ = ["TYPES", "dtype_name"]

TYPES = DIMENSION_TYPES
"""Types by the names that Ophidia has for them: those of dimensions serve measures too."""


def dtype_name(dtype: Any) -> str:
    """Return the name of a type; numpy's own where Ophidia has none, such as ``uint16``."""
    wanted = np.dtype(dtype).newbyteorder("=")
    return next((name for name, one in TYPES.items() if np.dtype(one) == wanted), wanted.name)
