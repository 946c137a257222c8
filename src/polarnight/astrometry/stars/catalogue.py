"""Star catalogues: what the plate solver and the zero points ask of any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.geometry import separation

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["MemoryCatalogue", "StarCatalogue", "Stars", "ranking_magnitude"]

Floats = npt.NDArray[np.float64]
_MAS = 1.0 / 3.6e6


@dataclass(frozen=True, eq=False)
class Stars:
    """Stars of a catalogue, at one epoch.

    Attributes
    ----------
    ra, dec : ndarray of float, shape (n,)
        ICRS (J2000), degrees.
    mag : ndarray of float, shape (n,)
        One magnitude for every star, to order them by brightness; NaN where unknown.
    mags, mag_errs : dict of str to ndarray
        Magnitudes and errors by band; NaN where there is none.
    pmra, pmdec : ndarray of float, shape (n,), optional
        Proper motions, mas per year, that in right ascension times cos(dec); 0 where unknown.
    epoch : float
        Julian year of the positions.
    """

    ra: Floats
    dec: Floats
    mag: Floats
    mags: dict[str, Floats] = field(default_factory=dict)
    mag_errs: dict[str, Floats] = field(default_factory=dict)
    pmra: Floats | None = None
    pmdec: Floats | None = None
    epoch: float = 2000.0

    def __post_init__(self) -> None:
        arrays = [self.dec, self.mag, *self.mags.values(), *self.mag_errs.values()]
        arrays += [a for a in (self.pmra, self.pmdec) if a is not None]
        if any(np.shape(a) != np.shape(self.ra) for a in arrays):
            msg = "all columns of a star list need the same length"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.ra)

    def select(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> Self:
        """Return some of the stars, by mask or by indices."""
        return type(self)(
            ra=self.ra[which],
            dec=self.dec[which],
            mag=self.mag[which],
            mags={band: values[which] for band, values in self.mags.items()},
            mag_errs={band: values[which] for band, values in self.mag_errs.items()},
            pmra=None if self.pmra is None else self.pmra[which],
            pmdec=None if self.pmdec is None else self.pmdec[which],
            epoch=self.epoch,
        )

    def at(self, jyear: float) -> Self:
        """Return the stars with proper motion applied to a Julian year."""
        years = jyear - self.epoch
        if self.pmra is None or self.pmdec is None or years == 0:
            return type(self)(**{**self.__dict__, "epoch": jyear})
        # Near the poles a step in right ascension must stay a small step on the sky.
        cos_dec = np.maximum(np.cos(np.radians(self.dec)), 1e-6)
        return type(self)(
            **{
                **self.__dict__,
                "ra": (self.ra + self.pmra * years * _MAS / cos_dec) % 360.0,
                "dec": np.clip(self.dec + self.pmdec * years * _MAS, -90.0, 90.0),
                "epoch": jyear,
            }
        )

    def to_table(self) -> Table:
        """Return an astropy Table with columns ra, dec, mag, mag_<band>, mag_<band>_err."""
        from astropy.table import Table

        table = Table({"ra": self.ra, "dec": self.dec, "mag": self.mag})
        table["ra"].unit = table["dec"].unit = "deg"
        for band, values in self.mags.items():
            table[f"mag_{band}"] = values
        for band, values in self.mag_errs.items():
            table[f"mag_{band}_err"] = values
        table.meta["EPOCH"] = self.epoch
        return table


class StarCatalogue(Protocol):
    """Anything that can list the stars around a place."""

    def cone(self, ra: float, dec: float, radius_deg: float, jyear: float = 2000.0) -> Stars:
        """Return the stars within a circle.

        Parameters
        ----------
        ra, dec, radius_deg : float
            Centre (ICRS) and radius, degrees.
        jyear : float
            Julian year to which proper motions are applied.

        Returns
        -------
        Stars
            In a fixed order; may be empty.
        """
        ...


class MemoryCatalogue:
    """A star catalogue held in memory."""

    def __init__(self, stars: Stars) -> None:
        self.stars = stars

    def cone(self, ra: float, dec: float, radius_deg: float, jyear: float = 2000.0) -> Stars:
        """Return the stars within a circle; see `StarCatalogue.cone`."""
        moved = self.stars.at(jyear)
        return moved.select(separation(moved.ra, moved.dec, ra, dec) <= radius_deg)


def ranking_magnitude(mags: Mapping[str, Floats], n: int) -> Floats:
    """Return one magnitude for every star from whatever bands it has.

    Parameters
    ----------
    mags : mapping of str to ndarray
        Magnitudes by band, NaN where there is none.
    n : int
        Number of stars.

    Returns
    -------
    ndarray of float, shape (n,)
        The magnitude in the band that most stars have; where a star lacks it, another band
        shifted by the median colour. NaN where a star has none at all. Good for ordering,
        not for photometry.
    """
    result = np.full(n, np.nan)
    for band in sorted(mags, key=lambda b: (-int(np.isfinite(mags[b]).sum()), b)):
        values = mags[band]
        both = np.isfinite(result) & np.isfinite(values)
        shift = float(np.median(result[both] - values[both])) if both.any() else 0.0
        result = np.where(np.isfinite(result), result, values + shift)
    return result
