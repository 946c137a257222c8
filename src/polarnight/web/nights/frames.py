"""The raw frames of a night and what each became, a page at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet

from polarnight.db.models import Epoch, RawFit, ReducedFit
from polarnight.db.models.masters import MASTER_MODELS
from polarnight.web.nights.failures import words_of

__all__ = ["FRAME_STATES", "SORTS", "Asked", "choose_frames", "frame_rows"]

FRAME_STATES: Final = {
    "failed": "failed",
    "warned": "with warnings",
    "solved": "solved",
    "unsolved": "not solved",
    "ignored": "ignored",
    "risky": "risky master",
}
SORTS: Final = {
    "name": "filename",
    "time": "juliandate",
    "object": "object_name",
    "seeing": "reduced__fwhm",
    "exposure": "exptime",
}
_COLUMNS: Final = (
    "pk", "filename", "instrument", "imgtype", "obsmode", "band", "rotangle", "exptime",
    "juliandate", "imgsize", "object_name", "airmass", "flags", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """Which frames of a night, and in which order; empty values ask for all.

    Attributes
    ----------
    imgtype, band, instrument, state, text : str
        ``text`` is part of the file name or of the object.
    sort : str
        One of `SORTS`, with ``-`` before it for falling order.
    """

    imgtype: str = ""
    band: str = ""
    instrument: str = ""
    state: str = ""
    text: str = ""
    sort: str = "name"


def choose_frames(epoch: Epoch, asked: Asked) -> QuerySet[RawFit]:
    """Return the raw frames that are asked for."""
    rows = RawFit.objects.filter(epoch=epoch)
    exact = {"imgtype": asked.imgtype, "band": asked.band, "instrument": asked.instrument}
    given = {name: value for name, value in exact.items() if value}
    if any("\x00" in value for value in (*given.values(), asked.text)):
        return rows.none()  # PostgreSQL takes no NUL, and no row holds one
    rows = rows.filter(**given)
    if asked.text:
        rows = rows.filter(Q(filename__icontains=asked.text) | Q(object_name__icontains=asked.text))
    condition = _condition(asked.state)
    if condition is not None:
        rows = rows.filter(condition)
    column = SORTS.get(asked.sort.removeprefix("-"), "filename")
    return rows.order_by(("-" if asked.sort.startswith("-") else "") + column, "pk")


def _condition(state: str) -> Q | None:
    flags = RawFit.FLAGS
    if state == "failed":
        return (
            ~Q(error="")
            | (Q(reduced__isnull=False) & ~Q(reduced__error=""))
            | Q(reduced__flags__has=int(flags.ERROR_PHOTOMETRY | flags.ERROR_POLARIMETRY))
        )
    if state == "warned":
        return Q(reduced__isnull=False) & ~Q(reduced__warnings=[])
    if state in {"solved", "unsolved"}:
        return Q(reduced__solved=state == "solved")
    if state == "ignored":
        return Q(flags__has=int(flags.IGNORE))
    if state == "risky":
        return Q(reduced__flags__has=int(flags.RISKY_MASTER | flags.MISSING_MASTER))
    return None


def frame_rows(page: Sequence[RawFit] | QuerySet[RawFit]) -> list[dict[str, Any]]:
    """Return raw frames with what became of them, JSON-able.

    The number of queries does not depend on that of the frames.
    """
    rows = list(page)
    reduced = {
        row.rawfit_id: row
        for row in ReducedFit.objects.filter(rawfit__in=[raw.pk for raw in rows]).defer(
            "provenance", "astrometry_info"
        )
    }
    masters = _masters_of(rows)
    return [_row(raw, reduced.get(raw.pk), masters.get(raw.pk, [])) for raw in rows]


def _row(raw: RawFit, made: ReducedFit | None, masters: list[dict[str, Any]]) -> dict[str, Any]:
    told = {name: getattr(raw, name) for name in _COLUMNS if name not in {"flags", "pk"}}
    flags = set(raw.flag_labels) | set(made.flag_labels if made else ())
    error, remedy = words_of("classify" if raw.error else "reduce", _error(raw, made))
    return {
        "id": raw.pk,
        **told,
        "error": error,
        "remedy": remedy,
        "flags": sorted(flags - {"CLASSIFIED", "BUILT_REDUCED", "DOWNLOADED"}),
        "reduced": None if made is None else _reduced(made),
        "masters": masters if made is None else _used(made),
    }


def _error(raw: RawFit, made: ReducedFit | None) -> str:
    if raw.error or made is None:
        return str(raw.error)
    states = (made.photometry_info or {}).values()
    later = next((str(state["error"]) for state in states if state.get("error")), "")
    return str(made.error) or later


def _reduced(made: ReducedFit) -> dict[str, Any]:
    names = (
        "solved", "fwhm", "n_detections", "astrometry_rms", "astrometry_matched", "mag_zp",
        "mag_zp_err", "background_level", "n_cosmic_rays",
    )  # fmt: skip
    return {
        "id": made.pk,
        "has_file": bool(made.content_key),
        "warnings": list(made.warnings or []),
        **{name: getattr(made, name) for name in names},
    }


def _used(made: ReducedFit) -> list[dict[str, Any]]:
    """Return the masters of a reduced frame, at which level, and why."""
    found = []
    for kind in ("bias", "dark", "flat"):
        key = getattr(made, f"master{kind}_id")
        level, reason = getattr(made, f"{kind}_level"), getattr(made, f"{kind}_reason")
        if key is not None or reason:
            found.append({
                "kind": kind, "id": key, "level": level, "reason": reason, "role": "used",
            })  # fmt: skip
    return found


def _masters_of(rows: Sequence[RawFit]) -> dict[int, list[dict[str, Any]]]:
    """Return the masters that calibration frames went into, or were rejected from."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    names = {raw.pk: raw.filename for raw in rows}
    for kind, model in MASTER_MODELS.items():
        own = [raw.pk for raw in rows if raw.imgtype == kind]
        if not own:
            continue
        links = model.rawfits.through._default_manager.filter(rawfit__in=own)
        column = f"{model.__name__.lower()}_id"
        pairs = list(links.values_list("rawfit_id", column))
        masters = model._default_manager.only("pk", "key", "n_used", "rejected", "error").in_bulk(
            {master for _, master in pairs}
        )
        for raw, key in pairs:
            master = masters[key]
            why = dict(master.rejected or []).get(names[raw])
            reason = f"rejected: {why}" if why else f"one of {master.n_used} frames"
            found[raw].append({
                "kind": kind.lower(), "id": key, "level": None, "reason": reason,
                "role": "rejected" if why else "part",
            })  # fmt: skip
    return found
