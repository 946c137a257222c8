"""Detection, star catalogues, plate solving and ordinary/extraordinary pairs."""

from polarnight.astrometry.blind import blind_pointing
from polarnight.astrometry.catalogue import MemoryCatalogue, StarCatalogue, Stars
from polarnight.astrometry.detect import detect
from polarnight.astrometry.detections import DetectionFlag, Detections
from polarnight.astrometry.importing import import_stars
from polarnight.astrometry.local import LocalCatalogue
from polarnight.astrometry.online import ONLINE, Fetched, OnlineCatalogue, covering, fetch_stars
from polarnight.astrometry.own_pair import Orientation
from polarnight.astrometry.pairs import PairVector, find_pairs
from polarnight.astrometry.picture import plot_solution
from polarnight.astrometry.placement import WideFrame
from polarnight.astrometry.pointing import pointing_candidates
from polarnight.astrometry.solution import Solution
from polarnight.astrometry.solve import solve
from polarnight.astrometry.solve_window import solve_window
from polarnight.astrometry.trusted import register, solution_from_header
from polarnight.astrometry.windows import TieLimits

__all__ = [
    "ONLINE",
    "DetectionFlag",
    "Detections",
    "Fetched",
    "LocalCatalogue",
    "MemoryCatalogue",
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
