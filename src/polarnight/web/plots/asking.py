"""From the texts of an address to what is plotted."""

from __future__ import annotations

import math
from collections.abc import Sequence

from polarnight.db.sources import get_source
from polarnight.errors import ConfigError
from polarnight.web.plots.query import Selection
from polarnight.web.tables.columns import JD_OF_MJD, jd_of
from polarnight.web.tables.filters import parse_filters, parse_moment

__all__ = ["LONGEST_NAME", "mjd_of", "selection_of"]

LONGEST_NAME = 100
_MOST_BANDS = 20


def mjd_of(text: str) -> float | None:
    """Return the MJD (UTC) of an MJD or a date as text, None for an empty text.

    Raises
    ------
    ConfigError
        For anything else.
    """
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        return jd_of(parse_moment(text.strip(), "time")) - JD_OF_MJD
    if not math.isfinite(value) or abs(value) > 1e7:
        msg = f"time: {text[:40]!r} is no MJD"
        raise ConfigError(msg)
    return value


def selection_of(
    source: str,
    *,
    bands: Sequence[str] = (),
    start: str = "",
    end: str = "",
    corrected: bool = False,
    naive: bool = False,
    filters: Sequence[str] = (),
) -> Selection:
    """Return what an address asks to plot.

    Parameters
    ----------
    source : str
        A name, or another name, of the catalogue.
    bands : sequence of str
    start, end : str
        MJD or date; a date without time means its midnight (UTC).
    corrected, naive : bool
    filters : sequence of str
        As of `polarnight.web.tables.filters`.

    Raises
    ------
    ConfigError
        For what does not exist or cannot be read.
    """
    if len(source) > LONGEST_NAME or any(ord(sign) < 32 for sign in source):
        msg = f"{source[:40]!r} is no name of a source"
        raise ConfigError(msg)
    if len(bands) > _MOST_BANDS or any(len(band) > 10 or "\0" in band for band in bands):
        msg = f"at most {_MOST_BANDS} bands, with names of at most 10 signs"
        raise ConfigError(msg)
    found = get_source(source)
    return Selection(
        found, tuple(bands), mjd_of(start), mjd_of(end), corrected, naive, parse_filters(filters)
    )
