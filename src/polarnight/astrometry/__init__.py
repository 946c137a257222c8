"""Detection, star catalogues, plate solving and ordinary/extraordinary pairs."""

from polarnight.astrometry.catalogue import MemoryCatalogue, StarCatalogue, Stars
from polarnight.astrometry.detect import detect
from polarnight.astrometry.detections import DetectionFlag, Detections
from polarnight.astrometry.importing import import_stars
from polarnight.astrometry.local import LocalCatalogue
from polarnight.astrometry.pairs import PairVector, find_pairs
from polarnight.astrometry.picture import plot_solution
from polarnight.astrometry.pointing import pointing_candidates
from polarnight.astrometry.solution import Solution
from polarnight.astrometry.solve import solve

__all__ = [
    "DetectionFlag",
    "Detections",
    "LocalCatalogue",
    "MemoryCatalogue",
    "PairVector",
    "Solution",
    "StarCatalogue",
    "Stars",
    "detect",
    "find_pairs",
    "import_stars",
    "plot_solution",
    "pointing_candidates",
    "solve",
]
