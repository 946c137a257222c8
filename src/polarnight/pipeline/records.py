"""Plain values that travel between the coordinator and its workers.

Nothing here knows the database: ids are opaque integers that come back with the results.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from polarnight.frames import FrameInfo

__all__ = ["ApertureRow", "FrameRef", "GroupResult", "ResultRow", "SourceRecord"]


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A catalogue source as the measurements need it.

    Attributes
    ----------
    id : int
    name : str
    ra, dec : float
        ICRS at J2000, degrees.
    pm_ra, pm_dec : float
        Proper motion, mas/yr, that in right ascension with cos(dec).
    magnitudes : dict
        ``{band: (magnitude, error)}`` of the literature.
    calibrates : tuple of int
        Ids of the sources whose zero point this one gives.
    """

    id: int
    name: str
    ra: float
    dec: float
    pm_ra: float = 0.0
    pm_dec: float = 0.0
    magnitudes: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    calibrates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameRef:
    """A reduced frame on disk and its normalised header."""

    id: int
    path: str
    info: FrameInfo


@dataclass(frozen=True, slots=True)
class ApertureRow:
    """Aperture photometry of one image of one source in one frame.

    Fluxes in ADU (whole exposure), positions and radii in pixels, FWHM in arcsec.
    `pair` is ``"O"`` for the ordinary or only image, ``"E"`` for the extraordinary one.
    The background is that of one pixel; `bits` are those of `polarnight.frames.Bit` inside
    the aperture, `bits_left` what is left of them after bad pixels were filled.
    """

    frame: int
    source: int
    pair: str
    aperpix: float
    r_in: float
    r_out: float
    flux_counts: float
    flux_counts_err: float
    area: float
    n_sky: int
    bkg_flux_counts: float
    bkg_flux_counts_err: float
    x_px: float
    y_px: float
    forced: bool
    crowded: bool
    fwhm: float
    fwhm_source: float | None
    bits: int
    bits_left: int


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A magnitude, and in polarimetry Stokes parameters, of one source in one group."""

    source: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroupResult:
    """All that was measured in a group of frames, with the reasons for what was not.

    `field` has the figures of the field stars, or ``{"refused": reason}``.
    """

    apertures: tuple[ApertureRow, ...]
    results: tuple[ResultRow, ...]
    refused: tuple[tuple[str, str], ...] = ()
    field: dict[str, Any] | None = None
