"""Finding sources: by name, by another name, or by place."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import F, Max, OuterRef, Subquery

from polarnight.db.coordinates import parse_dec, parse_ra
from polarnight.db.models import AstroSource, PhotoPolResult
from polarnight.db.sources import normalise
from polarnight.errors import ConfigError

__all__ = ["SORTS", "parse_position", "search_sources"]

SORTS = {"name": "name", "type": "srctype", "ra": "ra", "dec": "dec", "last": "last"}
"""Orders of a list; ``-`` before them turns them round."""

_LARGEST = 180.0 * 60.0  # arcmin
_LONGEST = 200


def parse_position(text: str) -> tuple[float, float]:
    """Return right ascension and declination (ICRS, degrees) of a text with both.

    ``22:02:43.29 +42:16:40``, ``22 02 43.29 +42 16 40``, ``22h02m43s, +42d16m40s`` or
    ``330.68 42.28``.

    Raises
    ------
    ConfigError
        Where the text is no position.
    """
    text = text.strip()[:_LONGEST]
    ra, comma, dec = text.partition(",")
    if not comma:
        sign = re.search(r"(?<=[\s\d.smhd'\"″′])[+\-−]", text)
        words = text.split()
        if sign:
            ra, dec = text[: sign.start()], text[sign.start() :]
        elif len(words) % 2 == 0:
            half = len(words) // 2
            ra, dec = " ".join(words[:half]), " ".join(words[half:])
    if not ra.strip() or not dec.strip():
        msg = f"{text!r} is no position; write it as 22:02:43.3 +42:16:40 or 330.68 +42.28"
        raise ConfigError(msg)
    try:
        return parse_ra(ra.strip()), parse_dec(dec.strip())
    except ValueError as error:
        raise ConfigError(str(error)) from None


def search_sources(
    text: str = "",
    *,
    near: str = "",
    radius: float = 5.0,
    kind: str = "targets",
    sort: str = "name",
) -> Any:
    """Return the sources that fit, in order.

    Parameters
    ----------
    text : str
        Part of the name or of another name; spaces and signs do not count.
    near : str
        A position; see `parse_position`. The result is then ordered by distance.
    radius : float
        About `near`, arcmin.
    kind : {"targets", "calibrators", "all"}
    sort : str
        One of `SORTS`, with ``-`` before it for the other way.

    Returns
    -------
    QuerySet, or list where `near` is given

    Raises
    ------
    ConfigError
        Where `near`, `radius`, `kind` or `sort` is none.
    """
    rows: Any = AstroSource.objects.with_calibrator_mark()
    if kind not in {"targets", "calibrators", "all"}:
        msg = f"{kind[:20]!r} is no kind of source; there are targets, calibrators, all"
        raise ConfigError(msg)
    if kind != "all":
        rows = rows.filter(calibrator=kind == "calibrators")
    if text.strip():
        rows = rows.filter(pk__in=_named(text))
    if near.strip():
        if not 0.0 < radius <= _LARGEST:
            msg = f"a radius is between 0 and {_LARGEST:g} arcmin, not {radius:g}"
            raise ConfigError(msg)
        ra, dec = parse_position(near)
        inside = AstroSource.objects.filter(pk__in=rows.values("pk")).in_cone(
            ra, dec, radius / 60.0
        )
        marked = {row.pk: row for row in rows.filter(pk__in=[one.pk for one in inside[:5000]])}
        return [marked[one.pk] for one in inside if one.pk in marked]
    return _ordered(rows, sort)


def _ordered(rows: Any, sort: str) -> Any:
    name = sort.removeprefix("-")
    if name not in SORTS:
        msg = f"{sort[:20]!r} is no order; there are {', '.join(SORTS)}"
        raise ConfigError(msg)
    if name == "last":
        results = PhotoPolResult.objects.filter(astrosource=OuterRef("pk")).order_by()
        newest = results.values("astrosource").annotate(last=Max("juliandate")).values("last")
        rows = rows.annotate(last=Subquery(newest))
        column = F("last")
        # Sources without observations come last, both ways.
        way = column.desc(nulls_last=True) if sort[0] == "-" else column.asc(nulls_last=True)
        return rows.order_by(way, "name")
    return rows.order_by(("-" if sort[0] == "-" else "") + SORTS[name], "pk")


def _named(text: str) -> list[int]:
    """Return the keys of sources whose names hold a text, whatever its spaces and signs."""
    wanted = normalise(text[:_LONGEST])
    plain = text.strip()[:_LONGEST].casefold()
    found = []
    for pk, name, others in AstroSource.objects.values_list("pk", "name", "other_names"):
        for one in (name, *others.split(";")):
            if plain in one.casefold() or (wanted and wanted in normalise(one)):
                found.append(pk)
                break
    # More than this are no search, and SQLite takes a limited number of parameters.
    return found[:10_000]
