"""The models of Polarnight."""

from polarnight.db.models.audit import FlagChange, HumanDecision
from polarnight.db.models.epoch import Epoch
from polarnight.db.models.frames import RawFit, ReducedFit
from polarnight.db.models.masters import MasterBias, MasterDark, MasterFlat
from polarnight.db.models.results import AperPhotResult, PhotoPolResult
from polarnight.db.models.sources import AstroSource

__all__ = [
    "AperPhotResult",
    "AstroSource",
    "Epoch",
    "FlagChange",
    "HumanDecision",
    "MasterBias",
    "MasterDark",
    "MasterFlat",
    "PhotoPolResult",
    "RawFit",
    "ReducedFit",
]
