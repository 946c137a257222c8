"""How the pixels of a frame lie in a file or in memory, and their values.

The value of a pixel is a float32: of an integer or float as it stands, the nearest
float32; of a scaled one ``raw * BSCALE + BZERO`` in float64, rounded once. A blank is
not a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["KERNEL_FORMAT", "PixelFormat"]

KERNEL_FORMAT = np.dtype(
    [
        ("type", np.int32),
        ("swap", np.int32),
        ("has_blank", np.int32),
        ("scaled", np.int32),
        ("blank", np.int64),
        ("bscale", np.float64),
        ("bzero", np.float64),
    ],
    align=True,
)
"""``pn_format`` of the kernels."""

_CODES = {"u1": 0, "i2": 1, "u2": 2, "i4": 3, "i8": 4, "f4": 5, "f8": 6}

_UNSIGNED = {("i2", 2.0**15): "u2", ("i4", 2.0**31): "u4", ("i8", 2.0**63): "u8"}


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """Stored type, byte order and scaling of pixels.

    Parameters
    ----------
    stored : numpy.dtype
        Type as stored, with its byte order; one of u1, i2, u2, i4, i8, f4, f8.
    bscale, bzero : float
        Value is ``stored * bscale + bzero``.
    blank : int or None
        Stored integer that means "no measurement".

    Raises
    ------
    TypeError
        Where the type is none of these.
    """

    stored: np.dtype[np.generic]
    bscale: float = 1.0
    bzero: float = 0.0
    blank: int | None = None

    def __post_init__(self) -> None:
        if self.code not in _CODES:
            msg = f"pixels of type {self.stored} are not understood"
            raise TypeError(msg)

    @property
    def code(self) -> str:
        """Kind and size, such as ``"i2"``."""
        return f"{self.stored.kind}{self.stored.itemsize}"

    @property
    def scaled(self) -> bool:
        """Whether stored values are not yet the values."""
        return self.bscale != 1.0 or self.bzero != 0.0

    @property
    def blanked(self) -> bool:
        """Whether an integer stands for no measurement."""
        return self.blank is not None and self.stored.kind in "iu"

    @property
    def native(self) -> np.dtype[np.generic]:
        """The type that holds the values exactly: ``uint16`` for 16 bits with BZERO 32768.

        Float32 where integers are scaled otherwise or may be blank.
        """
        if self.blanked:
            return np.dtype(np.float32)
        if not self.scaled:
            return self.stored.newbyteorder("=")
        unsigned = _UNSIGNED.get((self.code, self.bzero)) if self.bscale == 1.0 else None
        return np.dtype(unsigned or np.float32)

    def to_kernel(self) -> tuple[int, int, int, int, int, float, float]:
        """Return the row of `KERNEL_FORMAT`."""
        return (
            _CODES[self.code],
            int(not self.stored.isnative),
            int(self.blanked),
            int(self.scaled),
            self.blank if self.blank is not None and self.blanked else 0,
            self.bscale,
            self.bzero,
        )

    def values(self, stored: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """Return float32 values of stored pixels; blanks are not a number."""
        with np.errstate(over="ignore", invalid="ignore"):
            if self.scaled:
                wide = stored.astype(np.float64)
                values = (wide * self.bscale + self.bzero).astype(np.float32)
            else:
                values = stored.astype(np.float32)
        if self.blanked:
            values[stored == self.blank] = np.nan
        return values

    def exact(self, stored: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return the values in the type `native`."""
        native = self.native
        if native.kind == "f" and (self.scaled or self.blanked):
            return self.values(stored)
        if not self.scaled:
            return stored.astype(native)
        # Adding half of the range to a signed integer is turning its highest bit over.
        half = native.type(2 ** (8 * native.itemsize - 1))
        return np.bitwise_xor(stored.astype(self.stored.newbyteorder("=")).view(native), half)
