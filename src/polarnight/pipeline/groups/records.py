"""Plain values that travel between the coordinator and its workers.

Nothing here knows the database: ids are opaque integers that come back with the results.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from polarnight.frames import FrameInfo
from polarnight.photometry import HostTable

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
    only_pair : dict
        By instrument the beam (``"O"``, ``"E"``) that alone is to be used.
    host : HostTable or None
        Light of its host galaxy, where there is a table of it.
    """

    id: int
    name: str
    ra: float
    dec: float
    pm_ra: float = 0.0
    pm_dec: float = 0.0
    magnitudes: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    calibrates: tuple[int, ...] = ()
    only_pair: dict[str, str] = dataclasses.field(default_factory=dict)
    host: HostTable | None = None


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
    the aperture, `bits_left` what is left of them after bad pixels were filled. Results are
    made of the rows with `is_default`; the others, numbered by `aperindex`, are of a curve of
    growth. `aperture_correction` is what to add to the magnitude for all the light of a star.
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
    aperindex: int = 0
    is_default: bool = True
    aperture_correction: float | None = None
    aperture_correction_err: float | None = None


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A magnitude, and in polarimetry Stokes parameters, of one source in one group."""

    source: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroupResult:
    """All that was measured in a group of frames, with the reasons for what was not.

    `field` has the figures of the field stars, or ``{"refused": reason}``; `growth` the curve
    of growth of each frame, by its id.
    """

    apertures: tuple[ApertureRow, ...]
    results: tuple[ResultRow, ...]
    refused: tuple[tuple[str, str], ...] = ()
    field: dict[str, Any] | None = None
    growth: dict[int, dict[str, Any]] = dataclasses.field(default_factory=dict)
