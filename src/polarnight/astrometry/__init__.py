"""Detection, star catalogues, plate solving and ordinary/extraordinary pairs."""

from polarnight.astrometry.detection.detect import detect
from polarnight.astrometry.detection.detections import DetectionFlag, Detections
from polarnight.astrometry.detection.pairs import PairVector, find_pairs
from polarnight.astrometry.picture import plot_solution
from polarnight.astrometry.plates.blind import blind_pointing
from polarnight.astrometry.plates.pointing import pointing_candidates
from polarnight.astrometry.plates.solution import Solution
from polarnight.astrometry.plates.solve import solve
from polarnight.astrometry.plates.trusted import register, solution_from_header
from polarnight.astrometry.stars.catalogue import MemoryCatalogue, StarCatalogue, Stars
from polarnight.astrometry.stars.importing import import_stars
from polarnight.astrometry.stars.local import LocalCatalogue
from polarnight.astrometry.stars.online import (
    ONLINE,
    Fetched,
    NoStars,
    OnlineCatalogue,
    covering,
    fetch_stars,
)
from polarnight.astrometry.windows.own_pair import Orientation
from polarnight.astrometry.windows.placement import WideFrame
from polarnight.astrometry.windows.solve_window import solve_window
from polarnight.astrometry.windows.tie import TieLimits

__all__ = [
    "ONLINE",
    "DetectionFlag",
    "Detections",
    "Fetched",
    "LocalCatalogue",
    "MemoryCatalogue",
    "NoStars",
    "OnlineCatalogue",
    "Orientation",
    "PairVector",
    "Solution",
    "StarCatalogue",
    "Stars",
    "TieLimits",
    "WideFrame",
    "blind_pointing",
    "covering",
    "detect",
    "fetch_stars",
    "find_pairs",
    "import_stars",
    "plot_solution",
    "pointing_candidates",
    "register",
    "solution_from_header",
    "solve",
    "solve_window",
]
