"""Masters: how they are made, how a frame finds them, how they are applied."""

from polarnight.calibration.association import Association, MasterRecord, NearMiss, associate
from polarnight.calibration.grouping import CalibrationGroup, group_calibrations
from polarnight.calibration.keys import hard_keys, text_of_keys
from polarnight.calibration.master_file import MasterResult
from polarnight.calibration.master_keys import group_recipe_key, master_recipe_key
from polarnight.calibration.masters import build_master
from polarnight.calibration.reduction import reduce_frame, reduce_recipe_key
from polarnight.calibration.rules import (
    AssociationRules,
    CosmicRayRules,
    MasterRules,
    ReduceRules,
)

__all__ = [
    "Association",
    "AssociationRules",
    "CalibrationGroup",
    "CosmicRayRules",
    "MasterRecord",
    "MasterResult",
    "MasterRules",
    "NearMiss",
    "ReduceRules",
    "associate",
    "build_master",
    "group_calibrations",
    "group_recipe_key",
    "hard_keys",
    "master_recipe_key",
    "reduce_frame",
    "reduce_recipe_key",
    "text_of_keys",
]
