"""Johnson-Cousins magnitudes of stars from those of Gaia, Pan-STARRS1, SDSS and APASS.

Each photometric system has relations of its own: the g, r and i of Pan-STARRS1 are not those
of the SDSS, and taken for them give errors of several hundredths of a magnitude that grow with
the colour. Bands of catalogues therefore carry their system in the name: ``g_ps1``, ``r_sdss``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.frames.bands import SYSTEMS, band_in_system
from polarnight.photometry.transforms import sdss_to_johnson

__all__ = ["RELATIONS", "ColourRelation", "to_johnson"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ColourRelation:
    """A relation ``M = base + sum_k c_k (blue - red)^k``, valid for a range of colours.

    Attributes
    ----------
    band, base, blue, red : str
        The Johnson-Cousins band made, and the bands it is made of.
    coefficients : tuple of float
        From the constant upwards.
    rms : float
        Scatter of stars about the relation, magnitudes.
    limits : tuple of float
        Colours for which it holds.
    source : str
    """

    band: str
    base: str
    blue: str
    red: str
    coefficients: tuple[float, ...]
    rms: float
    limits: tuple[float, float]
    source: str

    def apply(
        self, magnitudes: Mapping[str, FloatArray], errors: Mapping[str, FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """Return magnitudes and errors; NaN outside the colours for which the relation holds."""
        colour = magnitudes[self.blue] - magnitudes[self.red]
        powers = np.polynomial.Polynomial(self.coefficients)
        value = magnitudes[self.base] + powers(colour)
        slope = powers.deriv()(colour)
        partial = {self.base: np.ones_like(colour)}
        partial[self.blue] = partial.get(self.blue, 0.0) + slope
        partial[self.red] = partial.get(self.red, 0.0) - slope
        variance = self.rms**2 + sum(
            (derivative * errors.get(name, np.zeros_like(colour))) ** 2
            for name, derivative in partial.items()
        )
        with np.errstate(invalid="ignore"):
            valid = (colour > self.limits[0]) & (colour < self.limits[1])
        valid &= np.isfinite(value)
        return np.where(valid, value, np.nan), np.where(valid, np.sqrt(variance), np.nan)


def _gaia(
    band: str, coefficients: tuple[float, ...], rms: float, limits: tuple[float, float]
) -> ColourRelation:
    """Return a relation published as ``G - band = polynomial(BP - RP)``."""
    turned = tuple(-value for value in coefficients)
    source = "Gaia DR3 documentation 5.5.1; Riello et al. (2021)"
    return ColourRelation(band, "G", "BP", "RP", turned, rms, limits, source)


def _tonry(band: str, base: str, coefficients: tuple[float, ...], rms: float) -> ColourRelation:
    source = "Tonry et al. (2012)"
    # Their stars reach from the bluest of the main sequence to M dwarfs.
    return ColourRelation(band, base, "g", "r", coefficients, rms, (-0.5, 1.6), source)


RELATIONS: Final[Mapping[str, Mapping[str, ColourRelation]]] = MappingProxyType(
    {
        "gaia": {
            "V": _gaia("V", (-0.02704, 0.01424, -0.2156, 0.01426), 0.03017, (-0.5, 5.0)),
            "R": _gaia("R", (-0.02275, 0.3961, -0.1243, -0.01396, 0.003775), 0.03167, (0.0, 4.0)),
            "I": _gaia("I", (0.01753, 0.76, -0.0991), 0.03765, (-0.5, 4.5)),
        },
        "ps1": {
            "B": _tonry("B", "g", (0.212, 0.556, 0.034), 0.032),
            "V": _tonry("V", "r", (0.005, 0.462, 0.013), 0.012),
            "R": _tonry("R", "r", (-0.137, -0.108, -0.029), 0.015),
            "I": _tonry("I", "i", (-0.366, -0.136, -0.018), 0.017),
        },
    }
)
"""Relations by system and band (Riello et al. 2021, A&A 649, A3; Tonry et al. 2012, ApJ 750, 99,
Table 6)."""

_ORDER = ("sdss", "ps1", "apass", "gaia")  # by the scatter of their relations


def _of_system(values: Mapping[str, npt.ArrayLike], system: str) -> dict[str, FloatArray]:
    return {
        band: np.asarray(values[name], dtype=np.float64)
        for band in SYSTEMS[system]
        if (name := band_in_system(band, system)) in values
    }


def _primed_to_sdss(
    mags: Mapping[str, FloatArray], errors: Mapping[str, FloatArray]
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Turn g', r', i' of the USNO standards into g, r, i of the SDSS telescope.

    Tucker et al. (2006, AN 327, 821): ``g = g' + 0.060 (g'-r'-0.53)``,
    ``r = r' + 0.035 (r'-i'-0.21)``, ``i = i' + 0.041 (r'-i'-0.21)``.
    """
    if not {"g", "r", "i"} <= set(mags):
        return {}, {}
    g, r, i = mags["g"], mags["r"], mags["i"]
    turned = {
        "g": g + 0.060 * (g - r - 0.53),
        "r": r + 0.035 * (r - i - 0.21),
        "i": i + 0.041 * (r - i - 0.21),
    }
    return turned, dict(errors)


def to_johnson(
    band: str,
    magnitudes: Mapping[str, npt.ArrayLike],
    errors: Mapping[str, npt.ArrayLike] | None = None,
) -> tuple[FloatArray, FloatArray, str]:
    """Return Johnson-Cousins magnitudes of stars from another photometric system.

    Of several systems that serve, the one whose relation gives most stars a magnitude is
    taken; among equals that of the least scatter (SDSS, PS1, APASS, Gaia). Systems are not
    mixed in one frame, for they differ by a few millimagnitudes.

    Parameters
    ----------
    band : {"U", "B", "V", "R", "I"}
    magnitudes, errors : mapping of str to array_like
        By band, with the system in the name (`band_in_system`); NaN where there is none.

    Returns
    -------
    magnitude, error : ndarray
        The error holds the scatter of the relation.
    source : str
        The system and the relation.

    Raises
    ------
    AlgorithmFailed
        Where no system of known relations has what it takes.
    """
    best: tuple[FloatArray, FloatArray, str] | None = None
    for system in _ORDER:
        mags = _of_system(magnitudes, system)
        errs = _of_system(errors or {}, system)
        found = _from_system(band, system, mags, errs)
        if found is not None and (best is None or _count(found[0]) > _count(best[0])):
            best = found
    if best is None:
        message = (
            f"band {band} cannot be made of the catalogue's magnitudes; import g, r, i with "
            "the photometric system they are of (--system)"
        )
        raise AlgorithmFailed(message, have=sorted(magnitudes))
    return best


def _count(values: FloatArray) -> int:
    return int(np.isfinite(values).sum())


def _from_system(
    band: str, system: str, mags: dict[str, FloatArray], errs: dict[str, FloatArray]
) -> tuple[FloatArray, FloatArray, str] | None:
    relation = RELATIONS.get(system, {}).get(band)
    if relation is not None:
        if not {relation.base, relation.blue, relation.red} <= set(mags):
            return None
        clean = {name: np.nan_to_num(values) for name, values in errs.items()}
        return *relation.apply(mags, clean), f"{system} ({relation.source})"
    source = "Lupton (2005)"
    if system == "apass":
        mags, errs = _primed_to_sdss(mags, errs)
        source = "Tucker et al. (2006), Lupton (2005)"
    if system in ("sdss", "apass"):
        try:
            value, error = sdss_to_johnson(
                band, mags, {name: np.nan_to_num(values) for name, values in errs.items()}
            )
        except AlgorithmFailed:
            return None
        return value, error, f"{system} ({source})"
    return None
