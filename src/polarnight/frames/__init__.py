"""A CCD frame, its bits and normalised header; FITS in and out."""

from polarnight.frames.bits import BIT_DEFINITIONS, UNUSABLE, Bit, BitDefinition, describe_bits
from polarnight.frames.frame import Frame
from polarnight.frames.info import FrameInfo, ImageType, ObsMode, Section
from polarnight.frames.pair import PairVector

__all__ = [
    "BIT_DEFINITIONS",
    "UNUSABLE",
    "Bit",
    "BitDefinition",
    "Frame",
    "FrameInfo",
    "ImageType",
    "ObsMode",
    "PairVector",
    "Section",
    "describe_bits",
]
