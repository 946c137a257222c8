"""Light curves on top of the database: measurements of a source, ensembles, pictures."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.errors import ConfigError
from polarnight.photometry import ensemble_light_curves, instrumental_magnitude
from polarnight.photometry.curves import MEASUREMENTS

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.timeseries import TimeSeries

    from polarnight.db import AstroSource, PhotoPolResult

__all__ = ["ensemble_lightcurve", "measurements"]

_NAN = math.nan
_LEAST_FRAMES = 0.5  # of the frames that a comparison star has to be measured in
_SAME_DEG = 2.0 / 3600.0


def measurements(source: str, band: str) -> Table:
    """Return all results of a source in a band as a table of measurements.

    Parameters
    ----------
    source : str
        Name, or another name, of a source of the catalogue.
    band : str

    Returns
    -------
    Table
        Columns of `polarnight.photometry.curves.MEASUREMENTS`; NaN where there is no number.

    Raises
    ------
    ConfigError
        Where the source is unknown or has no results in the band; tells those it has.
    """
    from astropy.table import Table

    from polarnight.db import PhotoPolResult
    from polarnight.db.sources import get_source

    found = get_source(source)
    rows = list(PhotoPolResult.objects.select(source=found, band=band))
    if not rows:
        raise ConfigError(_nothing(found, band))
    columns: dict[str, Any] = {name: [_number(row, name) for row in rows] for name in MEASUREMENTS}
    columns["night"] = [row.epoch.night.isoformat() for row in rows]
    columns["telescope"] = [row.epoch.telescope for row in rows]
    columns["instrument"] = [row.instrument for row in rows]
    columns["flags"] = ["|".join(row.flag_labels) for row in rows]
    columns["debias"] = [row.debias for row in rows]
    return Table(columns, meta={"source": found.name, "band": band})


def _nothing(source: AstroSource, band: str) -> str:
    from polarnight.db import PhotoPolResult

    rows = PhotoPolResult.objects.filter(astrosource=source)
    bands = sorted(set(rows.values_list("band", flat=True)))
    if not bands:
        return f"{source.name} has no results yet; `polarnight run --all-local` makes them"
    return f"{source.name} has no results in band {band}; there are: {', '.join(bands)}"


def _number(row: PhotoPolResult, name: str) -> float:
    evidence = row.evidence or {}
    if name == "jd_utc":
        value = row.juliandate
    elif name == "mag_err_common":
        value = (evidence.get("zero_point") or {}).get("literature_error")
    elif name in ("q_err_random", "u_err_random", "qu_cov_random", "rotation_err"):
        value = (evidence.get("polarimetry") or {}).get(name)
    elif name in ("dilution", "dilution_err"):
        value = (evidence.get("host") or {}).get(name)
    elif name == "host_err":
        light = evidence.get("host") or {}
        value = light["flux_err_mJy"] / light["flux_mJy"] if light.get("flux_mJy") else None
    else:
        value = getattr(row, name)
    return _NAN if value is None else float(value)


def ensemble_lightcurve(
    source: str, band: str = "R", *, instrument: str | None = None, field: bool = True
) -> TimeSeries:
    """Return the differential light curve of a source against an ensemble of stars.

    What is common to the comparison stars of each frame is taken off: clouds, extinction and
    the seeing. The ensemble are the calibrators of the source and, where asked, the field stars
    of the tables beside the reduced frames. Where the source has a literature or a mean
    magnitude, no use is made of it: magnitudes are about the mean of the source.

    Parameters
    ----------
    source : str
    band : str
    instrument : str, optional
        By default the one with most frames; instruments are not mixed, for their bands differ.
    field : bool
        Use field stars too.

    Returns
    -------
    TimeSeries
        BJD (TDB), ``mag`` and ``mag_err`` about the mean, ``offset`` and ``offset_err`` of the
        frame, ``n`` comparison stars, ``telescope``, ``instrument``, ``file``. The metadata
        has the scatter of the comparison stars (``comparison_scatter``) and the names or places
        of those that were found to vary and left out (``comparison_variable``).

    Raises
    ------
    ConfigError
        Where the source is unknown or was measured in no photometric frame of the band.
    AlgorithmFailed
        Where no comparison star was measured.
    """
    from astropy.time import Time
    from astropy.timeseries import TimeSeries

    from polarnight.db.sources import get_source

    found = get_source(source)
    frames = _frames(found, band, instrument)
    stars = _Stars(found)
    for number, result in enumerate(frames):
        stars.add_sources(number, result, found)
        if field:
            stars.add_field(number, result)
    mag, err, comparison = stars.matrix(len(frames))
    curves = ensemble_light_curves(mag, err, comparison)
    bjd = np.array([float(result.bjd_tdb or _NAN) for result in frames])
    whole = np.floor(bjd)
    series = TimeSeries(time=Time(whole, bjd - whole, format="jd", scale="tdb"))
    comparison = curves.comparison
    used = np.isfinite(mag[:, comparison]).sum(axis=1)
    for name, values, unit in (
        ("mag", curves.magnitude[:, 0], "mag"),
        ("mag_err", curves.error[:, 0], "mag"),
        ("offset", curves.offset, "mag"),
        ("offset_err", curves.offset_err, "mag"),
        ("n", used, None),
    ):
        series[name] = values
        series[name].unit = unit
    series["telescope"] = [result.epoch.telescope for result in frames]
    series["instrument"] = [result.instrument for result in frames]
    series["file"] = [result.files[0] for result in frames]
    others = curves.magnitude[:, comparison]
    series.meta.update(
        {
            "source": found.name,
            "band": band,
            "kind": "ensemble",
            "time": "barycentric Julian date (TDB)",
            "comparison_stars": int(comparison.sum()),
            "comparison_scatter": float(1.4826 * np.nanmedian(np.abs(others))),
            "comparison_variable": stars.names(np.flatnonzero(curves.variable), found),
        }
    )
    return series


def _frames(source: AstroSource, band: str, instrument: str | None) -> list[PhotoPolResult]:
    """Return the photometric results of a source, one a frame, of one instrument."""
    from polarnight.db import PhotoPolResult

    flags = PhotoPolResult.FLAGS
    spoilt = flags.BAD_PHOTOMETRY | flags.SATURATED | flags.NONLINEAR
    rows = [
        row
        for row in PhotoPolResult.objects.select(source=source, band=band, reduction="relphot")
        .filter(flags__hasnot=spoilt, mag_inst__isnull=False)
        .prefetch_related("reducedfits")
        if instrument in (None, row.instrument)
    ]
    if not rows:
        of = f" of {instrument}" if instrument else ""
        msg = f"{source.name} has no magnitudes in photometric frames{of} in band {band}"
        raise ConfigError(msg)
    by_instrument: dict[str, list[PhotoPolResult]] = defaultdict(list)
    for row in rows:
        by_instrument[row.instrument].append(row)
    return max(by_instrument.values(), key=len)


class _Stars:
    """Instrumental magnitudes of stars by frame; the source itself is the first."""

    def __init__(self, source: AstroSource) -> None:
        self.columns: dict[Any, dict[int, tuple[float, float]]] = {("source", source.pk): {}}
        self.places = [
            (one.ra, one.dec, math.cos(math.radians(one.dec)))
            for one in (source, *source.calibrators.all())
        ]

    def add(self, star: Any, frame: int, flux: float, error: float, exptime: float) -> None:
        """Add what a star gave in a frame, where that makes a magnitude."""
        if flux > 0 and error > 0 and exptime > 0:
            mag, mag_err = instrumental_magnitude(flux, error, exptime)
            self.columns.setdefault(star, {})[frame] = (float(mag), float(mag_err))

    def add_sources(self, number: int, result: PhotoPolResult, source: AstroSource) -> None:
        """Add the source and its calibrators in a frame."""
        from polarnight.db import PhotoPolResult

        flags = PhotoPolResult.FLAGS
        spoilt = flags.BAD_PHOTOMETRY | flags.SATURATED | flags.NONLINEAR | flags.CROWDED
        calibrators = set(source.calibrators.values_list("pk", flat=True))
        self.add(
            ("source", source.pk), number, result.flux_counts or 0.0,
            result.flux_counts_err or 0.0, result.exptime or 0.0,
        )  # fmt: skip
        frames = [frame.pk for frame in result.reducedfits.all()]
        others = PhotoPolResult.objects.filter(
            reduction="relphot", reducedfits__in=frames, astrosource__in=calibrators,
            flags__hasnot=spoilt,
        )  # fmt: skip
        for row in others:
            self.add(
                ("source", row.astrosource_id), number, row.flux_counts or 0.0,
                row.flux_counts_err or 0.0, row.exptime or 0.0,
            )  # fmt: skip

    def add_field(self, number: int, result: PhotoPolResult) -> None:
        """Add the field stars of the table beside a frame, those good enough to calibrate."""
        from astropy.table import Table

        from polarnight.pipeline.groups.field import FIELD_TABLE

        for frame in result.reducedfits.all():
            path = frame.filepath.with_name(FIELD_TABLE)
            if not path.is_file():
                continue
            table = Table.read(path, format="ascii.ecsv")
            for row in table[np.asarray(table["calibrator"], dtype=bool)]:
                place = (round(float(row["ra"]), 4), round(float(row["dec"]), 4))
                near = self._known_source(float(row["ra"]), float(row["dec"]))
                if not near:
                    self.add(place, number, row["flux"], row["flux_err"], result.exptime or 0.0)

    def _known_source(self, ra: float, dec: float) -> bool:
        """Return whether a field star is the source or one of its calibrators."""
        return any(
            abs(dec - d) < _SAME_DEG and abs((ra - a + 180) % 360 - 180) * c < _SAME_DEG
            for a, d, c in self.places
        )

    def names(self, numbers: Any, source: AstroSource) -> list[str]:
        """Return the names of some calibrators, and the places of field stars."""
        known = {("source", one.pk): one.name for one in source.calibrators.all()}
        stars = list(self.columns)
        return [
            known[star] if star in known else "{:.4f} {:+.4f}".format(*star)
            for star in (stars[int(number)] for number in numbers)
        ]

    def matrix(self, n_frames: int) -> tuple[Any, Any, Any]:
        """Return magnitudes and errors (frames, stars) and which stars are comparison stars."""
        stars = list(self.columns)
        mag = np.full((n_frames, len(stars)), np.nan)
        err = np.full((n_frames, len(stars)), np.nan)
        for index, star in enumerate(stars):
            for frame, (value, error) in self.columns[star].items():
                mag[frame, index], err[frame, index] = value, error
        often = np.isfinite(mag).sum(axis=0) >= _LEAST_FRAMES * n_frames
        often[0] = False
        return mag, err, often
