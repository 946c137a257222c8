"""A CCD frame, its bits and normalised header; FITS in and out."""

from polarnight.frames.atomic import atomic_write, remove_leftovers
from polarnight.frames.bits import BIT_DEFINITIONS, UNUSABLE, Bit, BitDefinition, describe_bits
from polarnight.frames.cards import (
    Card,
    CardValue,
    key_matches,
    normalise_key,
    parse_cards,
    parse_value,
)
from polarnight.frames.conditions import Condition, satisfied
from polarnight.frames.coordinates import wcs_from_header
from polarnight.frames.frame import Frame
from polarnight.frames.info import FrameInfo, ImageType, ObsMode, Section
from polarnight.frames.pair import PairVector
from polarnight.frames.products import (
    read_frame,
    read_provenance,
    read_solution,
    read_tables,
    write_frame,
)
from polarnight.frames.provenance import (
    InputRecord,
    Provenance,
    StageRecord,
    content_key,
    recipe_key,
)
from polarnight.frames.reading import RawImage, list_images, read_header, read_raw

__all__ = [
    "BIT_DEFINITIONS",
    "UNUSABLE",
    "Bit",
    "BitDefinition",
    "Card",
    "CardValue",
    "Condition",
    "Frame",
    "FrameInfo",
    "ImageType",
    "InputRecord",
    "ObsMode",
    "PairVector",
    "Provenance",
    "RawImage",
    "Section",
    "StageRecord",
    "atomic_write",
    "content_key",
    "describe_bits",
    "key_matches",
    "list_images",
    "normalise_key",
    "parse_cards",
    "parse_value",
    "read_frame",
    "read_header",
    "read_provenance",
    "read_raw",
    "read_solution",
    "read_tables",
    "recipe_key",
    "remove_leftovers",
    "satisfied",
    "wcs_from_header",
    "write_frame",
]
