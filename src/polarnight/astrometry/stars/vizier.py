"""Cones of a table of VizieR, complete or refused.

VizieR cuts long answers short and says so beside the rows: ``QUERY_STATUS`` is ``OVERFLOW`` and
a warning tells of a truncated result. Rows alone do not show it. What was cut is asked for again
in strips of declination until each strip is whole.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from polarnight.errors import ExternalService

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["VizierTable", "query_cone"]

Floats = npt.NDArray[np.float64]

_UNLIMITED = -1
_MOST_REQUESTS: Final = 64
_LEAST_STRIP: Final = 0.002  # degrees; narrower ones hold a star or two, in any field
_DIGITS = 6  # of the declinations that bound a strip
_GOOD = 200  # of HTTP
_TOLD = 160  # characters of what a service says


@dataclass(frozen=True)
class VizierTable:
    """A table of VizieR.

    Attributes
    ----------
    vizier : str
        Its designation, such as ``I/355/gaiadr3``.
    title : str
    columns : sequence of str
    dec : str
        The one of them that is the declination, degrees.
    """

    vizier: str
    title: str
    columns: Sequence[str]
    dec: str

    def __str__(self) -> str:
        return f"{self.title} (VizieR {self.vizier})"


@dataclass(frozen=True)
class _Strip:
    """Declinations from `low` to below `high`; None: as far as the cone goes."""

    low: float | None = None
    high: float | None = None

    @property
    def constraint(self) -> str:
        bounds = []
        if self.low is not None:
            bounds.append(f">={self.low:.{_DIGITS}f}")
        if self.high is not None:
            bounds.append(f"<{self.high:.{_DIGITS}f}")
        return " & ".join(bounds)

    def holds(self, dec: Floats) -> npt.NDArray[np.bool_]:
        # A row without a place is kept: whoever asked has to judge it.
        outside = np.zeros(len(dec), dtype=bool)
        if self.low is not None:
            outside |= dec < self.low
        if self.high is not None:
            outside |= dec >= self.high
        return ~outside

    def halves(self, lowest: float, highest: float) -> tuple[_Strip, _Strip] | None:
        """Return both halves; None where they would be too narrow."""
        low = lowest if self.low is None else self.low
        high = highest if self.high is None else self.high
        if high - low < 2.0 * _LEAST_STRIP:
            return None
        middle = round(0.5 * (low + high), _DIGITS)
        return _Strip(self.low, middle), _Strip(middle, self.high)


def query_cone(
    table: VizierTable, ra: float, dec: float, radius_deg: float, timeout: float
) -> dict[str, Floats]:
    """Return all rows of a cone, by column; NaN where a value is blank.

    Parameters
    ----------
    table : VizierTable
    ra, dec, radius_deg : float
        ICRS, degrees.
    timeout : float
        Seconds after which the service counts as silent, for each request.

    Returns
    -------
    dict of str to ndarray
        As long as there are rows, which may be none at all.

    Raises
    ------
    ExternalService
        Where the service cannot be reached, takes too long, answers nonsense, or cuts even
        narrow strips of the field short.
    """
    strips = [_Strip()]
    parts: list[dict[str, Floats]] = []
    requests = 0
    while strips:
        strip = strips.pop()
        requests += 1
        rows, cut = _ask(table, (ra, dec, radius_deg), strip, timeout)
        if not cut:
            parts.append(_columns(rows, table, strip))
            continue
        halves = strip.halves(max(dec - radius_deg, -90.0), min(dec + radius_deg, 90.0))
        if halves is None or requests + len(strips) + 2 > _MOST_REQUESTS:
            msg = (
                f"{table} has more stars within {radius_deg:g} deg of {ra:.4f} {dec:+.4f} than "
                f"it sends ({cut}, {requests} requests); nothing was kept, ask for a smaller "
                "radius"
            )
            raise ExternalService(msg)
        strips += reversed(halves)
    return {name: np.concatenate([part[name] for part in parts]) for name in table.columns}


def _ask(
    table: VizierTable, cone: tuple[float, float, float], strip: _Strip, timeout: float
) -> tuple[Table | None, str]:
    """Return the rows of one request, None where there are none, and how they were cut short."""
    from astropy import units
    from astropy.coordinates import SkyCoord

    ra, dec, radius_deg = cone
    filters = {table.dec: strip.constraint} if strip.constraint else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the spelling of columns in the answer
            from astroquery.vizier import Vizier

            service = Vizier(columns=list(table.columns), row_limit=_UNLIMITED, timeout=timeout)
            response = service.query_region_async(
                SkyCoord(ra, dec, unit="deg", frame="icrs"),
                radius=radius_deg * units.deg,
                catalog=table.vizier,
                column_filters=filters,
                cache=False,
                frame="icrs",
            )
            status, content = response.status_code, response.content
            tree = _parsed(content) if status == _GOOD else None
    except Exception as error:  # a dozen kinds, of three libraries and the operating system
        raise _silent(table, str(error) or type(error).__name__) from error
    if tree is None:
        told = f"HTTP {status}" if status != _GOOD else "no table but " + _text(content)
        raise _silent(table, told)
    notes = list(_notes(tree))
    _refuse_errors(table, notes)
    # A catalogue has one table of this name; VizieR leaves it out where it has no rows.
    tables = [one for one in tree.iter_tables() if len(one.array)]
    rows = tables[0].to_table(use_names_over_ids=True) if tables else None
    return rows, _cut_short(notes, 0 if rows is None else len(rows))


def _silent(table: VizierTable, told: str) -> ExternalService:
    told = " ".join(told.split())[:_TOLD]
    return ExternalService(
        f"{table} does not answer ({told}); without a network import a local table with "
        "`polarnight stars import`"
    )


def _text(content: bytes) -> str:
    return content[:_TOLD].decode("utf-8", "replace")


def _parsed(content: bytes) -> Any:
    """Return the tree of a VOTable, None where it is something else.

    Raises
    ------
    Exception
        Of many kinds, where the table is damaged: among others where the connection broke.
    """
    from astropy.io import votable

    if b"<VOTABLE" not in content[:4096].upper():
        return None
    return votable.parse(io.BytesIO(content), verify="ignore", invalid="mask")


def _notes(tree: Any) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and text of what is said beside the rows, in capitals."""
    levels = [tree, *tree.resources, *tree.iter_tables()]
    for level in levels:
        for info in level.infos:
            yield tuple(str(part or "").upper() for part in (info.name, info.value, info.content))  # type: ignore[misc]


def _refuse_errors(table: VizierTable, notes: Sequence[tuple[str, str, str]]) -> None:
    for name, value, text in notes:
        if name in ("ERROR", "ERRORS") or (name == "QUERY_STATUS" and value == "ERROR"):
            told = " ".join(f"{value} {text}".split())[:_TOLD].lower()
            msg = f"{table} answers with an error ({told}); nothing was kept, try again later"
            raise ExternalService(msg)


def _cut_short(notes: Sequence[tuple[str, str, str]], rows: int) -> str:
    """Return how an answer was cut short, ``""`` where it is whole."""
    for name, value, text in notes:
        overflow = name == "QUERY_STATUS" and value == "OVERFLOW"
        if overflow or (name == "WARNING" and "TRUNCATED" in f"{value} {text}"):
            return f"cut after {rows} rows"
        # The limit in force, where the server does not let us have all.
        if name == "-OUT.MAX" and value.isdigit() and rows >= int(value) > 0:
            return f"cut after {rows} rows"
        if name == "MATCHES" and value.isdigit() and int(value) > rows:
            return f"cut after {rows} of {value} rows"
    return ""


def _columns(rows: Table | None, table: VizierTable, strip: _Strip) -> dict[str, Floats]:
    """Return the columns of the rows that lie in a strip."""
    if rows is None:
        return {name: np.zeros(0) for name in table.columns}
    columns = {name: _floats(rows, name, table) for name in table.columns}
    inside = strip.holds(columns[table.dec])
    return {name: values[inside] for name, values in columns.items()}


def _floats(rows: Table, name: str, table: VizierTable) -> Floats:
    """Return a column as floats, NaN where it is blank."""
    # The names of columns come as such, or made into identifiers.
    spellings = (name, name.replace("'", "_"), name.translate(str.maketrans("(/)", "___")))
    found = next((spelling for spelling in spellings if spelling in rows.colnames), None)
    if found is None:
        msg = f"{table} has no column {name!r} any more; it has {', '.join(rows.colnames)}"
        raise ExternalService(msg)
    column = rows[found]
    if column.dtype.kind not in "biuf" or column.ndim != 1:
        msg = (
            f"{table} answers with a column {name!r} that holds no numbers ({column.dtype}); "
            "nothing was kept, try again later"
        )
        raise ExternalService(msg)
    if hasattr(column, "filled"):
        column = column.astype(np.float64).filled(np.nan)
    return np.asarray(column, dtype=np.float64)
