"""A plate solution with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.plates.evidence import match_nearest
from polarnight.astrometry.plates.plate import Plate
from polarnight.astrometry.plates.refine import stars_on_frame
from polarnight.astrometry.stars.catalogue import Stars

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from polarnight.astrometry.detection.detections import Detections
    from polarnight.astrometry.detection.pairs import Pairs

__all__ = ["Solution"]


@dataclass(frozen=True, eq=False)
class Solution:
    """Where a frame points, and why we believe it.

    Attributes
    ----------
    plate : Plate
        The fitted model; quicker than the WCS and equal to it.
    shape : tuple of int
        (ny, nx) of the frame.
    wcs : astropy.wcs.WCS
        Of the ordinary, or only, beam.
    wcs_pair : astropy.wcs.WCS or None
        Of the extraordinary beam.
    stars : Stars
        Catalogue stars on the frame, at the epoch of the frame, brightest first.
    star_xy : ndarray of float, shape (m, 2)
        Where the solution puts them, pixels (ordinary beam).
    i_detection, i_star : ndarray of int
        Matched detections (of those given to `solve`) and stars of the fit.
    pairs : Pairs or None
        Pairs of a dual-beam frame.
    evidence : dict
        JSON-able figures: `n_matched`, `rms_arcsec`, `rms_px`, `log10_chance`, `pointing`,
        `offset_deg`, `pixel_scale`, `rotation_deg`, `mirrored`, `order`, `completeness`, ...
    """

    plate: Plate
    shape: tuple[int, int]
    wcs: WCS
    wcs_pair: WCS | None
    stars: Stars
    star_xy: npt.NDArray[np.float64]
    i_detection: npt.NDArray[np.int64]
    i_star: npt.NDArray[np.int64]
    pairs: Pairs | None
    evidence: dict[str, Any]

    def match(
        self, detections: Detections, radius_arcsec: float = 1.5
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Match detections (ordinary beam) with `stars` by place.

        Returns
        -------
        i, j : ndarray of int
            Indices of detections and of stars that are each other's nearest.
        """
        radius = radius_arcsec / self.plate.scale
        inside, places = stars_on_frame(self.plate, self.stars, self.shape, radius)
        i, j = match_nearest(detections.xy, places, radius)
        return i, inside[j]
