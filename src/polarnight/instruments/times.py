"""Times in headers, without astropy: UTC text to Julian date and back.

UTC Julian dates are computed as days of 86400 s; on a day with a leap second the last
second is compressed, as the FITS time standard does for JD(UTC).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

__all__ = ["isot_from_jd", "jd_from_isot"]

UNIX_EPOCH_JD: Final = 2440587.5
_DAY: Final = 86400.0
_ISOT: Final = re.compile(
    r"(\d{4})([-/])(\d{2})\2(\d{2})(?:[T ](\d{2}):(\d{2}):(\d{2}(?:\.\d*)?))?(?:Z|[+-]00:?00)?",
    re.ASCII | re.IGNORECASE,
)


def jd_from_isot(text: str, seconds_of_day: float | None = None) -> float:
    """Return the Julian date (UTC) of an ISO date with time.

    Parameters
    ----------
    text : str
        ``YYYY-MM-DDThh:mm:ss[.sss]``, or ``YYYY-MM-DD`` alone; ``/`` serves as ``-``. A zone
        may follow where it is UTC: ``Z``, ``+00:00``.
    seconds_of_day : float, optional
        Time of day where `text` has none.

    Raises
    ------
    ValueError
        Where the text is no date, or has no time and none is given.
    """
    match = _ISOT.fullmatch(text.strip())
    if match is None:
        msg = f"{text!r} is no ISO date"
        raise ValueError(msg)
    year, _, month, day, hour, minute, second = match.groups()
    days = date(int(year), int(month), int(day)).toordinal() - date(1970, 1, 1).toordinal()
    if hour is None:
        if seconds_of_day is None:
            msg = f"{text!r} has no time of day"
            raise ValueError(msg)
        seconds = seconds_of_day
    else:
        seconds = 3600.0 * int(hour) + 60.0 * int(minute) + float(second)
        if int(hour) > 23 or int(minute) > 59 or float(second) >= 61.0:
            msg = f"{text!r} is no time of day"
            raise ValueError(msg)
    return UNIX_EPOCH_JD + days + seconds / _DAY


def isot_from_jd(jd: float, digits: int = 3) -> str:
    """Return ISO date and time of a Julian date (UTC), rounded to `digits` of a second.

    A Julian date in double precision resolves 40 microseconds; more than three digits mean
    nothing.
    """
    step = 10 ** (6 - digits)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=jd - UNIX_EPOCH_JD)
    moment += timedelta(microseconds=step // 2)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return text if digits == 0 else f"{text}.{moment.microsecond // step:0{digits}d}"
