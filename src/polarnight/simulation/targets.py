"""Sources with known magnitudes and polarization, to be observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from polarnight.errors import ConfigError
from polarnight.simulation.bands import johnson_band

__all__ = ["BL_LAC", "HILTNER_960", "M_51", "PKS_2155", "TARGETS", "Target", "get_target"]


@dataclass(frozen=True)
class Target:
    """A source with known magnitudes and polarization.

    Attributes
    ----------
    name, object_name : str
        Catalogue name, and what observers write into OBJECT.
    other_names : str
        Separated by ``;``.
    srctype : str
    ra, dec : float
        ICRS degrees.
    mags : tuple of float
        U, B, V, R, I.
    p, chi : float
        Fraction and degrees.
    v : float
        Circular polarization V/I; positive where the electric vector at a fixed plane turns
        from north to east (IAU).
    stokes : tuple of (str, float, float)
        Band, q, u where they differ from band to band.
    """

    name: str
    object_name: str
    other_names: str
    srctype: str
    ra: float
    dec: float
    mags: tuple[float, float, float, float, float]
    p: float
    chi: float
    v: float = 0.0
    stokes: tuple[tuple[str, float, float], ...] = ()

    def mag(self, band: str) -> float:
        """Return the magnitude in a band, or in the one of U B V R I that comes nearest."""
        return self.mags["UBVRI".index(johnson_band(band))]


BL_LAC: Final = Target(
    # R, p and chi as BL Lac had them on 2022-09-08; the colours of its quiet state.
    "2200+420", "BLLac", "BL Lac;BLLac", "blazar", 330.680381, 42.277772,
    (14.85, 15.05, 14.05, 13.38, 12.62), 0.140, 14.7,
)  # fmt: skip

HILTNER_960: Final = Target(
    # R, and R-band polarization of Schmidt et al. (1992); colours of a reddened B0 star.
    "Hiltner960", "Hiltner960", "Hiltner 960", "star", 305.868875, 39.349736,
    (11.05, 11.36, 10.60, 9.786, 9.02), 0.0521, 54.54,
)  # fmt: skip

M_51: Final = Target(
    # Where the Whirlpool galaxy is; the simulated galaxy is an ideal one. The magnitudes are
    # those of its nucleus.
    "M51", "M51", "M 51;NGC 5194", "star", 202.469575, 47.195258,
    (18.5, 18.4, 17.6, 17.0, 16.4), 0.0, 0.0,
)  # fmt: skip

PKS_2155: Final = Target(
    # For the south; brightness and polarization of an ordinary night.
    "2155-304", "PKS2155-304", "PKS 2155-304", "blazar", 329.716938, -30.225588,
    (12.75, 13.50, 13.20, 12.90, 12.55), 0.050, 112.0,
)  # fmt: skip

TARGETS: Final = (BL_LAC, HILTNER_960, M_51, PKS_2155)
"""What any instrument may be asked to observe in its demonstration."""


def get_target(name: str) -> Target:
    """Return a target by one of its names, spaces and capitals aside.

    Raises
    ------
    ConfigError
        Where there is none of that name.
    """
    wanted = _plain(name)
    for target in TARGETS:
        names = (target.name, target.object_name, *target.other_names.split(";"))
        if wanted in map(_plain, names):
            return target
    msg = f"no target {name!r} is known; there are: {', '.join(t.name for t in TARGETS)}"
    raise ConfigError(msg)


def _plain(name: str) -> str:
    return name.replace(" ", "").casefold()
