"""Stacks of frames on disk and the compiled kernels that combine and calibrate them."""

from polarnight.cubes.calibrate import calibrate
from polarnight.cubes.combine import METHODS, Combined, combine
from polarnight.cubes.stack import FrameStack

__all__ = ["METHODS", "Combined", "FrameStack", "calibrate", "combine"]
