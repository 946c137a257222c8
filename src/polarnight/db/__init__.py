"""The database: Django models, migrations, flags, audit; no numerics.

Models are imported from here once `polarnight.Config(config_db=True)` has been called.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polarnight.db.models import AperPhotResult as AperPhotResult
    from polarnight.db.models import AstroSource as AstroSource
    from polarnight.db.models import CubeCard as CubeCard
    from polarnight.db.models import CubeContainer as CubeContainer
    from polarnight.db.models import CubeFolder as CubeFolder
    from polarnight.db.models import CubeJob as CubeJob
    from polarnight.db.models import CubeKey as CubeKey
    from polarnight.db.models import CubeMount as CubeMount
    from polarnight.db.models import CubeRecipe as CubeRecipe
    from polarnight.db.models import CubeSession as CubeSession
    from polarnight.db.models import CubeTask as CubeTask
    from polarnight.db.models import CubeTaskInput as CubeTaskInput
    from polarnight.db.models import CubeUser as CubeUser
    from polarnight.db.models import CubeValue as CubeValue
    from polarnight.db.models import DataCube as DataCube
    from polarnight.db.models import Epoch as Epoch
    from polarnight.db.models import FlagChange as FlagChange
    from polarnight.db.models import FrameQuality as FrameQuality
    from polarnight.db.models import HumanDecision as HumanDecision
    from polarnight.db.models import MasterBias as MasterBias
    from polarnight.db.models import MasterDark as MasterDark
    from polarnight.db.models import MasterFlat as MasterFlat
    from polarnight.db.models import NightQuality as NightQuality
    from polarnight.db.models import PhotoPolResult as PhotoPolResult
    from polarnight.db.models import PolarizationCalibration as PolarizationCalibration
    from polarnight.db.models import RawFit as RawFit
    from polarnight.db.models import ReducedFit as ReducedFit

_MODELS = frozenset(
    {
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
    }
)

__all__ = [
    *sorted(_MODELS),
]


def __getattr__(name: str) -> Any:
    # Lazy: models can only be imported when Django is set up, settings only before.
    if name not in _MODELS:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from django.apps import apps

    if not apps.apps_ready:
        from polarnight.errors import ConfigError

        msg = f"{name} needs the database; call polarnight.Config(config_db=True) first"
        raise ConfigError(msg)
    return getattr(importlib.import_module("polarnight.db.models"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODELS])
