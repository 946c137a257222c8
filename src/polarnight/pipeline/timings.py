"""How long the stages of a night took: noted while it is reduced, kept on the night."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["ASTROMETRY", "STAGES", "Timings"]

STAGES = ("ingest", "masters", "calibration", "astrometry", "photometry", "polarimetry")
"""Stages of a night, in order."""

ASTROMETRY = frozenset({"detect", "solve", "window"})
"""Stages of the recipe of a frame that are astrometry; the others are calibration."""

_SLOWEST = 3


class Timings:
    """Seconds of work by night and stage, of all processes together."""

    def __init__(self) -> None:
        self._pieces: defaultdict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)

    def add(self, night: str, stage: str, seconds: float, what: str) -> None:
        """Note how long one piece took: a file, a master, or a group by its first frame."""
        self._pieces[night, stage].append((max(0.0, seconds), what))

    def of(self, night: str, stage: str) -> Callable[[float, str], None]:
        """Return a function that notes seconds, and of what, for a stage of a night."""
        return lambda seconds, what: self.add(night, stage, seconds, what)

    def merged(self, night: str, report: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the timings of a night to be kept; of stages with nothing to do, the last ones.

        Returns
        -------
        dict
            By stage: ``seconds``, ``pieces`` (how many), ``slowest`` (name and seconds of
            each) and ``when`` (UTC).
        """
        before = (report or {}).get("timings") or {}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        merged = {}
        for stage in STAGES:
            pieces = self._pieces.get((night, stage))
            if pieces:
                merged[stage] = {**_summed(pieces), "when": now}
            elif stage in before:
                merged[stage] = before[stage]
        return merged


def _summed(pieces: list[tuple[float, str]]) -> dict[str, Any]:
    slowest = sorted(pieces, key=lambda piece: -piece[0])[:_SLOWEST]
    return {
        "seconds": round(sum(seconds for seconds, _ in pieces), 3),
        "pieces": len(pieces),
        "slowest": [[what, round(seconds, 3)] for seconds, what in slowest],
    }
