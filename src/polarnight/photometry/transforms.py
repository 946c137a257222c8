"""Johnson-Cousins magnitudes of stars from SDSS ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed

__all__ = ["RELATIONS", "Relation", "sdss_to_johnson"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Relation:
    """A linear relation ``M = sum(coefficient * magnitude) + constant``.

    Attributes
    ----------
    band : str
        The Johnson-Cousins band made.
    coefficients : dict
        By SDSS band.
    constant : float
    rms : float
        Scatter of stars about the relation, magnitudes.
    source : str
    """

    band: str
    coefficients: Mapping[str, float]
    constant: float
    rms: float
    source: str


def _colour(
    band: str, base: str, colour: str, slope: float, constant: float, rms: float
) -> Relation:
    """``band = base + slope * (first - second) + constant`` in the form of a `Relation`."""
    blue, red = colour[0], colour[1]
    coefficients = {base: 1.0}
    coefficients[blue] = coefficients.get(blue, 0.0) + slope
    coefficients[red] = coefficients.get(red, 0.0) - slope
    return Relation(band, coefficients, constant, rms, "Lupton (2005)")


# U = B + 0.78 (u - g) - 0.88 (Jester et al. 2005, all stars with R-I < 1.15, rms 0.05), B from
# g and r as below.
_ULTRAVIOLET = Relation(
    "U",
    {"u": 0.78, "g": 1.0 + 0.3130 - 0.78, "r": -0.3130},
    0.2271 - 0.88,
    math.hypot(0.05, 0.0107),
    "Jester et al. (2005), Lupton (2005)",
)

RELATIONS: Final[Mapping[str, tuple[Relation, ...]]] = {
    "U": (_ULTRAVIOLET,),
    "B": (
        _colour("B", "g", "gr", 0.3130, 0.2271, 0.0107),
        _colour("B", "u", "ug", -0.8116, 0.1313, 0.0095),
    ),
    "V": (
        _colour("V", "g", "gr", -0.5784, -0.0038, 0.0054),
        _colour("V", "g", "ug", -0.2906, 0.0885, 0.0129),
    ),
    "R": (
        _colour("R", "r", "ri", -0.2936, -0.1439, 0.0072),
        _colour("R", "r", "gr", -0.1837, -0.0971, 0.0106),
    ),
    "I": (
        _colour("I", "r", "ri", -1.2444, -0.3820, 0.0078),
        _colour("I", "i", "iz", -0.3780, -0.3974, 0.0063),
    ),
}
"""Relations by band, the preferred one first (Lupton 2005, from Stetson's standards in the
SDSS, as published with the SDSS data releases; Jester et al. 2005, AJ 130, 873)."""


def sdss_to_johnson(
    band: str,
    magnitudes: Mapping[str, npt.ArrayLike],
    errors: Mapping[str, npt.ArrayLike] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Transform SDSS magnitudes of stars to a Johnson-Cousins band.

    Each star uses the first relation whose magnitudes it has. Errors add the scatter of the
    relation in quadrature; a magnitude in several terms is counted once, with the sum of its
    coefficients.

    Parameters
    ----------
    band : {"U", "B", "V", "R", "I"}
    magnitudes : mapping
        ``u g r i z`` to magnitudes, all of one shape; NaN where there is none.
    errors : mapping, optional
        As `magnitudes`; 0 where missing.

    Returns
    -------
    magnitude, error : ndarray
        NaN where no relation serves.

    Raises
    ------
    AlgorithmFailed
        Where the table lacks the columns of every relation.
    ValueError
        Unknown band.
    """
    if band not in RELATIONS:
        msg = f"no relation for band {band!r}; there are {', '.join(RELATIONS)}"
        raise ValueError(msg)
    usable = [r for r in RELATIONS[band] if set(r.coefficients) <= set(magnitudes)]
    if not usable:
        msg = f"band {band} cannot be made of these magnitudes"
        raise AlgorithmFailed(msg, have=sorted(magnitudes))
    result: FloatArray | None = None
    for relation in usable:
        value: FloatArray = np.asarray(relation.constant, dtype=np.float64)
        variance: FloatArray = np.asarray(relation.rms**2, dtype=np.float64)
        for name, coefficient in relation.coefficients.items():
            value = value + coefficient * np.asarray(magnitudes[name], dtype=np.float64)
            error = 0.0 if errors is None else errors.get(name, 0.0)
            variance = variance + (coefficient * np.asarray(error, dtype=np.float64)) ** 2
        error_here = np.where(np.isfinite(value), np.sqrt(variance), np.nan)
        if result is None:
            result, total_error = value, error_here
        else:
            lacking = ~np.isfinite(result)
            result = np.where(lacking, value, result)
            total_error = np.where(lacking, error_here, total_error)
    assert result is not None
    return np.asarray(result), np.asarray(total_error)
