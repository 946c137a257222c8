"""What the literature says of a simulated sky: targets, calibrators and field stars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.frames.bands import JOHNSON
from polarnight.simulation.headers import sexagesimal

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.table import Table

    from polarnight.simulation.sky import Sky

__all__ = ["field_catalogue", "sources", "write_catalogues"]


def field_catalogue(sky: Sky) -> Table:
    """Return the field-star catalogue, for ``polarnight stars import``.

    Returns
    -------
    astropy.table.Table
        Columns ``name``, ``ra``, ``dec`` (degrees, ICRS), and ``mag_B``, ``mag_B_err`` and so
        on of every band, as `Sky.catalogue_mags` tells them. Targets are in it too, as they
        are in real catalogues, unless they vary.
    """
    from astropy.table import Table

    keep = sky.amplitude == 0.0
    table = Table({"name": sky.name[keep], "ra": sky.ra[keep], "dec": sky.dec[keep]})
    for band in sky.mags:
        table[f"mag_{band}"] = np.round(sky.catalogue_mags[band][keep], 4)
        table[f"mag_{band}_err"] = np.round(sky.catalogue_errors[band][keep], 4)
    for key in ("ra", "dec"):
        table[key] = np.round(table[key], 7)
    return table


def sources(sky: Sky) -> list[dict[str, Any]]:
    """Return targets and calibrators as records for ``polarnight sources import``.

    Returns
    -------
    list of dict
        Keys ``name, other_names, ra_hms, dec_dms, srctype, calibrates`` (names of the
        targets), and of calibrators ``mag_B, mag_B_err`` ... in the bands that sources have
        columns of. Targets carry no magnitudes or polarization: those are for the pipeline to
        find.
    """
    targets = [str(n) for n in sky.name[sky.role == "target"]]
    records: list[dict[str, Any]] = []
    for i in np.flatnonzero(sky.role != "star"):
        record: dict[str, Any] = {
            "name": str(sky.name[i]),
            "other_names": str(sky.other_names[i]),
            "ra_hms": sexagesimal(sky.ra[i] / 15.0, 4),
            "dec_dms": sexagesimal(sky.dec[i], 3, sign=True),
            "srctype": str(sky.srctype[i]),
        }
        if sky.role[i] == "calibrator":
            record["calibrates"] = targets
            for band in (band for band in JOHNSON if band in sky.mags):
                record[f"mag_{band}"] = round(float(sky.catalogue_mags[band][i]), 4)
                record[f"mag_{band}_err"] = round(float(sky.catalogue_errors[band][i]), 4)
        records.append(record)
    return records


def write_catalogues(sky: Sky, directory: Path, stem: str) -> tuple[Path, Path]:
    """Write field stars and sources as files to import.

    Parameters
    ----------
    sky : Sky
    directory : Path
        Made where it is missing.
    stem : str
        Files are called ``<stem>.stars.csv`` and ``<stem>.sources.yaml``.

    Returns
    -------
    tuple of Path
        Field stars, sources.
    """
    import yaml

    directory.mkdir(parents=True, exist_ok=True)
    stars, records = directory / f"{stem}.stars.csv", directory / f"{stem}.sources.yaml"
    field_catalogue(sky).write(stars, format="ascii.csv", overwrite=True)
    records.write_text(yaml.safe_dump(sources(sky), sort_keys=False), encoding="utf-8")
    return stars, records
