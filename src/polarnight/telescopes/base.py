"""What Polarnight knows of a telescope: its site and its names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from polarnight.errors import ConfigError

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
        Geodetic, degrees, east positive; a longitude counted to 360 becomes one west.
    height : float
        Metres.

    Raises
    ------
    ConfigError
        Where the longitude or latitude is none.
    """

    name: str
    abbreviation: str
    header_values: tuple[str, ...]
    longitude: float
    latitude: float
    height: float

    def __post_init__(self) -> None:
        for name, least, greatest in (("longitude", -180, 360), ("latitude", -90, 90)):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not least <= value <= greatest:
                msg = f"the telescope {self.name}: {name} = {value!r}: give degrees"
                raise ConfigError(f"{msg} from {least} to {greatest}")
        if self.longitude > 180.0:
            # Else its nights would begin a day late.
            object.__setattr__(self, "longitude", self.longitude - 360.0)

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

    def parallactic_angle(self, ra: float, dec: float, jd_utc: float) -> float:
        """Return the position angle of the zenith as seen from a source.

        It is counted from the north of the ICRS, through east, as the position angles of
        polarization are, so that precession turns nothing against them.

        Parameters
        ----------
        ra, dec : float
            ICRS, degrees.
        jd_utc : float
            UTC Julian date.

        Returns
        -------
        float
            Degrees in [-180, 180); negative east of the meridian.

        Notes
        -----
        The zenith of the geodetic latitude is carried to the ICRS by precession and nutation
        (IAU 2006/2000A) and the sidereal time (``erfa``). UT1 is taken for UTC: within 0.9 s
        of time, 0.004 degrees of angle where the source is 45 degrees from the zenith.
        """
        import erfa

        day = math.floor(jd_utc)
        part = jd_utc - day
        tt = part + 70.0 / 86400.0  # good to seconds, by which precession does nothing
        matrix = erfa.pnm06a(day, tt)
        sidereal = erfa.gst06(day, part, day, tt, matrix) + math.radians(self.longitude)
        latitude = math.radians(self.latitude)
        zenith = matrix.T @ erfa.s2c(sidereal, latitude)
        a, d = math.radians(ra), math.radians(dec)
        east = -math.sin(a) * zenith[0] + math.cos(a) * zenith[1]
        north = -math.sin(d) * (math.cos(a) * zenith[0] + math.sin(a) * zenith[1])
        north += math.cos(d) * zenith[2]
        angle = math.degrees(math.atan2(east, north))
        return (angle + 180.0) % 360.0 - 180.0
