"""What all raw headers tell alike: size, time, exposure, binning, pointing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from polarnight.frames import ImageType
from polarnight.instruments.keywords import HeaderReader, degrees_from_text
from polarnight.instruments.times import jd_from_isot

if TYPE_CHECKING:
    from collections.abc import Collection

    from polarnight.instruments.base import Detector
    from polarnight.instruments.declaration import Keywords

__all__ = [
    "SECONDS",
    "SECONDS_PER_DAY",
    "airmass",
    "binning",
    "exposure_time",
    "image_size",
    "johnson_cousins",
    "julian_date",
    "leading_number",
    "pointing",
    "response",
    "to_start",
    "window_origin",
]

SECONDS_PER_DAY: Final = 86400.0
SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}
"""Seconds of the units that an exposure time may be written in."""

_FIRST_JD, _LAST_JD = 2_400_000.5, 2_500_000.5  # 1858 to 2132
_MJD_ZERO: Final = 2_400_000.5
# Beyond these a value is a mistake of the header, whatever the instrument.
_LARGEST_BINNING = 64
_FARTHEST_PIXEL = 1_000_000
_GAINS = (1e-3, 1e3)  # electrons per ADU
_LARGEST_NOISE = 1e4  # electrons

_SYSTEM: Final = re.compile(
    r"(?:Bessell?|Johnson|John|Cousins|Cous)\s*[-_]?\s*([UBVRI])", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?|[+-]?\.\d+", re.ASCII)


def johnson_cousins(text: str) -> str | None:
    """Return the band of ``Johnson V``, ``BessellR``, ``Cous I`` ..., None for another text."""
    match = _SYSTEM.fullmatch(text.strip())
    return None if match is None else match.group(1).upper()


def leading_number(text: str) -> float | None:
    """Return the number that a text such as ``22.5 deg`` begins with, else None."""
    match = _NUMBER.match(text.strip())
    return None if match is None else float(match.group())


def image_size(reader: HeaderReader, bitpix: Collection[int], name: str) -> tuple[int, int]:
    """Return width and height of the image in pixels.

    Raises
    ------
    BadFrame
        Where the unit has not two axes, other pixels than the instrument writes, or none.
    """
    naxis = reader.required_number(["NAXIS"], "number of axes")
    if naxis != 2:
        raise reader.fail(f"NAXIS = {naxis:g}, a frame has 2 axes", "not a frame")
    written = reader.required_number(["BITPIX"], "pixel type")
    if written not in bitpix:
        kinds = " or ".join(
            f"{'integers' if bits > 0 else 'reals'} of {abs(bits)} bits" for bits in bitpix
        )
        raise reader.fail(
            f"BITPIX = {written:g}, but raw frames of {name} are {kinds}",
            "give the raw file, not a product",
        )
    width = int(reader.required_number(["NAXIS1"], "width"))
    height = int(reader.required_number(["NAXIS2"], "height"))
    if width < 1 or height < 1:
        raise reader.fail(f"the image is empty (NAXIS1 = {width}, NAXIS2 = {height})")
    return width, height


def exposure_time(
    reader: HeaderReader, keys: tuple[str, ...], imgtype: ImageType, unit: str = "s"
) -> float:
    """Return the exposure time in seconds; 0 for a bias that tells none.

    Parameters
    ----------
    reader : HeaderReader
    keys : tuple of str
    imgtype : ImageType
    unit : {"s", "ms", "us", "min"}
        Of the number in the header.
    """
    exptime = reader.number(keys)
    if exptime is None and imgtype is ImageType.BIAS:
        return 0.0
    exptime = reader.required_number(keys, f"exposure time ({unit})") * SECONDS[unit]
    if exptime < 0:
        raise reader.fail(f"{keys[0]} = {exptime:g} s is negative", "correct the header")
    if exptime == 0 and imgtype is ImageType.LIGHT:
        raise reader.fail(
            f"{keys[0]} = 0 s: no light falls into no time", "correct the header, or the type"
        )
    if exptime > SECONDS_PER_DAY:
        raise reader.fail(f"{keys[0]} = {exptime:g} s is longer than a day", "correct the header")
    return exptime


def julian_date(reader: HeaderReader, keys: Keywords) -> float:
    """Return the UTC Julian date that the header gives.

    In order: a Julian date, a modified one, a date with the time of day in it or in another
    keyword.
    """
    for names, zero in ((keys.jd, 0.0), (keys.mjd, _MJD_ZERO)):
        number = reader.number(names)
        if number is None:
            continue
        if not _FIRST_JD < number + zero < _LAST_JD:
            raise reader.fail(
                f"{names[0]} = {number:.5f} is no {'modified ' if zero else ''}Julian date of an "
                f"observation",
                "correct the header",
            )
        return number + zero
    text = reader.required_text(keys.date_obs, "time of start (UTC)")
    remedy = "write it as YYYY-MM-DDThh:mm:ss (UTC)"
    try:
        jd = jd_from_isot(text, _seconds_of_day(reader, keys))
    except ValueError as error:
        raise reader.fail(f"{' or '.join(keys.date_obs)}: {error}", remedy) from error
    if not _FIRST_JD < jd < _LAST_JD:
        raise reader.fail(
            f"{' or '.join(keys.date_obs)}: {text!r} is no time of an observation", remedy
        )
    return jd


def _seconds_of_day(reader: HeaderReader, keys: Keywords) -> float | None:
    key, written = reader.value(keys.time_of_day)
    if written is None:
        return reader.number(keys.seconds_of_day)
    hours = degrees_from_text(written) if ":" in str(written) or " " in str(written) else None
    if hours is None or not 0.0 <= hours < 24.0:
        raise reader.fail(f"{key} = {written!r} is no time of day", "write it as hh:mm:ss (UTC)")
    return 3600.0 * hours


def to_start(jd: float, exptime: float, moment: Literal["start", "middle", "end"]) -> float:
    """Return the start of an exposure from the date of its start, middle or end."""
    fraction = {"start": 0.0, "middle": 0.5, "end": 1.0}[moment]
    return jd - fraction * exptime / SECONDS_PER_DAY


def binning(reader: HeaderReader, keys: Keywords) -> tuple[int, int]:
    """Return the binning (x, y): of one axis as of the other, and 1 where the header tells none."""
    values = []
    for names, others in (
        (keys.binning_x, keys.binning_y),
        (keys.binning_y, keys.binning_x),
    ):
        value = reader.number(names) or reader.number(others) or 1.0
        if not 1 <= value <= _LARGEST_BINNING or value != int(value):
            raise reader.fail(f"{names[0]} = {value:g} is no binning", "correct the header")
        values.append(int(value))
    return values[0], values[1]


def window_origin(reader: HeaderReader, keys: Keywords) -> tuple[int, int]:
    """Return the first pixel (x, y) of a window, (0, 0) where the header tells none."""
    values = []
    for names in (keys.origin_x, keys.origin_y):
        value = reader.number(names) or 0.0
        if not 0 <= value <= _FARTHEST_PIXEL or value != int(value):
            raise reader.fail(
                f"{names[0]} = {value:g} is no first pixel of a window", "correct the header"
            )
        values.append(int(value))
    return values[0], values[1]


def response(
    reader: HeaderReader, keys: Keywords, declared: Detector
) -> tuple[float, float, float, float]:
    """Return gain, read noise, saturation and end of linearity, the header's where it has them."""
    gain = reader.number(keys.gain)
    gain = declared.gain if gain is None or gain <= 0 else gain
    if not _GAINS[0] <= gain <= _GAINS[1]:
        raise reader.fail(
            f"{' or '.join(keys.gain)} = {gain:g} electrons per ADU cannot be",
            "correct the header",
        )
    noise = reader.number(keys.read_noise)
    noise = declared.read_noise if noise is None or noise <= 0 else noise
    if noise > _LARGEST_NOISE:
        raise reader.fail(
            f"{' or '.join(keys.read_noise)} = {noise:g} electrons cannot be",
            "correct the header",
        )
    well = reader.number(keys.full_well)
    saturation = declared.saturation
    if well is not None and well > 0:
        saturation = min(saturation, well / gain)
    return gain, noise, saturation, min(declared.nonlinear, saturation)


def pointing(reader: HeaderReader, keys: Keywords) -> tuple[float | None, float | None]:
    """Return right ascension and declination in degrees, (None, None) where they say nothing."""
    dec = degrees_from_text(reader.value(keys.dec)[1])
    ra = degrees_from_text(reader.value(keys.ra_degrees)[1])
    hours = degrees_from_text(reader.value(keys.ra_hours)[1])
    if ra is None and hours is None:
        written = reader.value(keys.ra)[1]
        # A plain number is in degrees, a sexagesimal text in hours.
        if isinstance(written, str) and not _NUMBER.fullmatch(written.strip()):
            hours = degrees_from_text(written)
        else:
            ra = degrees_from_text(written)
    if hours is not None:
        # Degrees have been written where hours belong; above 24 there is no doubt.
        ra = hours * 15.0 if 0.0 <= hours < 24.0 else hours
    if ra is None or dec is None or not (0.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0):
        return None, None
    return ra % 360.0, dec


def airmass(reader: HeaderReader, keys: Keywords) -> float | None:
    """Return the airmass, None where the header has none that can be."""
    value = degrees_from_text(reader.value(keys.airmass)[1])
    return value if value is not None and value >= 1.0 else None
