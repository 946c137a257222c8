"""The number types of Ophidia and what they are here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.frames import Bit

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["OPH_TYPES", "arithmetic_type", "cast", "is_type_text", "oph_name", "type_of"]

OPH_TYPES: Final[dict[str, np.dtype[Any]]] = {
    "oph_byte": np.dtype(np.int8),
    "oph_short": np.dtype(np.int16),
    "oph_int": np.dtype(np.int32),
    "oph_long": np.dtype(np.int64),
    "oph_float": np.dtype(np.float32),
    "oph_double": np.dtype(np.float64),
}
"""As `polarnight.ophidia.language.types` has them; with the prefix of queries."""

_WIDEST_SHORT: Final = 2


def is_type_text(text: str) -> bool:
    """Tell whether a text stands where primitives have their types: ``'oph_int|oph_float'``."""
    return all(_known(part) for part in text.replace(",", "|").split("|"))


def _known(part: str) -> bool:
    part = part.strip().lower()
    return not part or part in OPH_TYPES or part.startswith("oph_complex")


def type_of(text: str) -> np.dtype[Any] | None:
    """Return the numpy type of one name of Ophidia, None of an empty one.

    Raises
    ------
    KeyError
        For complex types and unknown names.
    """
    text = text.strip().lower()
    return OPH_TYPES[text] if text else None


def oph_name(dtype: np.dtype[Any]) -> str:
    """Return the smallest type of Ophidia that holds all values of a numpy type."""
    for name, candidate in OPH_TYPES.items():
        if np.can_cast(dtype, candidate, "safe"):
            return name
    return "oph_long" if dtype.kind in "iu" else "oph_double"


def arithmetic_type(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which arithmetic is done.

    float32 where it holds all values of all types exactly (of one and two bytes, and
    float32), else float64: integers never divide as integers.
    """
    exact = all(
        dtype.kind == "b"
        or (dtype.kind in "iu" and dtype.itemsize <= _WIDEST_SHORT)
        or (dtype.kind == "f" and dtype.itemsize <= np.dtype(np.float32).itemsize)
        for dtype in dtypes
    )
    return np.dtype(np.float32 if exact else np.float64)


def cast(
    data: npt.NDArray[Any], dtype: np.dtype[Any], missing: float | None = None
) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint16] | None]:
    """Change the type of numbers; towards zero for integers, as C does.

    Parameters
    ----------
    data : ndarray
    dtype : dtype
        Values outside of the range of an integer type become its nearest.
    missing : float, optional
        What stands for not a number; 0 in integers unless given.

    Returns
    -------
    data : ndarray of `dtype`
    bits : ndarray of uint16 or None
        `Bit.NO_DATA` where a missing value became a number that does not tell; None where
        that cannot be.
    """
    if missing is not None and math.isnan(missing):
        missing = None
    if data.dtype == dtype and missing is None:
        return data, None
    if dtype.kind == "f":
        changed = data.astype(dtype)
        if missing is not None:
            changed[np.isnan(changed)] = missing
        return changed, None
    limits = np.iinfo(dtype)
    if data.dtype.kind in "iub":
        return np.clip(data, limits.min, limits.max).astype(dtype), None
    lost = np.isnan(data)
    # The largest integers of 64 bits are not floats: those beyond are set after the cast.
    beyond = data >= float(limits.max)
    kept = np.where(lost | beyond, 0.0, np.maximum(data, float(limits.min)))
    changed = np.trunc(kept).astype(dtype)
    changed[beyond] = limits.max
    if missing is not None:
        changed[lost] = np.clip(missing, limits.min, limits.max)
        return changed, None
    # Also where nothing is lost, so that all blocks of a cube have bits or none has.
    return changed, np.where(lost, np.uint16(Bit.NO_DATA), np.uint16(0))
