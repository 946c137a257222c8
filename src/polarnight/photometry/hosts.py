"""Light of the host galaxy in the aperture of an active nucleus, taken off in the R band.

The tables of Nilsson et al. (2007, A&A 475, 199) give the light of the host galaxy and of close
companions against aperture radius and seeing. They hold for magnitudes relative to stars that
were measured in the same aperture, as all of ours are: a wider seeing then counts *more* of the
galaxy, because the stars have lost more light than it has.
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from polarnight.config.texts import read_text, shown
from polarnight.errors import AlgorithmFailed, ConfigError
from polarnight.photometry.magnitudes import MAG_PER_RELATIVE_ERROR

__all__ = [
    "HOST_BAND",
    "ZERO_FLUX_MJY",
    "HostLight",
    "HostTable",
    "dilution",
    "find_host",
    "flux_of_magnitude",
    "load_host_tables",
    "magnitude_of_flux",
    "subtract_host",
]

FloatArray = npt.NDArray[np.float64]

HOST_BAND: Final = "R"
ZERO_FLUX_MJY: Final = 3.08e6
"""Flux of R = 0 in the tables: 3080 Jy."""

_COLUMNS = ("object", "aperture_radius_arcsec", "fwhm_arcsec", "flux_mJy", "flux_err_mJy")
_LEAST_SIGNIFICANCE = 3.0
_ROUNDED = 0.051  # mJy: the brightest galaxies are tabulated to 0.1
# Other names under which monitoring programmes list the objects of the tables.
_ALIASES: Final = {
    "BL Lacertae": ("BL Lac", "2200+420"),
    "Mrk 180": ("Markarian 180", "1133+704"),
    "Mrk 421": ("Markarian 421", "1101+384"),
    "Mrk 501": ("Markarian 501", "1652+398"),
    "ON 325": ("1215+303",),
    "OT 546": ("1727+502", "I Zw 187"),
}


@dataclass(frozen=True, slots=True)
class HostLight:
    """Light of a host galaxy in an aperture, mJy."""

    flux: float
    error: float


@dataclass(frozen=True, slots=True)
class HostTable:
    """Light of one host galaxy on a grid of aperture radius and seeing.

    Plain values, which travel to workers and are part of what results depend on.

    Attributes
    ----------
    name : str
    radii, fwhm : tuple of float
        Arcsec, ascending.
    flux, error : tuple of tuple of float
        mJy, a row for each radius.
    """

    name: str
    radii: tuple[float, ...]
    fwhm: tuple[float, ...]
    flux: tuple[tuple[float, ...], ...]
    error: tuple[tuple[float, ...], ...]

    def at(self, radius: float, fwhm: float) -> HostLight:
        """Return the light in an aperture by bilinear interpolation.

        The error is interpolated as well: that of the galaxy's brightness is common to
        neighbouring entries and does not average out.

        Parameters
        ----------
        radius, fwhm : float
            Arcsec.

        Raises
        ------
        AlgorithmFailed
            Outside the table; nothing is extrapolated.
        """
        radii, widths = np.array(self.radii), np.array(self.fwhm)
        for value, grid, what in ((radius, radii, "aperture radius"), (fwhm, widths, "seeing")):
            if not grid[0] <= value <= grid[-1]:
                message = f"the {what} lies outside the table of the host galaxy"
                raise AlgorithmFailed(
                    message,
                    arcsec=round(float(value), 2),
                    table=f"{grid[0]:g} to {grid[-1]:g}",
                )
        i, s = _place(radii, radius)
        j, t = _place(widths, fwhm)
        weights = np.array([[(1 - s) * (1 - t), (1 - s) * t], [s * (1 - t), s * t]])
        box = np.s_[i : i + 2, j : j + 2]
        return HostLight(
            float(np.sum(weights * np.array(self.flux)[box])),
            float(np.sum(weights * np.array(self.error)[box])),
        )


def _place(grid: FloatArray, value: float) -> tuple[int, float]:
    """Return the cell of a grid that holds a value, and how far into it."""
    cell = int(np.clip(np.searchsorted(grid, value, side="right") - 1, 0, len(grid) - 2))
    return cell, float((value - grid[cell]) / (grid[cell + 1] - grid[cell]))


def load_host_tables(path: Path | None = None) -> Mapping[str, HostTable]:
    """Return the tables of host galaxies by name.

    Parameters
    ----------
    path : Path, optional
        A CSV file with further tables (columns ``object, aperture_radius_arcsec, fwhm_arcsec,
        flux_mJy, flux_err_mJy``), which go before those of Nilsson et al. (2007).

    Raises
    ------
    ConfigError
        Where the file cannot be read or a table is no full grid, has no errors, or holds
        less light in a larger aperture, as one with its axes exchanged does.
    """
    shipped = _shipped()
    if path is None:
        return shipped
    text = read_text(path, "the file of host galaxies")
    return MappingProxyType({**shipped, **_parse(text, str(path))})


@cache
def _shipped() -> Mapping[str, HostTable]:
    resource = files("polarnight.photometry") / "data" / "host_galaxies.csv"
    tables = _parse(resource.read_text(encoding="utf-8"), "host_galaxies.csv")
    return MappingProxyType(tables)


def _parse(text: str, where: str) -> dict[str, HostTable]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(lines)
    if tuple(reader.fieldnames or ()) != _COLUMNS:
        msg = f"{where}: the columns must be {', '.join(_COLUMNS)}"
        raise ConfigError(msg)
    entries: dict[str, dict[tuple[float, float], tuple[float, float]]] = defaultdict(dict)
    for row in _rows(reader, where):
        try:
            radius, fwhm, flux, error = (float(row[name]) for name in _COLUMNS[1:])
        except (TypeError, ValueError) as fault:
            msg = f"{where}: {shown(row['object'])}: a value is missing or no number ({fault})"
            raise ConfigError(msg) from fault
        entries[row["object"].strip()][radius, fwhm] = (flux, error)
    return {name: _grid(name, values, where) for name, values in entries.items()}


def _rows(reader: csv.DictReader[str], where: str) -> Iterator[dict[str, str]]:
    try:
        for row in reader:
            if not (row["object"] or "").strip():
                msg = f"{where}: a row has no name in the column object; add it"
                raise ConfigError(msg)
            yield row
    except csv.Error as error:
        msg = f"{where}: is no table of host galaxies: {error}"
        raise ConfigError(msg) from error


def _grid(
    name: str, values: Mapping[tuple[float, float], tuple[float, float]], where: str
) -> HostTable:
    radii = np.array(sorted({radius for radius, _ in values}))
    fwhm = np.array(sorted({width for _, width in values}))
    if len(values) != len(radii) * len(fwhm) or min(len(radii), len(fwhm)) < 2:
        msg = f"{where}: {name}: not a full grid of aperture radii and seeing"
        raise ConfigError(msg)
    if not all(np.isfinite(axis).all() and (axis > 0).all() for axis in (radii, fwhm)):
        msg = f"{where}: {name}: aperture radii and seeing must be positive numbers"
        raise ConfigError(msg)
    table = np.array([[values[r, f] for f in fwhm] for r in radii])
    flux, error = table[..., 0], table[..., 1]
    if not (np.isfinite(table).all() and (flux >= 0).all() and (error > 0).all()):
        msg = f"{where}: {name}: fluxes must not be negative, and need errors"
        raise ConfigError(msg)
    if (np.diff(flux, axis=0) < -_ROUNDED).any():
        msg = (
            f"{where}: {name}: a larger aperture holds less light; are aperture radius and "
            "seeing exchanged?"
        )
        raise ConfigError(msg)
    rows = (tuple(map(tuple, plane.tolist())) for plane in (flux, error))
    return HostTable(name, tuple(radii.tolist()), tuple(fwhm.tolist()), *rows)


def _plain(name: str) -> str:
    return re.sub(r"[\s\-+_]", "", name).upper()


def find_host(names: Iterable[str], tables: Mapping[str, HostTable] | None = None) -> str:
    """Return the table of a source that has one of some names, ``""`` where there is none.

    Spaces, signs, underscores and capitals make no difference. The objects are also known by
    their IAU names, such as 2200+420, and those of the 1ES survey without the prefix.

    Parameters
    ----------
    names : iterable of str
        The name and other names of the source.
    tables : mapping, optional
        As of `load_host_tables`; those shipped by default.
    """
    known = {}
    for table in tables if tables is not None else _shipped():
        for name in (table, *_ALIASES.get(table, ()), table.removeprefix("1ES ")):
            known[_plain(name)] = table
    return next((known[key] for name in names if (key := _plain(name)) in known), "")


def flux_of_magnitude(mag: float, mag_err: float) -> tuple[float, float]:
    """Return flux and error in mJy of an R magnitude: ``F = 3080 Jy 10^(-0.4 R)``."""
    flux = ZERO_FLUX_MJY * 10.0 ** (-0.4 * mag)
    return flux, flux * mag_err / MAG_PER_RELATIVE_ERROR


def magnitude_of_flux(flux: float, error: float) -> tuple[float, float]:
    """Return R magnitude and error of a positive flux in mJy; undoes `flux_of_magnitude`."""
    return -2.5 * math.log10(flux / ZERO_FLUX_MJY), MAG_PER_RELATIVE_ERROR * error / flux


def subtract_host(mag: float, mag_err: float, host: HostLight) -> tuple[float, float]:
    """Return the R magnitude without the host galaxy, and its error.

    Raises
    ------
    AlgorithmFailed
        Where what is left is not significant (3 sigma).
    """
    flux, error = flux_of_magnitude(mag, mag_err)
    left, noise = flux - host.flux, math.hypot(error, host.error)
    if not left > _LEAST_SIGNIFICANCE * noise:
        message = "too little is left without the host galaxy"
        raise AlgorithmFailed(
            message, flux_mJy=round(flux, 3), host_mJy=round(host.flux, 3), error=round(noise, 3)
        )
    return magnitude_of_flux(left, noise)


def dilution(mag: float, mag_err: float, host: HostLight) -> tuple[float, float]:
    """Return the factor by which unpolarized host light dilutes p, and its error.

    ``p_c = f p`` with ``f = F/(F - H)`` and
    ``sigma_f^2 = (H sigma_F)^2/(F - H)^4 + (F sigma_H)^2/(F - H)^4``.

    Raises
    ------
    AlgorithmFailed
        As `subtract_host`.
    """
    subtract_host(mag, mag_err, host)
    flux, error = flux_of_magnitude(mag, mag_err)
    left = flux - host.flux
    return flux / left, math.hypot(host.flux * error, flux * host.error) / left**2
