"""Standard stars of polarimetry: what is known of them, and from where."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from polarnight.errors import ConfigError

__all__ = ["BORROWED_ERROR", "Standard", "StandardValue", "find_standard", "load_standards"]

FloatArray = npt.NDArray[np.float64]

COLUMNS = (
    *("name", "aliases", "ra_hms", "dec_dms", "pm_ra", "pm_dec", "mag_V", "variable", "kind"),
    *("band", "p", "p_err", "chi", "chi_err", "q", "q_err", "u", "u_err"),
    *("source", "transcribed", "checked", "note"),
)
"""Columns of a table of standards, see the head of the one that comes with Polarnight."""

BORROWED_ERROR = 5e-4
"""Added to the errors of an unpolarized standard whose value is that of another band."""

_BANDS = "UBVRI"
_KINDS = ("polarized", "unpolarized")


@dataclass(frozen=True, slots=True)
class StandardValue:
    """Stokes parameters of a standard in a band.

    Attributes
    ----------
    bands : str
        Letters of the bands it holds in.
    q, u : float
        Fractions, on the sky.
    cov : tuple of tuples
        Covariance of (q, u), 2 x 2.
    source, transcribed : str
        The paper, by bibcode, and how the number came from there.
    checked : bool
        Whether somebody compared the number with the paper.
    note : str
    """

    bands: str
    q: float
    u: float
    cov: tuple[tuple[float, float], tuple[float, float]]
    source: str
    transcribed: str
    checked: bool
    note: str = ""

    @property
    def p(self) -> float:
        """Degree of polarization, not debiased."""
        return math.hypot(self.q, self.u)

    @property
    def chi(self) -> float:
        """Position angle in [0, 180) degrees."""
        return math.degrees(0.5 * math.atan2(self.u, self.q)) % 180.0


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard star with its values.

    Attributes
    ----------
    name : str
    aliases : tuple of str
    ra_hms, dec_dms : str
        ICRS at J2000.
    pm_ra, pm_dec : float or None
        mas/yr, that in right ascension with cos(dec); None where not entered.
    mag_v : float or None
    variable : bool
        Whether its polarization is known or suspected to vary.
    polarized : bool
    values : tuple of StandardValue
    """

    name: str
    aliases: tuple[str, ...]
    ra_hms: str
    dec_dms: str
    pm_ra: float | None
    pm_dec: float | None
    mag_v: float | None
    variable: bool
    polarized: bool
    values: tuple[StandardValue, ...]

    def in_band(self, band: str) -> StandardValue | None:
        """Return the value in a band; of unpolarized stars that of the nearest band, if need be.

        What little polarization such a star has depends on the wavelength too: a borrowed
        value gets `BORROWED_ERROR` added in quadrature. That of a polarized star is never
        borrowed.
        """
        own = [value for value in self.values if band in value.bands]
        if own or self.polarized or band not in _BANDS:
            return own[0] if own else None
        nearest = min(self.values, key=lambda value: _distance(value.bands, band))
        (qq, qu), (uq, uu) = nearest.cov
        extra = BORROWED_ERROR**2
        return StandardValue(
            bands=band,
            q=nearest.q,
            u=nearest.u,
            cov=((qq + extra, qu), (uq, uu + extra)),
            source=nearest.source,
            transcribed=nearest.transcribed,
            checked=nearest.checked,
            note=f"value in {nearest.bands}, {100 * BORROWED_ERROR:g} % added to its errors",
        )


def _distance(bands: str, band: str) -> int:
    return min(abs(_BANDS.index(own) - _BANDS.index(band)) for own in bands)


def load_standards(path: str | Path | None = None) -> list[Standard]:
    """Read a table of standards.

    Parameters
    ----------
    path : str or Path, optional
        A CSV file with the columns `COLUMNS`; lines that begin with ``#`` are passed over.
        By default the table that comes with Polarnight.

    Returns
    -------
    list of Standard
        In the order of the file.

    Raises
    ------
    ConfigError
        Naming the file, the line and the column that is wrong.
    """
    if path is None:
        origin = "standards.csv"
        text = (files("polarnight.polarimetry") / "data" / origin).read_text(encoding="utf-8")
    else:
        origin = str(path)
        if Path(path).exists() and not Path(path).is_file():
            msg = f"{path}: cannot be read as a table of standards: it is no file"
            raise ConfigError(msg)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{path}: cannot be read as a table of standards: {error}"
            raise ConfigError(msg) from error
    rows = list(_rows(text, origin))
    if not rows:
        msg = f"{origin}: no standards in it"
        raise ConfigError(msg)
    by_name: dict[str, list[_Row]] = {}
    for row in rows:
        by_name.setdefault(row.text("name"), []).append(row)
    return [_standard(own) for own in by_name.values()]


def find_standard(standards: Iterable[Standard], names: Iterable[str]) -> Standard | None:
    """Return the standard that has one of some names, in whatever spelling; else None."""
    wanted = {_plain(name) for name in names} - {""}
    for standard in standards:
        if wanted & {_plain(name) for name in (standard.name, *standard.aliases)}:
            return standard
    return None


def _plain(name: str) -> str:
    """Return a name without case, blanks and dots; the sign of a BD number counts."""
    return re.sub(r"[\s_.]", "", name).upper()


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table, whose complaints name their place."""

    cells: dict[str, str]
    place: str

    def text(self, column: str) -> str:
        return (self.cells.get(column) or "").strip()

    def number(self, column: str, *, needed: bool = False) -> float | None:
        text = self.text(column)
        if not text and not needed:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(column, f"{text!r} is no number")
        return value

    def required(self, column: str) -> float:
        value = self.number(column, needed=True)
        return math.nan if value is None else value

    def positive(self, column: str) -> float:
        value = self.required(column)
        if value <= 0:
            raise self.error(column, f"an error of {value:g}; every value needs one above 0")
        return value

    def choice(self, column: str, allowed: tuple[str, ...]) -> str:
        text = self.text(column)
        if text not in allowed:
            raise self.error(column, f"{text!r} is none of {', '.join(allowed)}")
        return text

    def error(self, column: str, problem: str) -> ConfigError:
        return ConfigError(f"{self.place}, {column}: {problem}")


def _rows(text: str, origin: str) -> Iterator[_Row]:
    numbered = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    reader = csv.DictReader(line for _, line in numbered)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        msg = f"{origin}: no column {', '.join(missing)}"
        raise ConfigError(msg)
    for (number, _), cells in zip(numbered[1:], reader, strict=False):
        place = f"{origin}, line {number}"
        if None in cells or not (cells.get("name") or "").strip():
            msg = f"{place}: too many cells, or no name"
            raise ConfigError(msg)
        yield _Row(cells, place)


def _standard(rows: list[_Row]) -> Standard:
    first = rows[0]
    kind = first.choice("kind", _KINDS)
    for row in rows[1:]:
        for column in ("ra_hms", "dec_dms", "kind", "variable"):
            if row.text(column) != first.text(column):
                raise row.error(
                    column, f"differs from that of the first line of {row.text('name')}"
                )
    values = tuple(_value(row, polarized=kind == "polarized") for row in rows)
    seen: set[str] = set()
    for row, value in zip(rows, values, strict=True):
        if seen & set(value.bands):
            raise row.error("band", f"{row.text('name')} has a value in {value.bands} already")
        seen |= set(value.bands)
    return Standard(
        name=first.text("name"),
        aliases=tuple(filter(None, (name.strip() for name in first.text("aliases").split(";")))),
        ra_hms=first.text("ra_hms"),
        dec_dms=first.text("dec_dms"),
        pm_ra=first.number("pm_ra"),
        pm_dec=first.number("pm_dec"),
        mag_v=first.number("mag_V"),
        variable=first.choice("variable", ("yes", "no")) == "yes",
        polarized=kind == "polarized",
        values=values,
    )


def _value(row: _Row, *, polarized: bool) -> StandardValue:
    bands = row.text("band")
    if not bands or set(bands) - set(_BANDS):
        raise row.error("band", f"{bands!r} is not made of {', '.join(_BANDS)}")
    if row.text("q") or row.text("u"):
        q, u = row.required("q") / 100.0, row.required("u") / 100.0
        cov = np.diag([row.positive("q_err") ** 2, row.positive("u_err") ** 2]) / 1e4
    else:
        q, u, cov = _from_degree(row, polarized=polarized)
    return StandardValue(
        bands=bands,
        q=q,
        u=u,
        cov=((float(cov[0, 0]), float(cov[0, 1])), (float(cov[1, 0]), float(cov[1, 1]))),
        source=row.text("source"),
        transcribed=row.text("transcribed"),
        checked=row.choice("checked", ("yes", "no")) == "yes",
        note=row.text("note"),
    )


def _from_degree(row: _Row, *, polarized: bool) -> tuple[float, float, FloatArray]:
    """Return q, u and their covariance from degree and angle.

    Errors along and across the direction of (q, u) are those of p and of the angle; without
    an error of the angle, as for unpolarized stars, that of p holds in every direction.
    """
    p, p_err = row.required("p") / 100.0, row.positive("p_err") / 100.0
    turn = 2.0 * math.radians(row.required("chi"))
    along = np.array([math.cos(turn), math.sin(turn)])
    across = np.array([-along[1], along[0]])
    tangential = 2.0 * math.radians(row.positive("chi_err")) * p if polarized else p_err
    cov = p_err**2 * np.outer(along, along) + tangential**2 * np.outer(across, across)
    q, u = p * along
    return float(q), float(u), cov
