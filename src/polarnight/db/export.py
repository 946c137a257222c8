"""Results as tables and files."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.db.models import PhotoPolResult
from polarnight.db.readable import readable_table
from polarnight.errors import ConfigError
from polarnight.frames.atomic import atomic_write

if TYPE_CHECKING:
    from astropy.table import Table
    from django.db.models import QuerySet

__all__ = ["COLUMNS", "FORMATS", "results_table", "write_results"]

FORMATS = ("table", "csv", "ecsv", "json", "votable", "parquet")

# name, kind, unit, description, from where when not the attribute of the same name
_Column = tuple[str, type, str, str, Callable[[PhotoPolResult], Any] | None]

COLUMNS: tuple[_Column, ...] = (
    ("source", str, "", "name in the catalogue", lambda row: row.astrosource.name),
    ("telescope", str, "", "", lambda row: row.epoch.telescope),
    ("night", str, "", "date at the start of the night", lambda row: row.epoch.night.isoformat()),
    ("instrument", str, "", "", None),
    ("obsmode", str, "", "PHOTOMETRY or POLARIMETRY", None),
    ("band", str, "", "", None),
    ("jd_mid", float, "d", "mid-exposure, UTC", lambda row: row.juliandate),
    ("bjd_tdb", float, "d", "mid-exposure at the barycentre, TDB", None),
    ("exptime", float, "s", "of one frame", None),
    ("mag", float, "mag", "", None),
    ("mag_err", float, "mag", "1 sigma", None),
    ("mag_limit", float, "mag", "3-sigma limit where not detected", None),
    ("mag_corr", float, "mag", "without the host galaxy", None),
    ("mag_corr_err", float, "mag", "1 sigma", None),
    ("mag_zp", float, "mag", "zero point", None),
    ("mag_zp_err", float, "mag", "", None),
    ("q", float, "", "Stokes Q/I, fraction", None),
    ("q_err", float, "", "1 sigma", None),
    ("u", float, "", "Stokes U/I, fraction", None),
    ("u_err", float, "", "1 sigma", None),
    ("qu_cov", float, "", "covariance of q and u", None),
    ("v", float, "", "Stokes V/I, fraction, IAU sign", None),
    ("v_err", float, "", "1 sigma", None),
    ("p_naive", float, "", "polarization, not debiased, fraction", None),
    ("p", float, "", "polarization, debiased, fraction", None),
    ("p_err", float, "", "1 sigma", None),
    ("p_low", float, "", "lower end of the 1-sigma interval of p", None),
    ("p_high", float, "", "upper end of the 1-sigma interval of p", None),
    ("p_limit95", float, "", "upper limit of p at 95 % where p/sigma < 3", None),
    ("p_corr", float, "", "polarization, not diluted by the host galaxy, fraction", None),
    ("p_corr_err", float, "", "1 sigma", None),
    ("chi", float, "deg", "angle of polarization, north through east, [0, 180)", None),
    ("chi_err", float, "deg", "1 sigma", None),
    ("fwhm", float, "arcsec", "seeing", None),
    ("aperture", float, "arcsec", "radius", lambda row: row.aperas),
    ("flags", str, "", "flags in force", lambda row: "|".join(row.flag_labels)),
    ("n_frames", int, "", "frames the result is made of", None),
    ("files", str, "", "raw files", lambda row: ";".join(row.files)),
    ("recipe_key", str, "", "hash of inputs, parameters and versions", None),
)


def results_table(
    queryset: QuerySet[PhotoPolResult, PhotoPolResult] | None = None, /, **select: Any
) -> Table:
    """Return results as a table with units and descriptions.

    Parameters
    ----------
    queryset : QuerySet, optional
        Results to show; all by default.
    **select
        As `PhotoPolResultQuerySet.select`: source, band, night, first, last, telescope,
        instrument, reduction.

    Returns
    -------
    astropy.table.Table
        One row a result in order of time; a number that does not exist is NaN. Fractions
        for p, q and u, degrees for chi.

    Raises
    ------
    ConfigError
        Where a source, night or telescope is unknown.
    """
    from astropy.table import Column, Table

    if queryset is None or select:
        chosen = PhotoPolResult.objects.select(**select)
        queryset = chosen if queryset is None else chosen.filter(pk__in=queryset.values("pk"))
    rows = list(queryset.select_related("epoch", "astrosource"))
    table = Table()
    for name, kind, unit, description, getter in COLUMNS:
        values = [getter(row) if getter else getattr(row, name) for row in rows]
        if kind is float:
            values = [float("nan") if value is None else value for value in values]
        dtype = {str: "U1" if not rows else None, float: "f8", int: "i8"}[kind]
        table[name] = Column(
            values, name=name, dtype=dtype, unit=unit or None, description=description or None
        )
    return table


def write_results(table: Table, format: str, path: str | Path | None = None) -> str:  # noqa: A002
    """Write a table of results.

    Parameters
    ----------
    table : astropy.table.Table
        As from `results_table`.
    format : str
        ``table`` (the main columns, for reading), ``csv``, ``ecsv``, ``json``, ``votable``
        or ``parquet``.
    path : str or Path, optional
        File to write, replaced at once when complete. ``parquet`` needs it.

    Returns
    -------
    str
        The text; ``""`` for parquet.

    Raises
    ------
    ConfigError
        For an unknown format, or parquet without a file.
    """
    if format not in FORMATS:
        msg = f"no format {format!r}; there are {', '.join(FORMATS)}"
        raise ConfigError(msg)
    if format == "parquet":
        if path is None:
            msg = "parquet is not text; name a file for it"
            raise ConfigError(msg)
        _atomic(Path(path), lambda part: _parquet(table, part))
        return ""
    text = _TEXT[format](table)
    if path is not None:
        _atomic(Path(path), lambda part: part.write_text(text, encoding="utf-8"))
    return text


def _atomic(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the file and rename, so that nobody ever reads half of it."""
    if path.exists() and not path.is_file():
        # A device would be replaced by a file.
        msg = f"{path} is no file that could be replaced"
        raise ConfigError(msg)
    try:
        with atomic_write(path.resolve()) as part:
            write(part)
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror or error}"
        raise ConfigError(msg) from error


def _parquet(table: Table, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {
        name: pa.array(table[name].tolist(), _arrow(table[name], pa)) for name in table.colnames
    }
    fields = [
        pa.field(name, array.type, metadata=_describe(table[name]))
        for name, array in arrays.items()
    ]
    # astropy wants to know the longest text of a column, and warns where it is not told.
    lengths = {
        f"table::len::{name}": str(max((len(text.encode()) for text in table[name]), default=1))
        for name in table.colnames
        if table[name].dtype.kind == "U"
    }
    schema = pa.schema(fields, metadata=lengths)
    pq.write_table(pa.table(list(arrays.values()), schema=schema), path)


def _arrow(column: Any, pa: Any) -> Any:
    return {"f": pa.float64(), "i": pa.int64()}.get(column.dtype.kind, pa.string())


def _describe(column: Any) -> dict[str, str]:
    return {"unit": str(column.unit or ""), "description": column.description or ""}


def _as_ascii(format: str) -> Callable[[Table], str]:  # noqa: A002
    def write(table: Table) -> str:
        buffer = io.StringIO()
        table.write(buffer, format=format)
        return buffer.getvalue()

    return write


def _as_json(table: Table) -> str:
    import json

    from polarnight.db.fields import jsonable

    rows = [
        {name: jsonable(value) for name, value in zip(table.colnames, row, strict=True)}
        for row in table.iterrows()
    ]
    columns = {name: _describe(table[name]) for name in table.colnames}
    return json.dumps({"columns": columns, "rows": rows}, indent=1, ensure_ascii=False) + "\n"


def _as_votable(table: Table) -> str:
    buffer = io.BytesIO()
    table.write(buffer, format="votable")
    return buffer.getvalue().decode()


_TEXT: dict[str, Callable[[Table], str]] = {
    "table": readable_table,
    "csv": _as_ascii("ascii.csv"),
    "ecsv": _as_ascii("ascii.ecsv"),
    "json": _as_json,
    "votable": _as_votable,
}
