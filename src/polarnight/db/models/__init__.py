"""The models of Polarnight."""

from polarnight.db.models.audit import FlagChange, HumanDecision
from polarnight.db.models.cube_cards import CubeCard, CubeKey, CubeValue
from polarnight.db.models.cube_tasks import CubeJob, CubeTask, CubeTaskInput
from polarnight.db.models.cubes import (
    CubeContainer,
    CubeFolder,
    CubeMount,
    CubeRecipe,
    CubeSession,
    CubeUser,
    DataCube,
)
from polarnight.db.models.epoch import Epoch
from polarnight.db.models.frames import RawFit, ReducedFit
from polarnight.db.models.locks import WorkLock
from polarnight.db.models.masters import MasterBias, MasterDark, MasterFlat
from polarnight.db.models.polarization import PolarizationCalibration
from polarnight.db.models.quality import FrameQuality, NightQuality
from polarnight.db.models.results import AperPhotResult, PhotoPolResult
from polarnight.db.models.sources import AstroSource
from polarnight.db.models.stamps import ResultsStamp

__all__ = [
    "AperPhotResult",
    "AstroSource",
    "CubeCard",
    "CubeContainer",
    "CubeFolder",
    "CubeJob",
    "CubeKey",
    "CubeMount",
    "CubeRecipe",
    "CubeSession",
    "CubeTask",
    "CubeTaskInput",
    "CubeUser",
    "CubeValue",
    "DataCube",
    "Epoch",
    "FlagChange",
    "FrameQuality",
    "HumanDecision",
    "MasterBias",
    "MasterDark",
    "MasterFlat",
    "NightQuality",
    "PhotoPolResult",
    "PolarizationCalibration",
    "RawFit",
    "ReducedFit",
    "ResultsStamp",
    "WorkLock",
]
