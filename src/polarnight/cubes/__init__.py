"""Stacks of frames and the kernels that combine them; lazy datacubes on top of both.

The cubes are loaded when they are first asked for: a run of the pipeline needs only stacks.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from polarnight.cubes.kernels.calibrate import calibrate
from polarnight.cubes.kernels.combine import METHODS, Combined, combine
from polarnight.cubes.kernels.stack import FrameStack

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.cubes.dimensions import Dimension
    from polarnight.cubes.fits.opening import list_hdus
    from polarnight.cubes.metadata import Card, Condition, Metadata
    from polarnight.cubes.recipes import Recipe, rebuild
    from polarnight.cubes.running.runner import Runner
    from polarnight.cubes.steps.arithmetic import combine_number, combine_pair
    from polarnight.cubes.steps.joining import concat, merge
    from polarnight.cubes.steps.many import combine_many
    from polarnight.cubes.store.store import CubeStore

__all__ = [
    "METHODS",
    "Card",
    "Combined",
    "Condition",
    "Cube",
    "CubeStore",
    "Dimension",
    "FrameStack",
    "Metadata",
    "Recipe",
    "Runner",
    "calibrate",
    "combine",
    "combine_many",
    "combine_number",
    "combine_pair",
    "concat",
    "list_hdus",
    "merge",
    "rebuild",
]

_LATER = {
    "Card": "metadata",
    "Condition": "metadata",
    "Cube": "cube",
    "CubeStore": "store.store",
    "Dimension": "dimensions",
    "Metadata": "metadata",
    "Recipe": "recipes",
    "Runner": "running.runner",
    "combine_many": "steps.many",
    "combine_number": "steps.arithmetic",
    "combine_pair": "steps.arithmetic",
    "concat": "steps.joining",
    "list_hdus": "fits.opening",
    "merge": "steps.joining",
    "rebuild": "recipes",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
