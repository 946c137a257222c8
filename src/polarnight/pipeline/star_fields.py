"""Fields of the sky for which star catalogues are fetched over the network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.astrometry import Fetched, NoStars, covering, fetch_stars
from polarnight.astrometry.geometry import separation
from polarnight.errors import ConfigError, ExternalService

if TYPE_CHECKING:
    from polarnight.db import Epoch, RawFit
    from polarnight.pipeline.context import RunContext

__all__ = [
    "Field",
    "fetch_fields",
    "fetch_missing",
    "field_of_source",
    "fields_of_night",
]

_RADIUS = 0.3  # degrees, where no frame says how large a field is
_MARGIN = 0.1  # degrees: headers do not point that well
_ALIKE = 0.05  # degrees


@dataclass(frozen=True)
class Field:
    """A circle on the sky (ICRS, degrees)."""

    ra: float
    dec: float
    radius: float


def fetch_fields(
    fields: Sequence[Field],
    catalogue: str,
    directory: Path,
    timeout: float,
    *,
    again: bool = False,
) -> Iterator[Fetched]:
    """Fetch a catalogue for some fields, one after the other.

    Raises
    ------
    ExternalService
        At the first that fails; what came before it is on disk. As `NoStars`, when all is done,
        where the catalogue has nothing in some of them.
    """
    empty = []
    for field in fields:
        try:
            yield fetch_stars(
                *(catalogue, field.ra, field.dec, field.radius, directory),
                timeout=timeout,
                again=again,
            )
        except NoStars as error:
            empty.append(str(error))
    if empty:
        raise NoStars("; ".join(empty))


def field_of_source(name: str, radius: float | None = None) -> Field:
    """Return the field about a source of the catalogue of sources.

    Raises
    ------
    ConfigError
        Where there is no such source.
    """
    from polarnight.db.sources import get_source

    source = get_source(name)
    return Field(source.ra, source.dec, radius or _RADIUS)


def fields_of_night(name: str, radius: float | None = None) -> list[Field]:
    """Return the fields of the light frames of a night, each once.

    The place is that of the plate solution, else of the source that OBJECT names, else of the
    header.

    Raises
    ------
    ConfigError
        Where the night is not registered or has no light frame with a place.
    """
    from polarnight.db import Epoch

    try:
        epoch = Epoch.by_epochname(name)
    except Epoch.DoesNotExist as error:
        msg = f"{name} is not registered; `polarnight status` lists the nights"
        raise ConfigError(msg) from error
    fields = _fields([epoch], radius)
    if not fields:
        msg = f"{name} has no light frame that tells where it points"
        raise ConfigError(msg)
    return fields


def fetch_missing(context: RunContext, epochs: Sequence[Epoch]) -> None:
    """Fetch stars for the fields of some nights that no fetched catalogue covers.

    Only where ``astrometry.online`` asks for it. A service that does not answer is told once,
    and the run goes on with what is on disk; a field without stars is told and left.
    """
    settings = context.settings.astrometry
    if not settings.online or context.options.dry_run:
        return
    directory = context.settings.data.stars
    for field in _fields(epochs, None):
        if covering(directory, settings.online_catalogue, field.ra, field.dec, field.radius):
            continue
        try:
            fetch_stars(
                settings.online_catalogue,
                field.ra,
                field.dec,
                field.radius,
                directory,
                timeout=settings.online_timeout,
            )
        except NoStars as error:  # beyond the footprint; the next field need not be
            context.warn("reduce", "star catalogue", str(error))
        except ExternalService as error:
            context.warn("reduce", "star catalogue", str(error))
            return


def _fields(epochs: Sequence[Epoch], radius: float | None) -> list[Field]:
    from polarnight.db import RawFit
    from polarnight.db.sources import SourceNames

    names = SourceNames.load()
    rows = (
        RawFit.objects.filter(epoch__in=epochs, imgtype="LIGHT")
        .select_related("reduced")
        .order_by("jd_start", "filename")
    )
    fields: list[Field] = []
    for row in rows:
        place = _place(row, names.resolve(row.object_name))
        if place is None:
            continue
        reach = radius or _reach(row)
        for n, field in enumerate(fields):
            if float(separation(field.ra, field.dec, *place)) < _ALIKE:
                fields[n] = Field(field.ra, field.dec, max(field.radius, reach))
                break
        else:
            fields.append(Field(*place, reach))
    return fields


def _place(row: RawFit, named: tuple[float, float] | None) -> tuple[float, float] | None:
    solved = getattr(row, "reduced", None)
    for ra, dec in (
        (getattr(solved, "center_ra", None), getattr(solved, "center_dec", None)),
        named or (None, None),
        (row.ra, row.dec),
    ):
        if ra is not None and dec is not None and -90.0 <= dec <= 90.0:
            return ra % 360.0, dec
    return None


def _reach(row: RawFit) -> float:
    """Return half the diagonal of a frame with a margin for its header, degrees."""
    scale = row.pixel_scale
    if not scale or not row.width:
        return _RADIUS
    return round(0.5 * math.hypot(row.width, row.height) * float(scale) / 3600.0 + _MARGIN, 3)
