"""What the first page tells: the last night of each telescope, in numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from polarnight.config import get_settings
from polarnight.web.links import page_url
from polarnight.web.nights.failures import Failure, failures_of

__all__ = ["Conditions", "Latest", "Night", "last_nights", "night_of"]

_UNIX_JD = 2440587.5
_POOR = 0.7  # of the usual throughput: clouds, or something on the mirror
_SLACK = 1.3  # seeing beyond this multiple of the usual is poor


_BANDS = "UBVRI"


def _colour(band: str) -> tuple[int, str]:
    """Return where a band stands from blue to red; those of other systems come last."""
    place = _BANDS.find(band)
    return (place if place >= 0 and len(band) == 1 else len(_BANDS), band)


@dataclass
class Conditions:
    """How a night was for one camera, band and mode, and how it usually is.

    Seeing in arcsec; zero points in mag; throughput relative to the usual.
    """

    instrument: str
    band: str
    mode: str
    n_solved: int
    n_frames: int
    seeing: float | None
    usual_seeing: float | None
    zero_point: float | None
    zero_point_change: float | None
    throughput: float | None

    @property
    def poor_seeing(self) -> bool:
        """Whether stars are clearly wider than usual."""
        if self.seeing is None or self.usual_seeing is None:
            return False
        return self.seeing > _SLACK * self.usual_seeing

    @property
    def poor_throughput(self) -> bool:
        """Whether clearly less light came through than usual."""
        return self.throughput is not None and self.throughput < _POOR


@dataclass
class Latest:
    """The newest numbers of a source in a night (p in percent, chi in degrees)."""

    source: str
    other_names: str
    srctype: str
    url: str
    n: int = 0
    n_flagged: int = 0
    when: datetime | None = None
    mags: dict[str, tuple[float, float | None]] = field(default_factory=dict)
    p: tuple[float, float | None, float | None] | None = None
    chi: tuple[float, float | None] | None = None
    band: str = ""

    @property
    def by_band(self) -> list[tuple[str, tuple[float, float | None]]]:
        """The magnitudes from blue to red."""
        return sorted(self.mags.items(), key=lambda item: _colour(item[0]))


@dataclass
class Night:
    """One night of one telescope."""

    epoch: Any
    url: str
    failures: list[Failure]
    conditions: list[Conditions]
    results: list[Latest]

    @property
    def n_failed(self) -> int:
        """How many files and groups failed."""
        return sum(len(failure.files) for failure in self.failures)

    @property
    def old(self) -> bool:
        """Whether the night is not one of the last three."""
        return bool((datetime.now(UTC).date() - self.epoch.night).days > 3)


def last_nights() -> list[Night]:
    """Return the last night of each telescope, the newest first."""
    from django.db.models import Max

    from polarnight.db import Epoch

    newest = Epoch.objects.order_by().values_list("telescope").annotate(last=Max("night"))
    nights = [
        Epoch.objects.with_counts().get(telescope=telescope, night=night)
        for telescope, night in newest
    ]
    nights.sort(key=lambda epoch: (epoch.night, epoch.telescope), reverse=True)
    return [night_of(epoch) for epoch in nights]


def night_of(epoch: Any) -> Night:
    """Return what there is to tell of a night.

    Parameters
    ----------
    epoch : Epoch
        With its counts (``with_counts``).
    """
    return Night(
        epoch=epoch,
        url=page_url("night", epoch.telescope, epoch.night.isoformat()),
        failures=failures_of(epoch),
        conditions=_conditions(epoch),
        results=_results(epoch),
    )


def _conditions(epoch: Any) -> list[Conditions]:
    from polarnight.db import NightQuality

    rows = list(NightQuality.objects.filter(epoch=epoch).exclude(band=""))
    if not rows:
        return []
    usual = _usual(epoch.telescope, epoch.night, {row.instrument for row in rows})
    rows.sort(key=lambda row: (row.instrument, row.obsmode, _colour(row.band)))
    return [_condition(row, usual) for row in rows]


def _condition(row: Any, usual: dict[Any, tuple[float | None, float | None]]) -> Conditions:
    seeing, zero_point = usual.get((row.instrument, row.obsmode, row.band), (None, None))
    known = row.zero_point is not None and zero_point is not None
    return Conditions(
        instrument=row.instrument,
        band=row.band,
        mode={"PHOTOMETRY": "phot", "POLARIMETRY": "pol"}.get(row.obsmode, ""),
        n_solved=row.n_solved,
        n_frames=row.n_frames,
        seeing=row.seeing,
        usual_seeing=seeing,
        zero_point=row.zero_point,
        zero_point_change=row.zero_point - zero_point if known else None,
        throughput=row.throughput,
    )


def _usual(
    telescope: str, night: date, instruments: Iterable[str]
) -> dict[Any, tuple[float | None, float | None]]:
    """Return the median seeing and zero point of the nights before, by camera, mode and band."""
    from polarnight.db import NightQuality

    quality = get_settings().quality
    first = night - timedelta(days=quality.reference_days)
    rows = NightQuality.objects.filter(
        epoch__telescope=telescope,
        epoch__night__lt=night,
        epoch__night__gte=first,
        instrument__in=list(instruments),
    ).exclude(band="")
    values: dict[Any, list[tuple[float | None, float | None]]] = defaultdict(list)
    for *key, seeing, zero_point in rows.values_list(
        "instrument", "obsmode", "band", "seeing", "zero_point"
    ):
        values[tuple(key)].append((seeing, zero_point))
    least = quality.reference_nights
    return {
        key: (_median([s for s, _ in pairs], least), _median([z for _, z in pairs], least))
        for key, pairs in values.items()
    }


def _median(values: Sequence[float | None], least: int) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) >= least else None


_COLUMNS = (
    "astrosource__name", "astrosource__other_names", "astrosource__srctype", "juliandate", "band",
    "mag", "mag_err", "p", "p_err", "p_limit95", "chi", "chi_err", "flags",
)  # fmt: skip


def _results(epoch: Any) -> list[Latest]:
    """Return the newest numbers of each target of a night; calibrators are left out."""
    from polarnight.db import PhotoPolResult

    flags = PhotoPolResult.FLAGS
    bad = int(flags.BAD_PHOTOMETRY | flags.BAD_POLARIMETRY | flags.SATURATED)
    rows = PhotoPolResult.objects.filter(epoch=epoch, astrosource__calibrates__isnull=True)
    found: dict[str, Latest] = {}
    for values in rows.order_by("juliandate", "id").values(*_COLUMNS):
        name = values["astrosource__name"]
        entry = found.get(name)
        if entry is None:
            entry = found[name] = Latest(
                source=name,
                other_names=values["astrosource__other_names"],
                srctype=values["astrosource__srctype"],
                url=page_url("plot", srcname=name),
            )
        entry.n += 1
        if values["flags"] & bad:
            entry.n_flagged += 1
            continue
        _take(entry, values)
    return sorted(found.values(), key=lambda entry: (entry.when is None, entry.source))


def _take(entry: Latest, values: dict[str, Any]) -> None:
    """Let later numbers take the place of earlier ones."""
    if values["juliandate"] is not None:
        entry.when = datetime.fromtimestamp((values["juliandate"] - _UNIX_JD) * 86400.0, UTC)
    if values["mag"] is not None:
        entry.mags[values["band"]] = (values["mag"], values["mag_err"])
    if values["p"] is not None:
        limit = values["p_limit95"]
        error = values["p_err"]
        entry.p = (
            100.0 * values["p"],
            None if error is None else 100.0 * error,
            None if limit is None else 100.0 * limit,
        )
        entry.band = values["band"]
        chi = values["chi"]
        entry.chi = None if chi is None or limit is not None else (chi, values["chi_err"])
