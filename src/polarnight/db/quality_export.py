"""Figures of quality as tables and files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.db.export import write_results
from polarnight.db.models import FrameQuality, NightQuality
from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["FORMATS", "frame_quality", "frame_table", "night_quality", "night_table", "write_table"]

FORMATS = ("csv", "ecsv", "json", "votable")
"""Formats of `write_table`."""

# name, kind, unit, description, from where when not the attribute of the same name
_Column = tuple[str, type, str, str, Callable[[Any], Any] | None]

_WHERE: tuple[_Column, ...] = (
    ("telescope", str, "", "", lambda row: row.epoch.telescope),
    ("night", str, "", "date at the start of the night", lambda row: row.epoch.night.isoformat()),
)

_KIND: tuple[_Column, ...] = (
    ("instrument", str, "", "", None),
    ("obsmode", str, "", "PHOTOMETRY or POLARIMETRY", None),
    ("band", str, "", "", None),
)

_FRAME: tuple[_Column, ...] = (
    *_WHERE,
    ("file", str, "", "raw file", lambda row: row.reducedfit.filename),
    *_KIND,
    ("jd_mid", float, "d", "mid-exposure, UTC", lambda row: row.juliandate),
    ("airmass", float, "", "", None),
    ("seeing", float, "arcsec", "FWHM", None),
    ("elongation", float, "", "ratio of the axes of star images", None),
    ("n_detections", int, "", "", None),
    ("solved", bool, "", "has a place on the sky", None),
    ("sky_rate", float, "adu / s", "sky in one pixel", None),
    ("sky_mag", float, "mag / arcsec2", "brightness of the sky", None),
    ("zero_point", float, "mag", "magnitude of one ADU per second", None),
    ("zero_point_err", float, "mag", "", None),
    ("transparency", float, "", "relative to the best frame of the night", None),
    ("throughput", float, "", "relative to what is usual of the camera", None),
)

_NIGHT: tuple[_Column, ...] = (
    *_WHERE,
    *_KIND,
    ("n_frames", int, "", "reduced light frames", None),
    ("n_solved", int, "", "of these with a place on the sky", None),
    ("seeing", float, "arcsec", "median FWHM", None),
    ("seeing_best", float, "arcsec", "10th percentile of the FWHM", None),
    ("elongation", float, "", "median", None),
    ("n_detections", float, "", "median", None),
    ("sky_rate", float, "adu / s", "median, sky in one pixel", None),
    ("sky_mag", float, "mag / arcsec2", "median", None),
    ("zero_point", float, "mag", "of the best frame at airmass 1", None),
    ("zero_point_err", float, "mag", "", None),
    ("extinction", float, "mag", "of this night, per airmass", None),
    ("extinction_err", float, "mag", "", None),
    ("extinction_n", int, "", "zero points that it was fitted to", None),
    ("extinction_taken", float, "mag", "that brought zero points to airmass 1", None),
    ("transparency", float, "", "median, relative to the best frame", None),
    ("throughput", float, "", "of the best frame, relative to what is usual", None),
    ("throughput_err", float, "", "", None),
    ("bias_level", float, "adu", "", None),
    ("read_noise", float, "electron", "as the biases show it", None),
    ("dark_rate", float, "adu / s", "", None),
    ("bad_fraction", float, "", "hot and unstable pixels", None),
    ("flat_rms", float, "", "of the flat over the one before, beyond noise", None),
    ("flat_large_scale", float, "", "largest change of the flat on large scales", None),
    ("new_spots", int, "", "new grains of dust", None),
)


def frame_quality(**select: Any) -> list[FrameQuality]:
    """Return figures of frames in order of time; see `night_quality` for what to select."""
    rows = FrameQuality.objects.filter(**_filters(**select))
    return list(rows.select_related("epoch", "reducedfit").order_by("juliandate", "pk"))


def night_quality(**select: Any) -> list[NightQuality]:
    """Return figures of nights in order of time.

    Parameters
    ----------
    **select
        epoch : Epoch; instrument, band : str; first, last : date.
    """
    rows = NightQuality.objects.filter(**_filters(**select)).select_related("epoch")
    order = ("epoch__night", "epoch__telescope", "instrument", "obsmode", "band")
    return list(rows.order_by(*order))


def _filters(
    *,
    epoch: Any = None,
    instrument: str | None = None,
    band: str | None = None,
    first: date | str | None = None,
    last: date | str | None = None,
) -> dict[str, Any]:
    wanted = {
        "epoch": epoch,
        "instrument": instrument,
        "band": band,
        "epoch__night__gte": first,
        "epoch__night__lte": last,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def frame_table(rows: list[FrameQuality]) -> Table:
    """Return figures of frames as a table with units; what is not known is NaN, or -1."""
    return _table(rows, _FRAME)


def night_table(rows: list[NightQuality]) -> Table:
    """Return figures of nights as a table with units; what is not known is NaN, or -1."""
    return _table(rows, _NIGHT)


def _table(rows: list[Any], columns: tuple[_Column, ...]) -> Table:
    from astropy.table import Column, Table

    missing: dict[type, Any] = {float: float("nan"), int: -1, bool: False, str: ""}
    dtypes = {str: None if rows else "U1", float: "f8", int: "i8", bool: "?"}
    table = Table()
    for name, kind, unit, description, getter in columns:
        values = [getter(row) if getter else getattr(row, name) for row in rows]
        values = [missing[kind] if value is None else value for value in values]
        table[name] = Column(
            values,
            name=name,
            dtype=dtypes[kind],
            unit=unit or None,
            description=description or None,
        )
    return table


def write_table(table: Table, form: str, path: Path | None = None) -> str:
    """Write a table of figures; return the text.

    Raises
    ------
    ConfigError
        For an unknown format.
    """
    if form not in FORMATS:
        msg = f"no format {form!r}; there are {', '.join(FORMATS)}"
        raise ConfigError(msg)
    return write_results(table, form, path)
