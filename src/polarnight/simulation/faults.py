"""Spoiling raw files on request, the ways they are spoilt in life."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FAULTS", "apply_fault"]


def _truncated(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as handle:
        handle.truncate(size * 2 // 3)


def _zero_byte(path: Path) -> None:
    path.write_bytes(b"")


def _edit(path: Path, change: Callable[[Any, Any], Any]) -> None:
    from astropy.io import fits

    # As unsigned integers: BZERO is written again with them, and would be lost without.
    with fits.open(path, memmap=False) as hdus:
        header, data = hdus[0].header, hdus[0].data
    changed = change(header, data)
    fits.PrimaryHDU(data if changed is None else changed, header).writeto(path, overwrite=True)


def _wrong_bitpix(path: Path) -> None:
    """Write BITPIX = 24, which FITS does not have."""
    raw = path.read_bytes()
    card = b"BITPIX  =                   16"
    path.write_bytes(raw.replace(card, b"BITPIX  =                   24", 1))


def _float_pixels(path: Path) -> None:
    from astropy.io import fits

    data, header = fits.getdata(path).astype(np.float32), fits.getheader(path)
    for key in ("BZERO", "BSCALE"):
        header.remove(key, ignore_missing=True)
    fits.PrimaryHDU(data, header).writeto(path, overwrite=True)


def _without(*keys: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        def change(header: Any, data: Any) -> None:
            for key in keys:
                header.remove(key, ignore_missing=True)

        _edit(path, change)

    return spoil


def _with(**values: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        def change(header: Any, data: Any) -> None:
            for key, value in values.items():
                if key in header:
                    header[key] = value

        _edit(path, change)

    return spoil


def _all_nan(path: Path) -> None:
    """Make every pixel BLANK: the integer way of writing not-a-number."""

    def change(header: Any, data: Any) -> Any:
        header["BLANK"] = -32768  # of the stored integer, which is 0 with BZERO
        return np.zeros_like(data)

    _edit(path, change)


def _saturated(path: Path) -> None:
    def change(header: Any, data: Any) -> Any:
        return np.full_like(data, 65535)

    _edit(path, change)


def _wrong_pointing(path: Path) -> None:
    """Move the pointing by 0.3 degrees in declination."""

    def change(header: Any, data: Any) -> None:
        if "OBJCTDEC" in header:
            sign_degrees, minutes, seconds = header["OBJCTDEC"].split()
            total = abs(int(sign_degrees)) * 60 + int(minutes) + 18
            header["OBJCTDEC"] = f"{sign_degrees[0]}{total // 60:02d} {total % 60:02d} {seconds}"
        else:
            header["DEC"] = round(header["DEC"] + 0.3, 6)

    _edit(path, change)


def _swapped_pointing(path: Path) -> None:
    """Write hours where degrees belong, or degrees where hours belong."""

    def change(header: Any, data: Any) -> None:
        if "OBJCTRA" in header:
            hours, minutes, seconds = (float(v) for v in header["OBJCTRA"].split())
            header["OBJCTRA"] = f"{15.0 * (hours + minutes / 60.0 + seconds / 3600.0):.5f}"
        else:
            header["RA"] = round(header["RA"] / 15.0, 6)

    _edit(path, change)


FAULTS: Final = MappingProxyType[str, Callable[["Path"], None]](
    {
        "truncated": _truncated,
        "zero_byte": _zero_byte,
        "wrong_bitpix": _wrong_bitpix,
        "float_pixels": _float_pixels,
        "missing_exptime": _without("EXPTIME", "EXPOSURE"),
        "missing_filter": _without("FILTER", "INSFLNAM"),
        "missing_date": _without("JD", "DATE-OBS"),
        "unknown_filter": _with(FILTER="Xray", INSFLNAM="Xray"),
        "wrong_telescope": _with(TELESCOP="elsewhere"),
        "all_nan": _all_nan,
        "saturated": _saturated,
        "wrong_pointing": _wrong_pointing,
        "swapped_pointing": _swapped_pointing,
        "empty_pointing": _with(OBJCTRA="", OBJCTDEC="", RA="", DEC=""),
        # No light of stars; done while rendering, not to the file.
        "no_stars": lambda path: None,
    }
)
"""What can be done to a raw file, by name."""


def apply_fault(path: Path, kind: str) -> None:
    """Spoil one raw file.

    Raises
    ------
    ConfigError
        Where there is no such fault.
    """
    if kind not in FAULTS:
        msg = f"no fault {kind!r}; there are: {', '.join(FAULTS)}"
        raise ConfigError(msg)
    FAULTS[kind](path)
