"""What must agree between a frame and its calibrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from polarnight.frames import FrameInfo, ImageType, ObsMode

__all__ = [
    "WINDOW_KEYS",
    "FlatAngles",
    "differing_keys",
    "group_keys",
    "hard_keys",
    "text_of_keys",
]

FlatAngles = Literal["each", "any"]
"""Whether flats are taken and used for each angle of the polarizer, or serve any."""

_DETECTOR = (
    "telescope",
    "instrument",
    "beam",
    "width",
    "height",
    "binning",
    "origin",
    "readmode",
)

WINDOW_KEYS = ("width", "height", "origin")
"""The keys that say which part of the chip was read; a master of a larger part can be cut."""


def hard_keys(
    info: FrameInfo, kind: ImageType, *, flat_angles: FlatAngles = "each"
) -> dict[str, Any]:
    """Return what a master of a kind must share with a frame, as JSON-able values.

    The detector as it was read (size, binning, window, gain and readout mode) for all kinds; for
    flats also the band, the mode, and the angle of the polarizer where there is one in the beam.
    The exposure time is never a hard key: darks are rates, flats are normalised.

    Parameters
    ----------
    info : FrameInfo
        Of a frame to be calibrated, or of a calibration.
    kind : ImageType
        Of the master.
    flat_angles : {"each", "any"}
        With ``"any"`` a flat serves every angle of the polarizer and both modes: what it shows
        (dust, vignetting) lies behind a plate that turns, or that never leaves the beam.

    Raises
    ------
    ValueError
        Where `kind` is no kind of calibration.
    """
    if kind not in (ImageType.BIAS, ImageType.DARK, ImageType.FLAT):
        msg = f"{kind} is no kind of calibration"
        raise ValueError(msg)
    keys: dict[str, Any] = {name: getattr(info, name) for name in _DETECTOR}
    keys["binning"], keys["origin"] = list(info.binning), list(info.origin)
    if kind is ImageType.FLAT:
        keys["band"] = info.band
    if kind is ImageType.FLAT and flat_angles == "each":
        in_beam = info.obsmode is ObsMode.POLARIMETRY
        keys["obsmode"] = str(info.obsmode)
        keys["rotangle"] = info.rotangle if in_beam else None
    return keys


def group_keys(info: FrameInfo, *, flat_angles: FlatAngles = "each") -> dict[str, Any]:
    """Return what calibrations that are combined with each other must share.

    The hard keys and the night; for darks also the exposure time, because frames of different
    noise make a poor median.
    """
    keys = {"night": info.night, **hard_keys(info, info.imgtype, flat_angles=flat_angles)}
    if info.imgtype is ImageType.DARK:
        keys["exptime"] = info.exptime
    return keys


def differing_keys(
    wanted: Mapping[str, Any], found: Mapping[str, Any], angle_tolerance: float
) -> list[tuple[str, Any, Any]]:
    """Return ``(key, wanted, found)`` of every key that differs.

    Angles agree within a tolerance (degrees): plates are read back as 22.48 or 22.50.
    """
    return [
        (key, value, found.get(key))
        for key, value in wanted.items()
        if not _agree(key, value, found.get(key), angle_tolerance)
    ]


def text_of_keys(keys: Mapping[str, Any]) -> str:
    """Return keys as text for people, without those that say nothing."""
    size = f"{keys.get('width')}x{keys.get('height')}"
    parts = [str(keys.get("instrument", "")), size]
    for name in ("binning", "origin"):
        value = keys.get(name)
        plain = [1, 1] if name == "binning" else [0, 0]
        if value is not None and list(value) != plain:
            parts.append(f"{name} {value[0]},{value[1]}")
    parts += [
        f"{name} {keys[name]}"
        for name in ("beam", "readmode", "band", "obsmode", "rotangle", "exptime")
        if keys.get(name) not in (None, "")
    ]
    return ", ".join(parts)


def _agree(key: str, one: Any, other: Any, angle_tolerance: float) -> bool:
    if key == "rotangle" and one is not None and other is not None:
        return abs(float(one) - float(other)) <= angle_tolerance
    if key == "exptime" and other is not None:
        return abs(float(one) - float(other)) <= 1e-3 * max(abs(float(one)), 1e-3)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)
    return bool(one == other)
