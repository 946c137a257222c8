"""Star catalogues from VizieR, kept on disk as local catalogues.

A fetched field is imported like any table: runs read it from disk, and asking for the same
field again needs no network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.geometry import separation
from polarnight.astrometry.stars.importing import import_stars
from polarnight.astrometry.stars.local import LocalCatalogue
from polarnight.astrometry.stars.vizier import VizierTable, query_cone
from polarnight.errors import ConfigError, ExternalService
from polarnight.frames.bands import ROUGH

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["ONLINE", "Fetched", "NoStars", "OnlineCatalogue", "covering", "fetch_stars"]

Floats = npt.NDArray[np.float64]
_LARGEST_RADIUS = 2.0  # degrees; more stars than any of our fields needs
_EDGE = 1.02  # the radius within which stars count as asked for: epochs and rounding differ
_LEAST_INSIDE = 0.9


class NoStars(ExternalService):
    """The service is well; its catalogue has no star in the field, as beyond its footprint."""


@dataclass(frozen=True)
class OnlineCatalogue:
    """A catalogue of VizieR and how it is read.

    Attributes
    ----------
    vizier : str
        Its designation there.
    title : str
    system : str
        Photometric system of the bands that are not Johnson's.
    bands : mapping of str to str
        Column of each band; that of the error has ``e_`` before it.
    ra, dec : str
        Columns of the positions, ICRS.
    epoch : float
        Julian year of the positions.
    proper_motions : bool
    limits : mapping of str to (float, float)
        Brightest and faintest magnitude that can be trusted, by band.
    ranking : str
        Band by which stars are ordered where they have no magnitude to be trusted.
    more : tuple of str
        Further columns that `clean` wants.
    clean : callable, optional
        Takes the columns as floats, returns which rows are stars (others are left out) and
        which of them have photometry to be trusted.
    """

    vizier: str
    title: str
    system: str
    bands: Mapping[str, str]
    ra: str
    dec: str
    epoch: float
    proper_motions: bool = False
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    ranking: str = "r"
    more: tuple[str, ...] = ()
    clean: Callable[[Mapping[str, Floats]], tuple[npt.NDArray[Any], npt.NDArray[Any]]] | None = None

    @property
    def columns(self) -> list[str]:
        """The columns to ask for."""
        motions = ["pmRA", "pmDE"] if self.proper_motions else []
        mags = [name for column in self.bands.values() for name in (column, f"e_{column}")]
        return [self.ra, self.dec, *motions, *mags, *self.more]

    @property
    def table(self) -> VizierTable:
        """The table as VizieR knows it."""
        return VizierTable(self.vizier, self.title, self.columns, self.dec)


def _gaia_clean(
    columns: Mapping[str, Floats],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell stars whose BP and RP do not fit their G: blends and galaxies.

    The corrected flux excess of Riello et al. (2021, A&A 649, A3, Table 2 and Eq. 18) beyond
    five of its sigmas.
    """
    colour = columns["BPmag"] - columns["RPmag"]
    parts = (
        (colour < 0.5, (1.154360, 0.033772, 0.032277)),
        ((colour >= 0.5) & (colour < 4.0), (1.162004, 0.011464, 0.049255, -0.005879)),
        (colour >= 4.0, (1.057572, 0.140537)),
    )
    expected = np.full(len(colour), np.nan)
    for where, coefficients in parts:
        expected[where] = np.polynomial.Polynomial(coefficients)(colour[where])
    excess = columns["E(BP/RP)"] - expected
    sigma = 0.0059898 + 8.817481e-12 * columns["Gmag"] ** 7.618399
    everything = np.ones(len(colour), dtype=bool)
    return everything, np.abs(excess) < 5.0 * sigma


def _ps1_clean(
    columns: Mapping[str, Floats],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell stars from galaxies, whose Kron magnitudes are brighter than those of the PSF."""
    with np.errstate(invalid="ignore"):
        star = ~(columns["imag"] - columns["iKmag"] > 0.05)
    return star, star


def _sdss_clean(
    columns: Mapping[str, Floats],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    star = (columns["class"] == 6) & (columns["mode"] == 1)
    return star, star


ONLINE: Final[Mapping[str, OnlineCatalogue]] = MappingProxyType(
    {
        "gaia": OnlineCatalogue(
            vizier="I/355/gaiadr3",
            title="Gaia DR3",
            system="gaia",
            bands={"G": "Gmag", "BP": "BPmag", "RP": "RPmag"},
            ra="RA_ICRS",
            dec="DE_ICRS",
            epoch=2016.0,
            proper_motions=True,
            # Brighter than 4 BP and RP are saturated; fainter than 20.3 BP is biased
            # (Riello et al. 2021, Section 8).
            limits={"G": (4.0, 21.0), "BP": (4.0, 20.3), "RP": (4.0, 20.0)},
            ranking="G",
            more=("E(BP/RP)",),
            clean=_gaia_clean,
        ),
        "apass": OnlineCatalogue(
            vizier="II/336/apass9",
            title="APASS DR9",
            system="apass",
            bands={
                "B": "Bmag",
                "V": "Vmag",
                "g": "g'mag",
                "r": "r'mag",
                "i": "i'mag",
            },
            ra="RAJ2000",
            dec="DEJ2000",
            epoch=2000.0,
            limits=dict.fromkeys("BVgri", (10.0, 17.0)),
            ranking="V",
        ),
        "ps1": OnlineCatalogue(
            vizier="II/349/ps1",
            title="Pan-STARRS1 DR1",
            system="ps1",
            bands={band: f"{band}mag" for band in "grizy"},
            ra="RAJ2000",
            dec="DEJ2000",
            epoch=2012.0,
            # The single exposures saturate at magnitudes of about 12 to 14 by seeing and band.
            limits={
                **dict.fromkeys("gri", (14.5, 21.0)),
                "z": (14.0, 20.5),
                "y": (13.5, 19.5),
            },
            more=("iKmag",),
            clean=_ps1_clean,
        ),
        "sdss": OnlineCatalogue(
            vizier="V/154/sdss16",
            title="SDSS DR16",
            system="sdss",
            # Magnitudes of the PSF fit; the others are those of models of galaxies.
            bands={band: f"{band}pmag" for band in "ugriz"},
            ra="RA_ICRS",
            dec="DE_ICRS",
            epoch=2000.0,
            # Saturation, after Chonis and Gaskell (2008, AJ 135, 264).
            limits={"u": (16.0, 19.5), **dict.fromkeys("griz", (14.5, 19.5))},
            more=("class", "mode"),
            clean=_sdss_clean,
        ),
    }
)
"""The catalogues that can be fetched, by short name."""


@dataclass(frozen=True)
class Fetched:
    """What became of a request: the name of the local catalogue, its stars, whether it was new."""

    name: str
    stars: int
    new: bool


def covering(
    directory: str | Path, catalogue: str, ra: float, dec: float, radius_deg: float
) -> str | None:
    """Return the fetched catalogue on disk that covers a field, None where there is none."""
    for name, manifest in LocalCatalogue(directory).manifests.items():
        cone = manifest.get("cone")
        if manifest.get("fetched") == catalogue and cone is not None:
            distance = float(separation(cone[0], cone[1], ra, dec))
            if distance + radius_deg <= cone[2] + 1e-6:
                return name
    return None


def fetch_stars(
    catalogue: str,
    ra: float,
    dec: float,
    radius_deg: float,
    directory: str | Path,
    *,
    timeout: float = 60.0,
    again: bool = False,
) -> Fetched:
    """Fetch a field of a star catalogue, unless it is on disk already.

    Parameters
    ----------
    catalogue : str
        One of `ONLINE`.
    ra, dec, radius_deg : float
        ICRS, degrees.
    directory : str or Path
        Directory of the local catalogues.
    timeout : float
        Seconds after which the service counts as silent.
    again : bool
        Fetch also what is on disk.

    Raises
    ------
    ConfigError
        For an unknown catalogue or a place that is none.
    ExternalService
        Where the service cannot be reached, takes too long, answers nonsense, or has more stars
        there than it sends; as `NoStars` where it has none.
    """
    if catalogue not in ONLINE:
        msg = f"no online catalogue {catalogue!r}; there are {', '.join(ONLINE)}"
        raise ConfigError(msg)
    if not (0.0 <= ra < 360.0 and -90.0 <= dec <= 90.0 and 0.0 < radius_deg <= _LARGEST_RADIUS):
        msg = (
            f"no field of the sky: ra {ra} (0 to 360 deg), dec {dec} (-90 to 90 deg), radius "
            f"{radius_deg} (up to {_LARGEST_RADIUS:g} deg)"
        )
        raise ConfigError(msg)
    known = None if again else covering(directory, catalogue, ra, dec, radius_deg)
    if known is not None:
        return Fetched(known, int(LocalCatalogue(directory).manifests[known]["stars"]), new=False)
    source = ONLINE[catalogue]
    columns = query_cone(source.table, ra, dec, radius_deg, timeout)
    stars = _cleaned(_inside(columns, source, ra, dec, radius_deg), source)
    name = f"{catalogue}_{ra:.4f}{dec:+.4f}_{radius_deg:.3f}"
    count = import_stars(
        stars,
        directory,
        mags={band: f"mag_{band}" for band in (*source.bands, ROUGH)},
        errors={band: f"err_{band}" for band in source.bands},
        pmra="pmra" if source.proper_motions else None,
        pmdec="pmdec" if source.proper_motions else None,
        epoch=source.epoch,
        name=name,
        system=source.system,
        facts={
            "fetched": catalogue,
            "cone": [ra, dec, radius_deg],
            "vizier": source.vizier,
            "date": datetime.now(UTC).date().isoformat(),
        },
    )
    return Fetched(name, count, new=True)


def _inside(
    columns: Mapping[str, Floats], source: OnlineCatalogue, ra: float, dec: float, radius_deg: float
) -> dict[str, Floats]:
    """Return the rows that lie where they were asked for; most have to.

    What is kept on disk counts as all that there is in the field.
    """
    rows = len(columns[source.ra])
    if not rows:
        msg = f"{source.table} has no star within {radius_deg:g} deg of {ra:.4f} {dec:+.4f}"
        raise NoStars(msg)
    with np.errstate(invalid="ignore"):
        distance = separation(columns[source.ra], columns[source.dec], ra, dec)
        inside = np.asarray(distance <= radius_deg * _EDGE)
    if inside.sum() < _LEAST_INSIDE * rows:
        msg = (
            f"{source.table} answers with {rows} stars, of which {rows - inside.sum()} lie "
            f"outside the {radius_deg:g} deg about {ra:.4f} {dec:+.4f} or nowhere; nothing was "
            "kept, try again later"
        )
        raise ExternalService(msg)
    return {name: values[inside] for name, values in columns.items()}


def _cleaned(columns: Mapping[str, Floats], source: OnlineCatalogue) -> Table:
    """Return positions, motions and trustworthy magnitudes under our own names."""
    from astropy.table import Table

    stars = trusted = np.ones(len(columns[source.ra]), dtype=bool)
    if source.clean is not None:
        stars, trusted = source.clean(columns)
    if not stars.any():
        msg = f"{source.table} has galaxies and doublets but no star there; nothing was kept"
        raise NoStars(msg)
    table = Table({"ra": columns[source.ra], "dec": columns[source.dec]})
    if source.proper_motions:
        table["pmra"], table["pmdec"] = columns["pmRA"], columns["pmDE"]
    for band, column in source.bands.items():
        mag = columns[column].copy()
        bright, faint = source.limits.get(band, (-math.inf, math.inf))
        with np.errstate(invalid="ignore"):
            good = trusted & (mag > bright) & (mag < faint)
        mag[~good] = np.nan
        table[f"mag_{band}"] = mag
        table[f"err_{band}"] = columns[f"e_{column}"]
    # Saturated stars and blends still tell the plate solver where bright stars are.
    table[f"mag_{ROUGH}"] = columns[source.bands[source.ranking]]
    return table[stars]
