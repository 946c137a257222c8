"""Stars of the field as calibrators of a source: from local catalogues, or fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.config import get_settings
from polarnight.db.catalogue_file import SourceEntry
from polarnight.db.coordinates import format_dec, format_ra
from polarnight.db.models import AstroSource
from polarnight.errors import AlgorithmFailed, ConfigError
from polarnight.web.catalogue.checking import NEAR

if TYPE_CHECKING:
    from polarnight.astrometry import Stars

__all__ = ["BANDS", "FieldQuery", "find_field_stars", "online_allowed", "origin_of"]

BANDS: Final = ("B", "V", "R", "I")
_OWN: Final = 10.0  # arcsec about the source: that is the source itself, or blends with it
_MOST: Final = 100
_LARGEST_RADIUS: Final = 60.0  # arcmin

Magnitudes = tuple[Any, Any, Any]
"""Magnitudes and errors of stars, and in words by what they were made of others; arrays."""


@dataclass(frozen=True, slots=True)
class FieldQuery:
    """Which stars are wanted.

    Parameters
    ----------
    radius : float
        About the source, arcmin.
    bright, faint : float
        Limits of the R magnitude.
    largest_error : float
        Of the R magnitude.
    count : int
        Stars at most; the brightest are taken.
    online : bool
        Fetch the catalogue of the settings where none on disk covers the field.

    Raises
    ------
    ConfigError
        Where a value makes no sense.
    """

    radius: float = 7.0
    bright: float = 11.0
    faint: float = 16.0
    largest_error: float = 0.05
    count: int = 30
    online: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.radius <= _LARGEST_RADIUS:
            msg = f"a radius is between 0 and {_LARGEST_RADIUS:g} arcmin, not {self.radius:g}"
        elif not self.bright < self.faint:
            msg = f"no star is fainter than {self.bright:g} and brighter than {self.faint:g}"
        elif not 0.0 < self.largest_error < 10.0:
            msg = f"a largest error of {self.largest_error:g} mag makes no sense"
        elif not 1 <= self.count <= _MOST:
            msg = f"1 to {_MOST} stars are imported at once, not {self.count}"
        else:
            return
        raise ConfigError(msg)


def online_allowed() -> bool:
    """Return whether the settings let catalogues be fetched over the network."""
    return get_settings().astrometry.online


def origin_of(source: AstroSource) -> str:
    """Return where the log says that such stars come from."""
    return f"the field of {source.name}"


def find_field_stars(source: AstroSource, query: FieldQuery) -> list[SourceEntry]:
    """Return stars about a source as entries that calibrate it.

    Stars that the catalogue of sources has already, under whatever name, are left out.

    Raises
    ------
    ConfigError
        Where the field has no such stars, or fetching is not allowed.
    ExternalService
        Where the service does not answer.
    """
    from polarnight.astrometry.stars.local import LocalCatalogue

    directory = get_settings().data.stars
    if query.online:
        _fetch(source, query)
    stars = LocalCatalogue(directory).cone(source.ra, source.dec, query.radius / 60.0)
    if not len(stars):
        msg = f"no star catalogue on disk has stars within {query.radius:g}′ of {source.name}"
        raise ConfigError(f"{msg}; import one with 'polarnight stars import'")
    magnitudes = {band: _johnson(stars, band) for band in BANDS}
    r, r_err, _ = magnitudes["R"]
    away = 3600.0 * _separation(stars, source)
    with np.errstate(invalid="ignore"):
        good = (r >= query.bright) & (r <= query.faint) & (r_err <= query.largest_error)
    order = [int(n) for n in np.argsort(r) if good[n] and away[n] > _OWN]
    known = AstroSource.objects.in_cone(source.ra, source.dec, (query.radius + 1.0) / 60.0)
    entries: list[SourceEntry] = []
    for n in order:
        ra, dec = float(stars.ra[n]), float(stars.dec[n])
        if any(3600.0 * one.separation(ra, dec) < NEAR for one in known):
            continue
        entries.append(_entry(stars, n, magnitudes, source))
        if len(entries) == query.count:
            break
    if not entries:
        msg = (
            f"of {len(stars)} stars within {query.radius:g}′ none has an R magnitude between "
            f"{query.bright:g} and {query.faint:g} known to {query.largest_error:g} mag that is "
            "not in the catalogue already"
        )
        raise ConfigError(msg)
    return entries


def _fetch(source: AstroSource, query: FieldQuery) -> None:
    from polarnight.astrometry import fetch_stars

    settings = get_settings()
    if not online_allowed():
        msg = "the settings do not let star catalogues be fetched (astrometry.online is false)"
        raise ConfigError(msg)
    fetch_stars(
        settings.astrometry.online_catalogue,
        source.ra,
        source.dec,
        query.radius / 60.0,
        settings.data.stars,
        timeout=settings.astrometry.online_timeout,
    )


def _separation(stars: Stars, source: AstroSource) -> Any:
    from polarnight.astrometry.geometry import separation

    return np.asarray(separation(stars.ra, stars.dec, source.ra, source.dec))


def _johnson(stars: Stars, band: str) -> Magnitudes:
    """Return magnitudes of a band: the catalogue's own, else made from others."""
    from polarnight.photometry import to_johnson

    mag = stars.mags.get(band, np.full(len(stars), np.nan)).copy()
    err = stars.mag_errs.get(band, np.full(len(stars), np.nan)).copy()
    err[np.isnan(err) & np.isfinite(mag)] = 0.0  # not known, as local sequences often are
    lacking = ~np.isfinite(mag)
    words = np.full(len(stars), "", dtype=object)
    if lacking.any():
        try:
            made, made_err, relation = to_johnson(band, stars.mags, stars.mag_errs)
        except AlgorithmFailed:
            return mag, err, words
        mag[lacking], err[lacking], words[lacking] = made[lacking], made_err[lacking], relation
    return mag, err, words


def _entry(
    stars: Stars, n: int, magnitudes: Mapping[str, Magnitudes], source: AstroSource
) -> SourceEntry:
    """Return a star with its proper motion, and by what its magnitudes were made of others."""
    ra, dec = float(stars.ra[n]), float(stars.dec[n])
    values: dict[str, Any] = {}
    made: dict[str, str] = {}
    for band, (mag, err, words) in magnitudes.items():
        if np.isfinite(mag[n]):
            values[f"mag_{band}"] = round(float(mag[n]), 4)
            if np.isfinite(err[n]) and err[n] > 0:
                values[f"mag_{band}_err"] = round(float(err[n]), 4)
            if words[n]:
                made[f"mag_{band}"] = f"made of {words[n]}"
    for name, motion in (("pm_ra", stars.pmra), ("pm_dec", stars.pmdec)):
        # 0 stands for a motion that is not known.
        if motion is not None and motion[n]:
            values[name] = round(float(motion[n]), 3)
    if made:
        values["metadata"] = made
    return SourceEntry(
        name=f"Star {ra:.5f} {dec:+.5f}",
        ra_hms=format_ra(ra),
        dec_dms=format_dec(dec),
        srctype="star",
        calibrates=[source.name],
        **values,
    )
