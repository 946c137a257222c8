"""When combined frames began, ended, and where the middle of their light is.

Times are those of the TIMESYS of the frames; of UTC, a leap second between them is not counted.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from polarnight.cubes.metadata import Metadata

__all__ = ["TIMES", "number_of", "with_dates"]

TIMES: Final = ("EXPTIME", "EXPOSURE", "XPOSURE")
"""Keys of the exposure time in seconds, the most usual first."""

_BEGINNING: Final = (
    *("DATE-OBS", "DATE-BEG", "TIME-OBS", "UT", "UTC", "UTSTART", "UT-OBS", "MJD-OBS", "MJD-BEG"),
    *("JD", "JD-OBS", "TSTART"),
)
_CLOCKS: Final = ("TIME-OBS", "UTSTART", "UT-OBS", "UT", "UTC")
_MJD_EPOCH: Final = datetime.datetime(1858, 11, 17)  # in whatever TIMESYS says
_DAY: Final = datetime.timedelta(days=1)


def number_of(frame: Metadata, key: str) -> float | None:
    """Return a finite number of a header, or None."""
    value = frame.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def with_dates(made: Metadata, frames: Sequence[Metadata]) -> Metadata:
    """Return the header of combined frames with the dates of all of them.

    Parameters
    ----------
    made : Metadata
        Of the first frame, or of a stack.
    frames : sequence of Metadata
        Nothing is changed where one of them does not say when it began.
    """
    starts = [_moment(frame) for frame in frames]
    if made.get("DATE-OBS") is None or any(start is None for start in starts):
        return made
    begun = [start for start in starts if start is not None]
    earliest = frames[begun.index(min(begun))]
    # A card that was changed by hand stays where the first frame is the earliest.
    if earliest is not frames[0]:
        for key in _BEGINNING:
            if made.get(key) is not None and earliest.get(key) is not None:
                made = made.with_card(key, earliest[key])
    times = [next((t for k in TIMES if (t := number_of(f, k)) is not None), None) for f in frames]
    if any(time is None for time in times):
        return made
    lengths = [datetime.timedelta(seconds=time or 0.0) for time in times]
    ends = [
        _date(frame.get("DATE-END")) or start + length
        for frame, start, length in zip(frames, begun, lengths, strict=True)
    ]
    middles = [
        _date(frame.get("DATE-AVG")) or start + length / 2
        for frame, start, length in zip(frames, begun, lengths, strict=True)
    ]
    weights = np.array([time or 0.0 for time in times])
    weights = weights if (weights > 0).all() else np.ones(len(frames))
    days = np.array([(middle - _MJD_EPOCH) / _DAY for middle in middles])
    # Days from the first, so that the mean keeps its digits.
    middle = float(days[0] + np.average(days - days[0], weights=weights))
    made = made.with_card("DATE-END", _written(max(ends)), "end of the last frame")
    average = _written(_MJD_EPOCH + middle * _DAY)
    made = made.with_card("DATE-AVG", average, "middle of the exposures")
    return made.with_card("MJD-AVG", round(middle, 8), "[d] middle of the exposures")


def _moment(frame: Metadata) -> datetime.datetime | None:
    """Return when an exposure began."""
    date = frame.get("DATE-OBS")
    if not isinstance(date, str):
        return None
    if "T" in date.upper():
        return _date(date)
    clock = next((c for key in _CLOCKS if isinstance(c := frame.get(key), str) and ":" in c), None)
    return None if clock is None else _date(f"{date.strip()}T{clock.strip()}")


def _date(text: Any) -> datetime.datetime | None:
    if not isinstance(text, str):
        return None
    try:
        return datetime.datetime.fromisoformat(text.strip().rstrip("Zz")).replace(tzinfo=None)
    except ValueError:
        return None


def _written(moment: datetime.datetime) -> str:
    # isoformat cuts; half a millisecond more makes it round.
    rounded = moment + datetime.timedelta(microseconds=500)
    return rounded.isoformat(timespec="milliseconds")
