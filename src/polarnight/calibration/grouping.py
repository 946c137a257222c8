"""Which calibration frames are combined with each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from polarnight.calibration.keys import FlatAngles, differing_keys, group_keys, text_of_keys
from polarnight.frames import FrameInfo, ImageType

__all__ = ["CalibrationGroup", "group_calibrations"]


@dataclass(frozen=True)
class CalibrationGroup:
    """Calibration frames of one kind, night and setting.

    Attributes
    ----------
    kind : ImageType
    keys : dict
        What they share, JSON-able (`polarnight.calibration.keys.group_keys`).
    infos : tuple of FrameInfo
        In order of time, then of name.
    """

    kind: ImageType
    keys: dict[str, Any]
    infos: tuple[FrameInfo, ...]

    @property
    def night(self) -> str:
        """Date at the start of the night."""
        return str(self.keys["night"])

    def __str__(self) -> str:
        return f"{self.kind} of {self.night}: {text_of_keys(self.keys)}, {len(self.infos)} frames"


def group_calibrations(
    infos: Iterable[FrameInfo],
    *,
    angle_tolerance: float = 1.0,
    flat_angles: FlatAngles = "each",
) -> list[CalibrationGroup]:
    """Sort calibration frames into groups, each of which makes one master.

    Science frames are passed over. The result does not depend on the order of the input.

    Parameters
    ----------
    infos : iterable of FrameInfo
    angle_tolerance : float
        Degrees within which angles of a polarizer are one.
    flat_angles : {"each", "any"}
        Whether flats of different angles make different masters; see
        `polarnight.calibration.keys.hard_keys`.

    Returns
    -------
    list of CalibrationGroup
        Bias, dark, flat; then by night and first exposure.
    """
    order = (ImageType.BIAS, ImageType.DARK, ImageType.FLAT)
    groups: list[tuple[ImageType, dict[str, Any], list[FrameInfo]]] = []
    for info in sorted(infos, key=lambda i: (i.jd_start, i.filename)):
        if info.imgtype not in order:
            continue
        keys = group_keys(info, flat_angles=flat_angles)
        for kind, shared, members in groups:
            if kind is info.imgtype and not differing_keys(keys, shared, angle_tolerance):
                members.append(info)
                break
        else:
            groups.append((info.imgtype, keys, [info]))
    groups.sort(key=lambda g: (order.index(g[0]), g[1]["night"]))
    return [CalibrationGroup(kind, keys, tuple(members)) for kind, keys, members in groups]
