"""Standard stars of polarimetry as targets, with a truth within the errors of the literature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from polarnight.errors import ConfigError
from polarnight.polarimetry.standards import Standard, find_standard, load_standards
from polarnight.simulation.plan import airmass
from polarnight.simulation.seeds import generator
from polarnight.simulation.targets import Target

if TYPE_CHECKING:
    from polarnight.simulation.options import NightOptions
    from polarnight.telescopes import Telescope

__all__ = ["standard_targets"]

_POLARIZED: Final = 4
_UNPOLARIZED: Final = 3
_BRIGHTEST: Final = 7.0  # in V; brighter ones saturate in any exposure worth the name
_HOURS: Final = (20.0, 22.0, 24.0, 26.0, 28.0)
_HIGH: Final = 1.8  # airmass
_J2000: Final = 2451545.0
_JULIAN_YEAR: Final = 365.25  # days
_MAS: Final = 3.6e6  # in a degree


def standard_targets(
    telescope: Telescope, midnight: float, options: NightOptions, seed: int
) -> tuple[Target, ...]:
    """Return the standards that a night observes.

    They stand where their proper motions have brought them since J2000, in whole years, so that
    nights share a sky. Their true Stokes parameters deviate from the catalogue's by its errors,
    the same way in every night of a seed; without ``catalogue_scatter`` the catalogue is exact.

    Parameters
    ----------
    telescope : Telescope
    midnight : float
        Julian date of 0 h UT of the night's date.
    options : NightOptions
    seed : int

    Raises
    ------
    ConfigError
        Where a standard is unknown, or has no value in the bands of polarimetry.
    """
    known = load_standards()
    bands = options.polarimetry
    if options.standards:
        chosen = [_named(name, known) for name in options.standards]
        for standard in chosen:
            if any(standard.in_band(band) is None for band in bands):
                msg = f"the standard {standard.name} has no value in one of: {', '.join(bands)}"
                raise ConfigError(msg)
    else:
        chosen = _usual(known, bands, telescope, midnight)
    years = round((midnight - _J2000) / _JULIAN_YEAR)
    return tuple(_target(standard, bands, options, seed, years) for standard in chosen)


def _named(name: str, known: list[Standard]) -> Standard:
    found = find_standard(known, [name])
    if found is None:
        msg = f"no standard {name!r}; there are: {', '.join(s.name for s in known)}"
        raise ConfigError(msg)
    return found


def _usual(
    known: list[Standard], bands: tuple[str, ...], telescope: Telescope, midnight: float
) -> list[Standard]:
    """Choose those that stand high the longest, in the order of the catalogue."""
    able = [
        s
        for s in known
        if (s.mag_v or 0.0) >= _BRIGHTEST
        and not s.variable
        and all(s.in_band(band) is not None for band in bands)
    ]
    hours = {s.name: _hours_up(s, telescope, midnight) for s in able}
    chosen: list[Standard] = []
    for polarized, count in ((True, _POLARIZED), (False, _UNPOLARIZED)):
        ranked = sorted(
            (s for s in able if s.polarized is polarized and hours[s.name]),
            key=lambda s: -hours[s.name],
        )
        chosen += ranked[:count]
    if not chosen:
        msg = f"no standard with values in {', '.join(bands)} stands high in that night"
        raise ConfigError(msg)
    return sorted(chosen, key=known.index)


def _hours_up(standard: Standard, telescope: Telescope, midnight: float) -> int:
    ra, dec = _degrees(standard)
    return sum(airmass(ra, dec, midnight + hour / 24.0, telescope) < _HIGH for hour in _HOURS)


def _degrees(standard: Standard) -> tuple[float, float]:
    ra, dec = standard.ra_hms.split(":"), standard.dec_dms.split(":")
    sign = -1.0 if standard.dec_dms.lstrip().startswith("-") else 1.0
    hours = float(ra[0]) + float(ra[1]) / 60.0 + float(ra[2]) / 3600.0
    return 15.0 * hours, sign * (abs(float(dec[0])) + float(dec[1]) / 60.0 + float(dec[2]) / 3600.0)


def _moved(standard: Standard, years: int) -> tuple[float, float]:
    """Return where a standard is so many years after the epoch of its place, degrees."""
    ra, dec = _degrees(standard)
    east, north = (years * (pm or 0.0) / _MAS for pm in (standard.pm_ra, standard.pm_dec))
    return ra + east / float(np.cos(np.deg2rad(dec))), dec + north


def _target(
    standard: Standard, bands: tuple[str, ...], options: NightOptions, seed: int, years: int
) -> Target:
    rng = generator("standard", standard.name, seed)
    stokes = []
    for band in bands:
        value = standard.in_band(band)
        if value is None:  # the choice has seen to it
            continue
        deviation = rng.multivariate_normal(np.zeros(2), np.array(value.cov))
        scatter = 1.0 if options.catalogue_scatter else 0.0
        q, u = np.array((value.q, value.u)) + scatter * deviation
        stokes.append((band, float(q), float(u)))
    first = complex(*stokes[0][1:])
    ra, dec = _moved(standard, years)
    v = standard.mag_v if standard.mag_v is not None else 9.0
    # Polarized standards are reddened: dust polarizes.
    red = 0.6 if standard.polarized else 0.0
    mags = (v + 0.5 + red, v + 0.3 + red, v, v - 0.2 - 0.6 * red, v - 0.4 - 1.2 * red)
    return Target(
        name=standard.name,
        object_name=standard.name.replace(" ", ""),
        other_names=";".join(standard.aliases),
        srctype="star",
        ra=ra,
        dec=dec,
        mags=mags,
        p=abs(first),
        chi=float(np.rad2deg(0.5 * np.angle(first))) % 180.0,
        stokes=tuple(stokes),
    )
