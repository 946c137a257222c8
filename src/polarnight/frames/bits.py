"""The bit registry: what can be wrong with a pixel.

The single definition from which decoders, documentation and legends are made. A higher
bit is a worse one, so badness is compared by comparing the integers: of two inputs the
one with the smaller value is the less bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Final

__all__ = ["BIT_DEFINITIONS", "UNUSABLE", "Bit", "BitDefinition", "describe_bits"]


class Bit(IntFlag):
    """Bits of a pixel, ranked: a higher value is worse."""

    NEAR_EDGE = 1 << 0
    INTERPOLATED = 1 << 1
    LOW_FLAT = 1 << 2
    NONLINEAR = 1 << 3
    TRAIL = 1 << 4
    COSMIC_RAY = 1 << 5
    SATURATED = 1 << 6
    BAD_PIXEL = 1 << 7
    NO_DATA = 1 << 8


@dataclass(frozen=True)
class BitDefinition:
    """One bit: its name, value, a short label for legends and a sentence for documentation."""

    name: str
    value: int
    short: str
    long: str


_TEXTS: Final = {
    Bit.NEAR_EDGE: ("edge", "Within the border of the detector where calibration is doubtful."),
    Bit.INTERPOLATED: ("interpolated", "The value was made from its neighbours."),
    Bit.LOW_FLAT: ("low flat", "The flat field is below the instrument's lower limit here."),
    Bit.NONLINEAR: ("nonlinear", "The raw value lies above the linear range of the detector."),
    Bit.TRAIL: ("trail", "A satellite or meteor trail crosses the pixel."),
    Bit.COSMIC_RAY: ("cosmic ray", "A cosmic ray hit the pixel."),
    Bit.SATURATED: ("saturated", "The raw value reached the saturation level."),
    Bit.BAD_PIXEL: ("bad", "A defect of the detector: dead, hot or unstable."),
    Bit.NO_DATA: ("no data", "There is no measurement: blank, not a number or outside."),
}

BIT_DEFINITIONS: Final = tuple(BitDefinition(bit.name or "", int(bit), *_TEXTS[bit]) for bit in Bit)

UNUSABLE: Final = int(Bit.TRAIL | Bit.COSMIC_RAY | Bit.SATURATED | Bit.BAD_PIXEL | Bit.NO_DATA)
"""Pixels with any of these bits enter no statistics."""


def describe_bits(value: int) -> list[str]:
    """Return the names of the bits set in `value`, worst first."""
    return [bit.name or "" for bit in reversed(Bit) if value & bit]
