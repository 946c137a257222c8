"""What Polarnight knows of a telescope: its site and its names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

__all__ = ["Telescope"]

_UNIX_EPOCH_JD = 2440587.5


@dataclass(frozen=True, slots=True)
class Telescope:
    """A telescope at its site.

    Parameters
    ----------
    name : str
        Full name, as in the data directory, such as ``"OSN-T090"``.
    abbreviation : str
        Short name for the command line, such as ``"T090"``.
    header_values : tuple of str
        Values of the TELESCOP keyword that mean this telescope.
    longitude, latitude : float
        Geodetic, degrees, east positive.
    height : float
        Metres.
    """

    name: str
    abbreviation: str
    header_values: tuple[str, ...]
    longitude: float
    latitude: float
    height: float

    def night_of(self, jd_utc: float) -> date:
        """Return the date at the start of the night that a moment belongs to.

        A night runs from local mean noon to the next, so that it keeps one date.

        Parameters
        ----------
        jd_utc : float
            UTC Julian date.
        """
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=jd_utc - _UNIX_EPOCH_JD)
        local = moment + timedelta(hours=self.longitude / 15.0)
        return (local - timedelta(hours=12)).date()
