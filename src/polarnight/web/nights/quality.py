"""Figures of nights, chosen, and what in them is out of the ordinary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from polarnight.db.models import NightQuality
from polarnight.db.models.masters import MASTER_MODELS
from polarnight.web.links import page_url

__all__ = ["Warned", "choose_quality", "warnings_of"]

_POOR = 0.7


@dataclass(frozen=True)
class Warned:
    """Something that an engineer should look at."""

    night: date
    telescope: str
    what: str
    text: str
    url: str


def choose_quality(
    telescope: str = "",
    instrument: str = "",
    band: str = "",
    first: date | None = None,
    last: date | None = None,
) -> Any:
    """Return figures of nights in order of time; those of detectors stay with every band."""
    wanted = {
        "epoch__telescope": telescope,
        "instrument": instrument,
        "epoch__night__gte": first,
        "epoch__night__lte": last,
    }
    given = {name: value for name, value in wanted.items() if value not in ("", None)}
    if any("\x00" in value for value in (*given.values(), band) if isinstance(value, str)):
        return NightQuality.objects.none()
    rows = NightQuality.objects.filter(**given).select_related("epoch")
    if band:
        rows = rows.filter(band__in=("", band))
    return rows.order_by("epoch__night", "epoch__telescope", "instrument", "band", "obsmode")


def warnings_of(rows: Any) -> list[Warned]:
    """Return what is out of the ordinary, the newest first.

    Parameters
    ----------
    rows : iterable of NightQuality
        Loaded.
    """
    epochs = {row.epoch_id: row.epoch for row in rows}
    cameras = {row.instrument for row in rows}
    found = []
    for row in rows:
        if row.throughput is not None and row.throughput < _POOR:
            text = f"throughput {100 * row.throughput:.0f} % of the usual"
            found.append(_warned(row.epoch, f"{row.instrument} {row.band}", text))
    for kind, model in MASTER_MODELS.items():
        masters = model._default_manager.filter(epoch__in=list(epochs), instrument__in=cameras)
        for master in masters:
            told = [*(master.warnings or []), *(master.comparison or {}).get("warnings", [])]
            turned = getattr(master, "rotangle", None)
            angle = "" if turned is None else f"{turned:g}°"
            words = (master.instrument, kind.lower(), getattr(master, "band", ""), angle)
            what = " ".join(filter(None, words))
            url = page_url("frame", kind.lower(), master.pk)
            found += [_warned(epochs[master.epoch_id], what, text, url) for text in told]
    return sorted(set(found), key=lambda one: (one.night, one.what), reverse=True)


def _warned(epoch: Any, what: str, text: str, url: str = "") -> Warned:
    night = page_url("night", epoch.telescope, epoch.night.isoformat())
    return Warned(epoch.night, epoch.telescope, what, str(text), url or night)
