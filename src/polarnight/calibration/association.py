"""How a frame finds its masters, and why it found none.

Hard keys first; then levels, as quality engineers of observatories grade them: 0 the same
night, 1 within a few days, 2 within the validity of the instrument, 3 beyond (risky). Inside
a level the nearest in time is taken.

For a window of the chip a master of exactly that window comes first; one of a larger part
that contains it is cut, and is better only than a risky one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, Self

from polarnight.calibration.keys import WINDOW_KEYS, differing_keys, hard_keys, text_of_keys
from polarnight.calibration.levels import level_meaning, nearness_level
from polarnight.calibration.rules import AssociationRules
from polarnight.calibration.windows import Extent, text_of_cut
from polarnight.frames import FrameInfo, ImageType

__all__ = ["Association", "MasterRecord", "NearMiss", "associate"]


@dataclass(frozen=True)
class MasterRecord:
    """A master as the association sees it.

    Attributes
    ----------
    id : str or int
        Whatever identifies it to the caller.
    kind : ImageType
    keys : dict
        `polarnight.calibration.keys.hard_keys` of its frames.
    night : str
        Date (ISO) at the start of its night.
    jd : float
        UTC Julian date of the middle of its frames.
    exptime : float
        Seconds; of its frames, matters for darks.
    valid_from, valid_to : float or None
        UTC Julian dates within which alone it may be used without risk, where somebody has
        said so (a filter cleaned, a detector changed).
    ignored : bool
        Never to be used.
    extent : Extent or None
        The part of the chip that it shows; None to take it from the keys.
    """

    id: str | int
    kind: ImageType
    keys: dict[str, Any]
    night: str
    jd: float
    exptime: float = 0.0
    valid_from: float | None = None
    valid_to: float | None = None
    ignored: bool = False
    extent: Extent | None = None

    @classmethod
    def from_info(cls, id: str | int, kind: ImageType, info: FrameInfo, **more: Any) -> Self:  # noqa: A002
        """Describe a master by the normalised header it was written with."""
        return cls(
            id,
            kind,
            hard_keys(info, kind),
            info.night,
            info.jd_mid,
            info.exptime,
            extent=Extent.of(info),
            **more,
        )

    @property
    def place(self) -> Extent:
        """The part of the chip that the master shows."""
        if self.extent is not None:
            return self.extent
        x, y = self.keys["origin"]
        whole = (x, x + self.keys["width"], y, y + self.keys["height"])
        return Extent(*whole, light=whole)


class NearMiss(NamedTuple):
    """A candidate that was not taken, and the first key that spoke against it."""

    candidate: MasterRecord
    key: str
    wanted: Any
    found: Any


@dataclass(frozen=True)
class Association:
    """The master chosen for a frame, or why there is none.

    Attributes
    ----------
    kind : ImageType
    choice : MasterRecord or None
    level : int or None
        0 the same night, 1 near, 2 within validity, 3 risky; None where there is no choice.
    delta_days : float or None
        Master minus frame.
    reason : str
        A sentence for people.
    cut : str
        How the master is cut, such as ``"cut from 4144x2822 at 1500,1200"``; ``""`` where it
        is used as it is.
    nearest : tuple of NearMiss
        Where there is no choice, the candidates that came nearest.
    """

    kind: ImageType
    choice: MasterRecord | None
    level: int | None
    delta_days: float | None
    reason: str
    nearest: tuple[NearMiss, ...] = field(default=())
    cut: str = ""

    @property
    def risky(self) -> bool:
        """Whether the master lies outside its range of validity."""
        return self.level == 3


def associate(
    info: FrameInfo,
    candidates: Iterable[MasterRecord],
    kind: ImageType,
    rules: AssociationRules | None = None,
) -> Association:
    """Choose the master of a kind for a frame.

    Parameters
    ----------
    info : FrameInfo
        Of the frame to be calibrated.
    candidates : iterable of MasterRecord
        Other kinds among them are passed over; their order does not matter.
    kind : ImageType
    rules : AssociationRules, optional

    Returns
    -------
    Association
        Of darks of one level and night the one whose exposure time is nearest (in ratio) comes
        first; otherwise the nearest in time. Of masters that are not risky, one of exactly the
        frame's window comes before any that has to be cut.
    """
    rules = rules or AssociationRules()
    wanted = hard_keys(info, kind, flat_angles=rules.flat_angles)
    usable: list[tuple[tuple[Any, ...], int, MasterRecord]] = []
    misses: list[tuple[tuple[Any, ...], NearMiss]] = []
    for candidate in candidates:
        if candidate.kind is not kind:
            continue
        miss = _objection(info, candidate, wanted, rules)
        if miss is not None:
            misses.append(miss)
            continue
        level = _level(info, candidate, rules)
        usable.append((_rank(info, candidate, level), level, candidate))
    if usable:
        _, level, choice = min(usable, key=lambda entry: entry[0])
        delta = choice.jd - info.jd_mid
        cut = _cut(info, choice)
        why = ", ".join(filter(None, (_why(choice, level, delta, rules), cut)))
        return Association(kind, choice, level, delta, why, cut=cut)
    misses.sort(key=lambda entry: entry[0])
    nearest = tuple(miss for _, miss in misses[: rules.max_nearest])
    return Association(kind, None, None, None, _why_not(kind, wanted, nearest), nearest)


def _objection(
    info: FrameInfo, candidate: MasterRecord, wanted: dict[str, Any], rules: AssociationRules
) -> tuple[tuple[Any, ...], NearMiss] | None:
    """Return why a candidate cannot be used, with its rank among those that cannot."""
    others = {key: value for key, value in wanted.items() if key not in WINDOW_KEYS}
    differing = differing_keys(others, candidate.keys, rules.angle_tolerance)
    window = _not_contained(info, candidate, rules)
    if window is not None:
        differing.append(("contains", *window))
    rank = (len(differing), abs(candidate.jd - info.jd_mid), str(candidate.id))
    if differing:
        return rank, NearMiss(candidate, *differing[0])
    if candidate.ignored:
        return rank, NearMiss(candidate, "ignored", False, True)
    if not rules.allow_risky and _level(info, candidate, rules) == 3:
        days = abs(candidate.jd - info.jd_mid)
        miss = NearMiss(candidate, "days apart", rules.validity_days, round(days, 2))
        return rank, miss
    return None


def _not_contained(
    info: FrameInfo, candidate: MasterRecord, rules: AssociationRules
) -> tuple[str, str] | None:
    """Return what pixels are wanted and found where a master cannot be cut to those of a frame."""
    whole, part = candidate.place, Extent.of(info)
    if whole.same_pixels(part):
        return None
    if not rules.cut or not whole.contains(part):
        return str(part), str(whole)
    if whole.same_corner(part) and not rules.corner_windows:
        return f"{part}, if its header tells where the window lies", str(whole)
    return None


def _cut(info: FrameInfo, candidate: MasterRecord) -> str:
    whole, part = candidate.place, Extent.of(info)
    return "" if whole.same_pixels(part) else text_of_cut(whole, part)


def _level(info: FrameInfo, candidate: MasterRecord, rules: AssociationRules) -> int:
    return nearness_level(
        info.jd_mid,
        same_night=candidate.night == info.night,
        days=abs(candidate.jd - info.jd_mid),
        valid_from=candidate.valid_from,
        valid_to=candidate.valid_to,
        rules=rules,
    )


def _rank(info: FrameInfo, candidate: MasterRecord, level: int) -> tuple[Any, ...]:
    days = abs(candidate.jd - info.jd_mid)
    # A risky master of the very window is no better than a good one that has to be cut.
    grade = (level == 3, _cut(info, candidate) != "", level)
    if candidate.kind is not ImageType.DARK:
        return *grade, days, candidate.jd, str(candidate.id)
    nights = abs((date.fromisoformat(candidate.night) - date.fromisoformat(info.night)).days)
    ratio = abs(math.log(max(candidate.exptime, 1e-3) / max(info.exptime, 1e-3)))
    return *grade, nights, ratio, days, candidate.jd, str(candidate.id)


def _why(choice: MasterRecord, level: int, delta: float, rules: AssociationRules) -> str:
    meaning = level_meaning(
        level, "master", valid_from=choice.valid_from, valid_to=choice.valid_to, rules=rules
    )
    when = f"{abs(delta):.2f} days {'earlier' if delta < 0 else 'later'}"
    return f"{choice.kind} {choice.id} of {choice.night}: level {level} ({meaning}), {when}"


def _why_not(kind: ImageType, wanted: dict[str, Any], nearest: tuple[NearMiss, ...]) -> str:
    text = f"no master {kind} for {text_of_keys(wanted)}"
    if not nearest:
        return f"{text}: there is none at all"
    told = "; ".join(
        f"{miss.candidate.id} of {miss.candidate.night} {_verb(miss.key)} {miss.found}, "
        f"wanted {miss.wanted}"
        for miss in nearest
    )
    return f"{text}; nearest: {told}"


def _verb(key: str) -> str:
    return key if key == "contains" else f"has {key}"
