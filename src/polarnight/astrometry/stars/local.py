"""Star catalogues in local files: Parquet, one file per zone of the sky.

The sky is cut into bands of one degree in declination, and each band into cells about one
degree wide, so that a cone touches a handful of small files. Each imported table is a
folder of its own with a small manifest; a catalogue directory may hold several.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.geometry import separation, unit_vectors
from polarnight.astrometry.stars.catalogue import Stars, ranking_magnitude
from polarnight.errors import ConfigError
from polarnight.frames.atomic import temporary_name

__all__ = [
    "MANIFEST",
    "REPLACED",
    "LocalCatalogue",
    "restore_replaced",
    "zone_name",
    "zone_of",
    "zones_in_cone",
]

MANIFEST = "catalogue.json"
REPLACED = ".replaced-"
"""Part of the hidden name of a catalogue that is being replaced."""

_BANDS = 180
_SAME_STAR_ARCSEC = 1.0
# No star moves further from its zone than this between its epoch and ours (Barnard's star
# moves 10 arcsec a year).
_MOTION_MARGIN = 0.3


def _cells(band: npt.NDArray[np.int64] | int) -> npt.NDArray[np.int64]:
    """Number of cells of a declination band, from its edge nearest to the equator."""
    south = np.asarray(band, dtype=np.float64) - 90.0
    nearest = np.clip(0.0, south, south + 1.0)
    around = np.floor(360.0 * np.cos(np.radians(nearest)))
    return np.asarray(np.maximum(1, around), dtype=np.int64)


def zone_of(
    ra: npt.ArrayLike, dec: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the zone (band, cell) of positions in degrees."""
    d = np.asarray(dec, dtype=np.float64)
    band = np.clip(np.floor(d + 90.0), 0, _BANDS - 1).astype(np.int64)
    cells = _cells(band)
    fraction = (np.asarray(ra, dtype=np.float64) % 360.0) / 360.0
    return band, np.minimum((fraction * cells).astype(np.int64), cells - 1)


def zone_name(band: int, cell: int) -> str:
    """Return the file name of a zone."""
    return f"zone_{band:03d}_{cell:03d}.parquet"


def zones_in_cone(ra: float, dec: float, radius_deg: float) -> list[tuple[int, int]]:
    """Return the zones that a cone may touch, in order."""
    low, high = dec - radius_deg, dec + radius_deg
    first = int(np.clip(np.floor(low + 90.0), 0, _BANDS - 1))
    last = int(np.clip(np.floor(high + 90.0), 0, _BANDS - 1))
    whole_ring = low <= -90.0 or high >= 90.0
    if not whole_ring:
        # Widest extent in right ascension of a circle on the sphere.
        ratio = np.sin(np.radians(radius_deg)) / np.cos(np.radians(dec))
        whole_ring = radius_deg >= 90.0 or abs(ratio) >= 1.0
    half = 180.0 if whole_ring else float(np.degrees(np.arcsin(ratio)))
    zones = []
    for band in range(first, last + 1):
        n = int(_cells(band))
        if 2 * half >= 360.0 - 720.0 / n:
            cells = range(n)
            zones += [(band, cell) for cell in cells]
            continue
        start = int(np.floor((ra - half) / 360.0 * n))
        stop = int(np.floor((ra + half) / 360.0 * n))
        zones += sorted({(band, cell % n) for cell in range(start, stop + 1)})
    return zones


def restore_replaced(directory: Path) -> None:
    """Bring back catalogues whose replacement was killed between two renames.

    Where the new one is in place, what is left of the old one is removed.
    """
    for stale in sorted(directory.glob(f".*{REPLACED}*")):
        target = directory / stale.name[1:].rpartition(REPLACED)[0]
        if target.exists():
            shutil.rmtree(stale, ignore_errors=True)
            continue
        # Another process may do the same at this moment, or be about to finish.
        with contextlib.suppress(OSError):
            stale.rename(target)


class LocalCatalogue:
    """The star catalogues imported into a directory, as one.

    Where several imported tables have the same star (within 1 arcsec), the first table by
    name gives its place, and the others add the bands that it lacks.

    Parameters
    ----------
    directory : str or Path
        Directory of `polarnight.astrometry.import_stars`; may be empty or absent.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)

    @property
    def manifests(self) -> dict[str, dict[str, Any]]:
        """What was imported, by name.

        Raises
        ------
        ConfigError
            Where a manifest cannot be read.
        """
        restore_replaced(self.directory)
        found = {}
        for path in sorted(self.directory.glob(f"[!.]*/{MANIFEST}")):
            try:
                found[path.parent.name] = _checked(json.loads(path.read_text()))
            except (OSError, ValueError, TypeError, KeyError) as error:
                msg = f"{path}: the star catalogue cannot be read ({error}); import it again"
                raise ConfigError(msg) from error
        return found

    def remove(self, name: str) -> int:
        """Remove an imported catalogue; return how many stars it had.

        Raises
        ------
        ConfigError
            Where there is none of that name; tells those there are.
        """
        manifests = self.manifests
        if name not in manifests:
            known = ", ".join(manifests) or "none"
            msg = f"there is no star catalogue {name!r}; there are: {known}"
            raise ConfigError(msg)
        # Out of sight at one stroke, so that no run ever sees half a catalogue.
        hidden = temporary_name(self.directory / name)
        (self.directory / name).rename(hidden)
        shutil.rmtree(hidden)
        return int(manifests[name].get("stars", 0))

    def cone(self, ra: float, dec: float, radius_deg: float, jyear: float = 2000.0) -> Stars:
        """Return the stars within a circle; see `StarCatalogue.cone`."""
        merged: Stars | None = None
        for name, manifest in self.manifests.items():
            stars = _read_zones(self.directory / name, manifest, ra, dec, radius_deg).at(jyear)
            stars = stars.select(separation(stars.ra, stars.dec, ra, dec) <= radius_deg)
            merged = stars if merged is None else _merge(merged, stars)
        if merged is None:
            nothing = np.zeros(0)
            return Stars(nothing, nothing, nothing, epoch=jyear)
        return merged


def _checked(manifest: Any) -> dict[str, Any]:
    """Refuse a manifest that lacks what reading the zones needs."""
    columns, epoch = manifest["columns"], float(manifest["epoch"])
    if not {"ra", "dec"} <= set(columns) or not np.isfinite(epoch):
        msg = f"columns {columns}, epoch {epoch}"
        raise ValueError(msg)
    return {"proper_motions": False, **manifest}


def _read_zones(
    folder: Path, manifest: dict[str, Any], ra: float, dec: float, radius_deg: float
) -> Stars:
    margin = _MOTION_MARGIN if manifest["proper_motions"] else 0.0
    columns: list[str] = manifest["columns"]
    parts = []
    for zone in zones_in_cone(ra, dec, radius_deg + margin):
        path = folder / zone_name(*zone)
        if path.exists():
            parts.append(_read_zone(path, path.stat().st_mtime_ns))
    table = {c: np.concatenate([p[c] for p in parts]) if parts else np.zeros(0) for c in columns}
    mags = {c[4:]: v for c, v in table.items() if c.startswith("mag_")}
    errs = {c[4:]: v for c, v in table.items() if c.startswith("err_")}
    return Stars(
        ra=table["ra"],
        dec=table["dec"],
        mag=ranking_magnitude(mags, len(table["ra"])),
        mags=mags,
        mag_errs=errs,
        pmra=table.get("pmra"),
        pmdec=table.get("pmdec"),
        epoch=float(manifest["epoch"]),
    )


@lru_cache(maxsize=64)
def _read_zone(path: Path, mtime_ns: int) -> dict[str, npt.NDArray[np.float64]]:
    """Read one zone; the time of modification is part of the key of the cache."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, use_threads=False)
    except Exception as error:  # pyarrow raises several kinds for a damaged file
        msg = f"{path}: the star catalogue cannot be read ({error}); import it again"
        raise ConfigError(msg) from error
    return {name: table[name].to_numpy() for name in table.column_names}


def _merge(first: Stars, second: Stars) -> Stars:
    """Add a second list of the same epoch to a first; see `LocalCatalogue`."""
    from scipy.spatial import cKDTree

    if len(first) == 0 or len(second) == 0:
        match = np.full(len(second), len(first))
    else:
        chord = 2.0 * np.sin(np.radians(_SAME_STAR_ARCSEC / 3600.0) / 2.0)
        tree = cKDTree(unit_vectors(first.ra, first.dec))
        match = np.asarray(
            tree.query(unit_vectors(second.ra, second.dec), distance_upper_bound=chord)[1]
        )
    known = np.flatnonzero(match < len(first))
    new = np.flatnonzero(match == len(first))

    def joined(
        a: dict[str, npt.NDArray[np.float64]], b: dict[str, npt.NDArray[np.float64]]
    ) -> dict[str, npt.NDArray[np.float64]]:
        result = {}
        for band in [*a, *(k for k in b if k not in a)]:
            head = a.get(band, np.full(len(first), np.nan)).copy()
            tail = b.get(band, np.full(len(second), np.nan))
            gap = np.isnan(head[match[known]])
            head[match[known][gap]] = tail[known][gap]
            result[band] = np.concatenate([head, tail[new]])
        return result

    mags = joined(first.mags, second.mags)
    n = len(first) + len(new)
    return Stars(
        ra=np.concatenate([first.ra, second.ra[new]]),
        dec=np.concatenate([first.dec, second.dec[new]]),
        mag=ranking_magnitude(mags, n),
        mags=mags,
        mag_errs=joined(first.mag_errs, second.mag_errs),
        epoch=first.epoch,
    )
