"""What small windows of the chip are tied to: solved wide frames, and how the instrument stood."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.astrometry import Detections, Orientation, WideFrame
from polarnight.astrometry.geometry import separation
from polarnight.frames import FrameInfo, ObsMode, read_solution, read_tables
from polarnight.instruments import Instrument, get_instrument

if TYPE_CHECKING:
    from polarnight.db import ReducedFit
    from polarnight.db.sources import SourceNames

__all__ = ["TiedFrame", "WideShelf", "WindowTies", "is_window", "load_wide"]

_MOST_WIDE = 3
_MOST_ORIENTATIONS = 20
_LARGER = 2.0  # area of a wide frame, of that of the window
_KEPT = 4


@dataclass(frozen=True, slots=True)
class TiedFrame:
    """A solved wide frame that a window may be tied to.

    Attributes
    ----------
    fileloc : str
        Of its raw file.
    path : Path
        Of the reduced frame.
    content_key : str
        Of the reduced frame, solution and detections included.
    """

    fileloc: str
    path: Path
    content_key: str


@dataclass(frozen=True)
class WindowTies:
    """What a window may be tied to, the most trusted first.

    Attributes
    ----------
    wides : tuple of TiedFrame
    orientations : tuple of Orientation
        Of other solved frames, where there is no wide frame of the target.
    """

    wides: tuple[TiedFrame, ...] = ()
    orientations: tuple[Orientation, ...] = ()

    def key_part(self) -> list[Any]:
        """Return what recipe keys need to know."""
        return [[w.content_key for w in self.wides], [list(o) for o in self.orientations]]


def is_window(info: FrameInfo) -> bool:
    """Return whether a frame is a small window, which waits for the wide frames of its night."""
    return get_instrument(info.instrument).is_window(info)


def load_wide(tied: TiedFrame) -> WideFrame:
    """Read place and detections of a wide frame; kept for the other windows of the cycle.

    Raises
    ------
    BadFrame
        Where the file is damaged, or not solved any more.
    """
    state = tied.path.stat() if tied.path.is_file() else None
    size, mtime = (state.st_size, state.st_mtime_ns) if state else (0, 0)
    return _load(tied, size, mtime)


@lru_cache(maxsize=_KEPT)
def _load(tied: TiedFrame, size: int, mtime_ns: int) -> WideFrame:
    info, wcs = read_solution(tied.path)
    detections = Detections.from_table(read_tables(tied.path)["SOURCES"])
    return WideFrame(tied.fileloc, info, wcs, detections)


@dataclass
class _Candidate:
    """A solved frame of the database that is no window."""

    tied: TiedFrame
    night: str
    jd: float
    band: str
    object_name: str
    centre: tuple[float, float]
    binning: str
    area: int
    flipped: bool
    orientation: Orientation


@dataclass
class WideShelf:
    """The solved wide frames of the instruments that read windows, by instrument.

    Frames of the same night come first, else of earlier nights, else of later ones: a night that
    is reduced later does not make the windows of an earlier one stale.
    """

    names: SourceNames
    _by_instrument: dict[str, list[_Candidate]] = field(default_factory=dict)

    def forget(self) -> None:
        """Read the frames again at the next use."""
        self._by_instrument.clear()

    def ties(self, info: FrameInfo) -> WindowTies:
        """Return what a window may be tied to."""
        binning = f"{info.binning[0]}x{info.binning[1]}"
        area = _LARGER * info.width * info.height
        usable = [c for c in self._candidates(info) if c.binning == binning and c.area >= area]
        wides = _nearest([c for c in usable if self._same_target(info, c)], info)
        if wides:
            return WindowTies(tuple(c.tied for c in wides[:_MOST_WIDE]))
        others = _nearest(usable, info)[:_MOST_ORIENTATIONS]
        return WindowTies((), tuple(c.orientation for c in others))

    def _same_target(self, info: FrameInfo, candidate: _Candidate) -> bool:
        """Return whether a frame may show the target, by place or else by the name."""
        from polarnight.db.sources import normalise

        place = self.names.resolve(info.object_name)
        if place is None:
            name = normalise(info.object_name)
            return bool(name) and name == normalise(candidate.object_name)
        reach = get_instrument(info.instrument).field_arcmin / 60.0
        return float(separation(*place, *candidate.centre)) <= reach

    def _candidates(self, info: FrameInfo) -> list[_Candidate]:
        if info.instrument not in self._by_instrument:
            self._by_instrument[info.instrument] = _solved_frames(info.instrument)
        return self._by_instrument[info.instrument]


def _nearest(candidates: list[_Candidate], info: FrameInfo) -> list[_Candidate]:
    """Return the candidates of the best night or nights, the most alike and nearest first."""
    ages = {c.tied.fileloc: _age(c, info) for c in candidates}
    best = min(ages.values(), default=0)
    some = [c for c in candidates if ages[c.tied.fileloc] == best]
    flipped = bool(info.extra.get("flipped"))
    return sorted(
        some,
        key=lambda c: (
            c.flipped != flipped,
            c.band != info.band,
            abs(c.jd - info.jd_mid),
            c.tied.fileloc,
        ),
    )


def _age(candidate: _Candidate, info: FrameInfo) -> int:
    if candidate.night == info.night:
        return 0
    return 1 if candidate.night < info.night else 2


def _solved_frames(instrument: str) -> list[_Candidate]:
    from polarnight.db import RawFit, ReducedFit

    plugin = get_instrument(instrument)
    rows = (
        ReducedFit.objects.filter(
            instrument=instrument, solved=True, obsmode=str(ObsMode.PHOTOMETRY)
        )
        .exclude(content_key="")
        .filter(flags__hasnot=ReducedFit.FLAGS.IGNORE, rawfit__flags__hasnot=RawFit.FLAGS.IGNORE)
        .select_related("epoch", "rawfit")
        .order_by("pk")
    )
    found = [_candidate(row, plugin) for row in rows]
    return [candidate for candidate in found if candidate is not None]


def _candidate(row: ReducedFit, plugin: Instrument) -> _Candidate | None:
    info = row.rawfit.frame_info()
    evidence = row.astrometry_info
    if info is None or plugin.is_window(info) or row.center_ra is None or row.center_dec is None:
        return None
    if evidence.get("rotation_deg") is None or evidence.get("pixel_scale") is None:
        return None
    flipped = bool(info.extra.get("flipped"))
    return _Candidate(
        tied=TiedFrame(row.fileloc, row.filepath, row.content_key),
        night=info.night,
        jd=info.jd_mid,
        band=info.band,
        object_name=info.object_name,
        centre=(row.center_ra, row.center_dec),
        binning=row.imgbinning,
        area=info.width * info.height,
        flipped=flipped,
        orientation=Orientation(
            float(evidence["rotation_deg"]),
            bool(evidence["mirrored"]),
            float(evidence["pixel_scale"]),
            flipped,
        ),
    )
