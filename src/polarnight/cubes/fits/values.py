"""From stored pixels to the values of a cube, exactly.

Integers stay integers, unsigned ones too (BZERO 2^15, 2^31, 2^63; bytes with BZERO -128 are
signed). What is scaled otherwise, or may be blank, becomes floating: float32 where it holds
every value of the stored type (8 and 16 bits, float32), else float64, computed in float64
and rounded once. A blank is not a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.fits.formats import PixelFormat

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["blanks", "fill_values", "has_blanks", "value_dtype"]

_UNSIGNED = {("i2", 2.0**15): "u2", ("i4", 2.0**31): "u4", ("i8", 2.0**63): "u8"}
_SIGNED_BYTE = ("u1", -128.0)


def _integer_dtype(pixels: PixelFormat) -> np.dtype[Any] | None:
    """Return the integer type that holds the values, blanks aside; None where there is none."""
    if pixels.stored.kind == "f" or pixels.bscale != 1.0:
        return None
    if pixels.bzero == 0.0:
        return pixels.stored.newbyteorder("=")
    if (pixels.code, pixels.bzero) == _SIGNED_BYTE:
        return np.dtype(np.int8)
    unsigned = _UNSIGNED.get((pixels.code, pixels.bzero))
    return None if unsigned is None else np.dtype(unsigned)


def has_blanks(pixels: PixelFormat) -> bool:
    """Whether a stored integer means no measurement; one that the type cannot hold does not."""
    if pixels.blank is None or pixels.stored.kind == "f":
        return False
    limits = np.iinfo(pixels.code)
    return bool(limits.min <= pixels.blank <= limits.max)


def value_dtype(pixels: PixelFormat) -> np.dtype[Any]:
    """Return the type of the values."""
    integer = _integer_dtype(pixels)
    if integer is not None and not has_blanks(pixels):
        return integer
    small = pixels.stored.itemsize <= 2 or pixels.code == "f4"
    return np.dtype(np.float32 if small else np.float64)


def fill_values(
    out: npt.NDArray[Any], stored: npt.NDArray[Any], pixels: PixelFormat
) -> npt.NDArray[Any]:
    """Put the values of stored pixels into an array.

    Parameters
    ----------
    out : ndarray
        Of `value_dtype`, or of a type that holds it.
    stored : ndarray
        Of the same shape.
    pixels : PixelFormat
    """
    integer = _integer_dtype(pixels)
    own = value_dtype(pixels)
    if integer is None and pixels.scaled:
        with np.errstate(over="ignore", invalid="ignore"):
            np.copyto(out, (stored.astype(np.float64) * pixels.bscale + pixels.bzero).astype(own))
    elif integer is None or pixels.bzero == 0.0:
        np.copyto(out, stored)
    else:
        _turn_sign(out, stored, integer, exact=out.dtype == integer)
    if has_blanks(pixels):
        out[stored == pixels.blank] = np.nan
    return out


def _turn_sign(
    out: npt.NDArray[Any], stored: npt.NDArray[Any], integer: np.dtype[Any], *, exact: bool
) -> None:
    # Adding half of the range to a number in two's complement is turning its highest bit.
    native = f"{stored.dtype.kind}{stored.dtype.itemsize}"
    half = np.array([1], f"u{integer.itemsize}") << (8 * integer.itemsize - 1)
    if exact:
        np.copyto(out.view(native), stored)
        bits = out.view(half.dtype)
        np.bitwise_xor(bits, half, out=bits)
        return
    bits = stored.astype(native).view(half.dtype)
    np.copyto(out, np.bitwise_xor(bits, half).view(integer))


def blanks(stored: npt.NDArray[Any], pixels: PixelFormat) -> npt.NDArray[np.bool_]:
    """Return where stored pixels are blank."""
    if not has_blanks(pixels):
        return np.zeros(stored.shape, bool)
    found: npt.NDArray[np.bool_] = stored == pixels.blank
    return found
