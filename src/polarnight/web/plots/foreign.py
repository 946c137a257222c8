"""Light curves of others that are drawn beside ours, from tables in ``crosscheck`` of the archive.

Nothing of them enters the database: they are there to be compared with.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.db.models.base import data_directory
from polarnight.db.sources import normalise
from polarnight.web.plots.query import Selection
from polarnight.web.tables.columns import JD_OF_MJD

__all__ = ["VALUES", "Foreign", "foreign_of"]

_LOG = logging.getLogger(__name__)
_LARGEST = 20 << 20  # bytes of a file
_MOST = 5000  # points that are drawn

VALUES = ("mag", "mag_err", "p", "p_err", "chi", "chi_err")
"""Columns of numbers: magnitudes, percent, degrees."""

# Names of columns as others have them; those of IOP3's dump come last.
_NAMES = {
    "source": ("source", "name_IAU"), "band": ("band", "filter"), "mjd": ("mjd", "mjd_obs"),
    "jd": ("jd", "juliandate"), "instrument": ("instrument", "Telescope"),
    "mag": ("mag", "Mag"), "mag_err": ("mag_err", "dMag"),
    "p": ("p", "p_percent", "P"), "p_err": ("p_err", "p_percent_err", "dP"),
    "chi": ("chi", "Theta"), "chi_err": ("chi_err", "dTheta"),
}  # fmt: skip
_IN_PERCENT = {"p_percent", "p_percent_err", "P", "dP"}
_DIPOL = ("mjd", "q", "u", "p_percent", "p_percent_err", "chi", "chi_err")


@dataclass(frozen=True, eq=False)
class Foreign:
    """Points of others in order of time; p in percent, NaN where there is no number."""

    name: tuple[str, ...]
    mjd: npt.NDArray[np.float64]
    values: dict[str, npt.NDArray[np.float64]]


def foreign_of(selection: Selection) -> Foreign:
    """Return the points of others of a source, in its bands and window.

    Points of polarimetry without a band are taken in every band.

    Parameters
    ----------
    selection : Selection
    """
    parts = [part for file in _files() for part in _chosen(file, selection)]
    rows = sorted(parts, key=lambda part: float(part[1]))[:_MOST]
    mjd = np.array([mjd for _, mjd, _ in rows], dtype=np.float64)
    values = {
        name: np.array([numbers[n] for *_, numbers in rows], dtype=np.float64)
        for n, name in enumerate(VALUES)
    }
    return Foreign(tuple(name for name, *_ in rows), mjd, values)


def _files() -> list[Path]:
    root = data_directory().crosscheck
    if not root.is_dir():
        return []
    found = [*root.glob("*.csv"), *root.glob("*.ecsv"), *root.glob("dipol/*.txt")]
    return sorted(file for file in found if file.is_file() and file.stat().st_size <= _LARGEST)


def _chosen(file: Path, selection: Selection) -> list[tuple[str, float, tuple[float, ...]]]:
    state = file.stat()
    try:
        rows = _read(file, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, KeyError) as error:
        _LOG.warning("%s is no table of a light curve: %s", file.name, error)
        return []
    names = {normalise(name) for name in selection.source.all_names} - {""}
    low = -np.inf if selection.start is None else selection.start
    high = np.inf if selection.end is None else selection.end
    return [
        (instrument, mjd, numbers)
        for source, band, instrument, mjd, numbers in rows
        if low <= mjd <= high
        and (not band or not selection.bands or band in selection.bands)
        and _is_one_of(normalise(source), names, part=file.suffix == ".txt")
    ]


def _is_one_of(source: str, names: Collection[str], *, part: bool) -> bool:
    """Whether a name is one of a source; of the files of DIPOL it is a part of theirs."""
    return any(name in source for name in names) if part else source in names


@lru_cache(maxsize=32)
def _read(
    file: Path, _mtime_ns: int, _size: int
) -> list[tuple[str, str, str, float, tuple[float, ...]]]:
    """Return source, band, instrument, MJD and numbers of the rows of a file."""
    from astropy.table import Table

    if file.suffix == ".txt":
        # The files of DIPOL tell the source by their names.
        table = Table.read(file, format="ascii.no_header", guess=False)
        table.rename_columns(table.colnames[: len(_DIPOL)], _DIPOL)
        table["source"], table["instrument"] = file.stem, "DIPOL"
    else:
        table = Table.read(file, format="ascii.ecsv" if file.suffix == ".ecsv" else "ascii.csv")
    columns = {key: next((n for n in names if n in table.colnames), None)
               for key, names in _NAMES.items()}  # fmt: skip
    if columns["source"] is None or (columns["mjd"] is None and columns["jd"] is None):
        msg = "it needs the columns source and mjd (or jd)"
        raise ValueError(msg)
    mjd = _numbers(table, columns["mjd"]) if columns["mjd"] else (
        _numbers(table, columns["jd"]) - JD_OF_MJD
    )  # fmt: skip
    numbers = np.array([_numbers(table, columns[name]) for name in VALUES])
    sources, bands = _texts(table, columns["source"]), _texts(table, columns["band"])
    instruments = _texts(table, columns["instrument"]) if columns["instrument"] else (
        [file.stem] * len(table)
    )  # fmt: skip
    return [
        (source, band, instrument, float(when), tuple(map(float, row)))
        for source, band, instrument, when, row in zip(
            sources, bands, instruments, mjd, numbers.T, strict=True
        )
        if np.isfinite(when)
    ]


def _texts(table: Any, name: str | None) -> Sequence[str]:
    if name is None:
        return [""] * len(table)
    return ["" if np.ma.is_masked(value) else str(value).strip() for value in table[name]]


def _numbers(table: Any, name: str | None) -> npt.NDArray[np.float64]:
    """Return a column as numbers, p in percent whatever the file has."""
    if name is None:
        return np.full(len(table), np.nan)
    values = np.ma.filled(np.ma.asarray(table[name], dtype=np.float64), np.nan)
    fraction = name in ("p", "p_err") and str(table[name].unit or "") != "%"
    return np.asarray(values * 100.0 if fraction else values, dtype=np.float64)
