"""How long the stages of a night took, for its page and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from polarnight.pipeline.timings import ASTROMETRY, STAGES

__all__ = ["StageTime", "frame_times", "timings_of"]


@dataclass(frozen=True)
class StageTime:
    """What a stage of a night took when it last had something to do.

    Attributes
    ----------
    stage : str
    seconds : float
        Of work, of all processes together.
    pieces : int
        Frames, masters or groups.
    share : float
        Of all stages of the night.
    slowest : list of (str, float)
        Names and seconds of the slowest pieces.
    when : datetime
        The end of that run.
    """

    stage: str
    seconds: float
    pieces: int
    share: float
    slowest: list[tuple[str, float]]
    when: datetime

    @property
    def each(self) -> float:
        """Seconds of a piece in the mean."""
        return self.seconds / max(1, self.pieces)


def timings_of(epoch: Any) -> list[StageTime]:
    """Return the stages of a night that were ever timed, in order."""
    kept = (epoch.report or {}).get("timings") or {}
    total = sum(kept[stage]["seconds"] for stage in STAGES if stage in kept)
    return [
        StageTime(
            stage,
            kept[stage]["seconds"],
            kept[stage]["pieces"],
            kept[stage]["seconds"] / total if total else 0.0,
            [(str(what), float(seconds)) for what, seconds in kept[stage]["slowest"]],
            datetime.fromisoformat(kept[stage]["when"]),
        )
        for stage in STAGES
        if stage in kept
    ]


def frame_times(epoch: Any) -> dict[str, dict[str, float]]:
    """Return the seconds that each reduced frame took, by file name and stage."""
    from polarnight.db import ReducedFit

    rows = ReducedFit.objects.filter(epoch=epoch).order_by("filename")
    found = {}
    for name, stages in rows.values_list("filename", "provenance__seconds").iterator():
        if stages:
            sky = sum(seconds for stage, seconds in stages.items() if stage in ASTROMETRY)
            found[name] = {
                "calibration": round(sum(stages.values()) - sky, 4),
                "astrometry": round(sky, 4),
            }
    return found
