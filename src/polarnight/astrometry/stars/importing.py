"""Import of star tables (CSV, ECSV, FITS, VOTable, Parquet) into a local catalogue."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.stars.local import (
    MANIFEST,
    REPLACED,
    LocalCatalogue,
    restore_replaced,
    zone_name,
    zone_of,
)
from polarnight.errors import ConfigError
from polarnight.frames.atomic import flush_to_disk, remove_leftovers, temporary_name
from polarnight.frames.bands import band_in_system

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["import_stars"]

Floats = npt.NDArray[np.float64]

# Catalogues write 99.999, -99 or 9999 where they have no value.
_FAINTEST, _BRIGHTEST, _LARGEST_ERROR = 50.0, -30.0, 9.0
_MOST_TRIES = 10
_FASTEST = 2e4  # mas per year, twice what Barnard's star moves; others mean none as well


def import_stars(
    table: Table | str | Path,
    directory: str | Path,
    *,
    ra: str = "ra",
    dec: str = "dec",
    mags: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    pmra: str | None = None,
    pmdec: str | None = None,
    epoch: float = 2000.0,
    name: str | None = None,
    system: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Import a table of stars; replaces an earlier import of the same name at one stroke.

    Parameters
    ----------
    table : astropy Table or path
        CSV, ECSV, FITS, VOTable or Parquet file.
    directory : str or Path
        Directory of the local catalogues; made where absent.
    ra, dec : str
        Columns of positions, ICRS degrees (or sexagesimal text, hours and degrees).
    mags, errors : mapping of band to column
        Magnitudes and their errors. Impossible values (99.999, -99, ...) count as none.
    pmra, pmdec : str, optional
        Columns of proper motions, mas per year, that in right ascension times cos(dec).
        Impossible values count as none.
    epoch : float
        Julian year of the positions.
    name : str, optional
        Name of this import, replacing an earlier one of that name wherever it came from; by
        default that of the file without its suffix, which replaces an earlier import of the
        same file only.
    system : str, optional
        Photometric system of the magnitudes: one of `polarnight.frames.bands.SYSTEMS`. Bands
        that several systems have (g, r, i ...) are kept under names that tell it (``g_ps1``);
        without it they serve to order stars by brightness, and make no zero points.
    facts : mapping, optional
        What else is to be remembered of the catalogue, JSON-able.

    Returns
    -------
    int
        Stars imported; rows without a position are left out.

    Raises
    ------
    ConfigError
        Where the file cannot be read, a column is missing (lists those there are), a value is
        out of range, nothing is left, an import of the same default name came from another
        file, or the photometric system has no such band.
    """
    mags, errors = _in_system(mags, system), _in_system(errors or {}, system)
    origin = str(Path(table).resolve()) if isinstance(table, str | Path) else None
    rows = _read_table(Path(table)) if isinstance(table, str | Path) else table
    label = name or (Path(table).stem if isinstance(table, str | Path) else "stars")
    label = re.sub(r"[^A-Za-z0-9_.+-]+", "_", label).lstrip("._") or "stars"
    if name is None and origin is not None:
        _refuse_other_origin(Path(directory), label, origin)
    columns: dict[str, Floats] = {
        "ra": _angle(rows, ra, hours=True),
        "dec": _angle(rows, dec, hours=False),
    }
    for column, source in (("pmra", pmra), ("pmdec", pmdec)):
        if source is not None:
            motion = _numbers(rows, source)
            columns[column] = np.where(np.abs(motion) < _FASTEST, motion, 0.0)
    if ("pmra" in columns) != ("pmdec" in columns):
        msg = "proper motions need both columns, pmra and pmdec"
        raise ConfigError(msg)
    for band, source in mags.items():
        values = _numbers(rows, source)
        values[(values > _FAINTEST) | (values < _BRIGHTEST)] = np.nan
        columns[f"mag_{band}"] = values
    for band, source in errors.items():
        values = _numbers(rows, source)
        values[(values >= _LARGEST_ERROR) | (values < 0)] = np.nan
        columns[f"err_{band}"] = values

    good = np.isfinite(columns["ra"]) & np.isfinite(columns["dec"])
    if not good.any():
        msg = f"{label}: no row has a position in columns {ra!r} and {dec!r}"
        raise ConfigError(msg)
    columns = {key: values[good] for key, values in columns.items()}
    if np.any(np.abs(columns["dec"]) > 90.0):
        msg = f"{label}: column {dec!r} has values beyond 90 deg; is it the declination in degrees?"
        raise ConfigError(msg)
    if np.any(np.abs(columns["ra"]) > 360.0):
        msg = f"{label}: column {ra!r} has values beyond 360 deg; is it the right ascension?"
        raise ConfigError(msg)
    columns["ra"] = columns["ra"] % 360.0
    manifest = {
        "columns": list(columns),
        "epoch": epoch,
        "proper_motions": "pmra" in columns,
        "stars": int(good.sum()),
        "left_out": int(len(good) - good.sum()),
        "origin": origin,
        "system": system,
        **(facts or {}),
    }
    _write(Path(directory), label, columns, manifest)
    return int(good.sum())


def _in_system(bands: Mapping[str, str], system: str | None) -> dict[str, str]:
    """Return columns by names of bands that tell their photometric system."""
    if system is None:
        return dict(bands)
    try:
        return {band_in_system(band, system): column for band, column in bands.items()}
    except ValueError as error:
        msg = f"--system {system}: {error}"
        raise ConfigError(msg) from error


def _refuse_other_origin(directory: Path, label: str, origin: str) -> None:
    """Two fields may lie in files of one name; the second must not push out the first."""
    earlier = LocalCatalogue(directory).manifests.get(label, {}).get("origin")
    if earlier is not None and earlier != origin:
        msg = (
            f"a star catalogue {label!r} was imported from {earlier}; give this one another "
            f"name, or name it {label!r} to replace that"
        )
        raise ConfigError(msg)


def _read_table(path: Path) -> Table:
    from astropy.table import Table

    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return Table(pq.read_table(path).to_pydict())
        form = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".txt": "ascii"}.get(path.suffix)
        return Table.read(path, format=form)
    except Exception as error:  # the readers raise dozens of kinds
        told = next(iter(str(error).splitlines()), "") or type(error).__name__
        msg = f"{path}: the table cannot be read ({told})"
        raise ConfigError(msg) from error


def _column(rows: Table, name: str) -> Any:
    if name not in rows.colnames:
        msg = f"there is no column {name!r}; the table has: {', '.join(rows.colnames)}"
        raise ConfigError(msg)
    return rows[name]


def _numbers(rows: Table, name: str) -> Floats:
    column = _column(rows, name)
    values = column.filled(np.nan) if _is_float_masked(column) else column
    if hasattr(column, "mask") and not _is_float_masked(column):
        hidden = np.asarray(column.mask)
        values = np.where(hidden, "nan", np.asarray(column).astype(str))
    try:
        return np.array([v if v != "" else np.nan for v in np.asarray(values)], dtype=np.float64)
    except ValueError as error:
        msg = f"column {name!r} is not numeric ({error})"
        raise ConfigError(msg) from error


def _is_float_masked(column: Any) -> bool:
    return hasattr(column, "mask") and np.asarray(column).dtype.kind == "f"


def _angle(rows: Table, name: str, *, hours: bool) -> Floats:
    column = _column(rows, name)
    if np.asarray(column).dtype.kind not in "UOS":
        return _numbers(rows, name)
    try:
        return _numbers(rows, name)
    except ConfigError:
        pass
    from astropy.coordinates import Angle

    try:
        texts = [str(v) for v in np.asarray(column)]
        return np.asarray(Angle(texts, unit="hourangle" if hours else "deg").deg, dtype=np.float64)
    except Exception as error:  # the parser raises several kinds
        msg = f"column {name!r} has no positions that can be read ({error})"
        raise ConfigError(msg) from error


def _write(
    directory: Path, label: str, columns: dict[str, Floats], manifest: dict[str, Any]
) -> None:
    """Write all zones into a hidden folder, then put it in the place of the old one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = directory / label
    if target.is_symlink() or (target.exists() and not (target / MANIFEST).is_file()):
        msg = f"{target} is there and is no star catalogue of ours; choose another name"
        raise ConfigError(msg)
    directory.mkdir(parents=True, exist_ok=True)
    restore_replaced(directory)
    remove_leftovers(directory)
    fresh = temporary_name(target)
    try:
        fresh.mkdir()
        band, cell = zone_of(columns["ra"], columns["dec"])
        order = np.lexsort((columns["ra"], columns["dec"], cell, band))
        table = pa.table({key: values[order] for key, values in columns.items()})
        key = band[order] * 1000 + cell[order]
        starts = np.concatenate([[0], np.flatnonzero(np.diff(key)) + 1, [len(key)]])
        for i, j in pairwise(starts):
            path = fresh / zone_name(*divmod(int(key[i]), 1000))
            pq.write_table(table.slice(i, j - i), path)
        (fresh / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        for path in (*fresh.iterdir(), fresh):
            flush_to_disk(path)
        _put_in_place(fresh, target)
        flush_to_disk(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _put_in_place(fresh: Path, target: Path) -> None:
    """Rename a folder to the name of another one, which is removed.

    The old one stays under a name that `restore_replaced` knows until the new one is in place.
    """
    for _ in range(_MOST_TRIES):
        stale = target.with_name(f".{target.name}{REPLACED}{secrets.token_hex(4)}")
        with contextlib.suppress(FileNotFoundError):
            target.rename(stale)
        try:
            fresh.rename(target)
        except OSError as error:
            # Another process may have put its own there in the meantime; later is newer.
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                continue
            if stale.exists():
                stale.rename(target)
            raise
        finally:
            if target.exists():
                shutil.rmtree(stale, ignore_errors=True)
        return
    msg = f"{target} is being replaced by other processes all the time; try again later"
    raise ConfigError(msg)
