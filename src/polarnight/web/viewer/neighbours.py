"""Frames that one wants to see in turn with another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polarnight.db.models.frames import RawFit, ReducedFit
from polarnight.web.viewer.opening import kind_of

if TYPE_CHECKING:
    from polarnight.web.viewer.opening import FrameRow

__all__ = ["neighbours"]


def neighbours(row: FrameRow) -> list[dict[str, Any]]:
    """Return what a frame may be compared with, as ``role``, ``kind``, ``pk`` and ``title``.

    Of a light frame the raw or reduced one, and those before and after of the same object,
    instrument and band, of whatever size; of a master those before and after that
    replace each other.
    """
    found = []
    if isinstance(row, ReducedFit):
        found.append(_entry("raw", row.rawfit, row.rawfit.filename))
    elif isinstance(row, RawFit):
        reduced = ReducedFit.objects.filter(rawfit=row).first()
        if reduced is not None:
            found.append(_entry("reduced", reduced, reduced.filename))
    for role, other in zip(("previous", "next"), _in_time(row), strict=True):
        if other is not None:
            found.append(_entry(role, other, f"{other.epoch.epochname} {other.filename}"))
    return found


def _entry(role: str, row: FrameRow, title: str) -> dict[str, Any]:
    return {"role": role, "kind": kind_of(row), "pk": row.pk, "title": title}


def _in_time(row: FrameRow) -> tuple[Any, Any]:
    alike: tuple[str, ...]
    if isinstance(row, RawFit | ReducedFit):
        time, alike = "juliandate", ("object_name", "instrument", "band", "imgtype")
    else:
        time = "jd"
        alike = tuple(name for name in row.MARGS if name != "exptime")
    when = getattr(row, time)
    if when is None:
        return None, None
    like = type(row)._default_manager.filter(**{name: getattr(row, name) for name in alike})
    rows: Any = like.select_related("epoch")
    before = rows.filter(**{f"{time}__lt": when}).order_by(f"-{time}", "-pk").first()
    after = rows.filter(**{f"{time}__gt": when}).order_by(time, "pk").first()
    return before, after
