"""Whether a plate took the two beams of a frame for what they are.

Where few stars show both of their images, a star without partner may be of either beam, and
the plate that is off by the displacement of the beams explains it as well. Only images that
have the other one where it belongs tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.plates.evidence import match_nearest, tail_log10
from polarnight.astrometry.plates.refine import Refined, stars_on_frame

if TYPE_CHECKING:
    from polarnight.astrometry.detection.pairs import PairLike, Pairs
    from polarnight.astrometry.stars.catalogue import Stars

__all__ = ["Beams"]

Floats = npt.NDArray[np.float64]

_RADIUS = 2.0  # pixels, of the two images of a star
_LEAST = 2
_MAX_LOG10_CHANCE = -3.0
_LEAST_SHARE = 0.2  # of the stars of the better seen beam that have to show both images
_VOTE_RADIUS = 1.5
_NSIGMA = 5.0  # of the known displacement, within which pairs vote


@dataclass(frozen=True, eq=False)
class Beams:
    """The images of a dual-beam frame, and how they are displaced.

    Attributes
    ----------
    xy : ndarray of float, shape (n, 2)
        All images of the frame, pixels.
    vector : ndarray of float, shape (2,)
        Extraordinary minus ordinary image, as found on the frame.
    trials : float
        Displacements among which it was chosen.
    """

    xy: Floats
    vector: Floats
    trials: float

    @classmethod
    def of(cls, xy: Floats, pairs: Pairs, known: PairLike) -> Beams:
        """Return the beams of a frame whose pairs were found near a known displacement."""
        box = 4.0 * (_NSIGMA * known.sx + 1.0) * (_NSIGMA * known.sy + 1.0)
        trials = max(1.0, box / (np.pi * _VOTE_RADIUS**2))
        return cls(xy, np.array([pairs.dx, pairs.dy]), trials)

    def weigh(
        self, refined: Refined, stars: Stars, shape: tuple[int, int]
    ) -> tuple[dict[str, Any], list[str]]:
        """Compare a plate with those that are off by the displacement, either way.

        Under the plate, pairs begin at the places of stars. Under one that took the
        extraordinary images for ordinary ones they begin one displacement farther, under
        one that took the ordinary for extraordinary ones they end at these places.

        Returns
        -------
        evidence : dict
            `beams`: the images at the places of stars and one displacement away, the pairs that
            begin there, begin one displacement farther, and end there, and the logarithm of the
            chance that as many images have a partner by accident.
        faults : list of str
            Empty where the plate explains more pairs than the others, more than chance, and a
            fair share of the stars shows both images.
        """
        ny, nx = shape
        _, places = stars_on_frame(refined.plate, stars, shape, float(2.0 * np.hypot(*self.vector)))
        radius = max(_RADIUS, refined.radius)
        first = match_nearest(self.xy, places, radius)[0]
        second = match_nearest(self.xy, places + self.vector, radius)[0]
        here, farther = self._partners(first, 1.0), self._partners(second, 1.0)
        backwards = self._partners(first, -1.0)
        surplus = here - max(farther, backwards)
        chance = 1.0 - np.exp(-len(self.xy) * np.pi * _RADIUS**2 / float(ny * nx))
        log10_chance = float(tail_log10(max(surplus, 0), len(first), chance))
        log10_chance = min(0.0, log10_chance + float(np.log10(self.trials)))
        evidence = {
            "beams": {
                "ordinary": len(first),
                "extraordinary": len(second),
                "pairs": here,
                "pairs_if_displaced": [farther, backwards],
                "log10_chance": round(log10_chance, 2),
            }
        }
        few = here < _LEAST_SHARE * max(len(first), len(second))
        if few or surplus < _LEAST or log10_chance > _MAX_LOG10_CHANCE:
            return evidence, ["the two beams cannot be told apart"]
        return evidence, []

    def _partners(self, images: npt.NDArray[np.int64], sign: float) -> int:
        """Return how many images have another one a displacement away."""
        moved = self.xy[images] + sign * self.vector
        return len(match_nearest(moved, self.xy, _RADIUS)[0])
