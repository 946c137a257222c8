"""Photometry of the field stars of a frame: a zero point with colour term from a catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry import LocalCatalogue, Stars
from polarnight.astrometry.geometry import julian_year
from polarnight.errors import AlgorithmFailed
from polarnight.frames import Bit, atomic_write
from polarnight.instruments.declared import BANDS
from polarnight.photometry import (
    FWHM_PER_SIGMA,
    FieldZeroPoint,
    fit_field_zero_point,
    foreign_light,
    instrumental_magnitude,
    sdss_to_johnson,
    standard_radii,
)
from polarnight.pipeline.measure import (
    LoadedFrame,
    group_fwhm,
    measure_frame,
    sources_in_frame,
    usable,
)
from polarnight.pipeline.records import ApertureRow, SourceRecord

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = [
    "FIELD_TABLE",
    "CatalogueMagnitudes",
    "FieldPhotometry",
    "catalogue_photometry",
    "measure_field",
    "stars_of_frame",
]

FloatArray = npt.NDArray[np.float64]

FIELD_TABLE = "field_photometry.ecsv"
"""Name of the table beside the reduced frame."""

_MIN_SNR = 50.0
_MAX_CATALOGUE_ERROR = 0.1
_MAX_CONTAMINATION = 0.02
# The first pair that a catalogue has gives the colour.
_COLOURS = (("B", "V"), ("V", "R"), ("g", "r"), ("r", "i"), ("V", "I"), ("R", "I"))


@dataclass(frozen=True)
class FieldPhotometry:
    """The zero point that the field stars of a frame give.

    Attributes
    ----------
    fit : FieldZeroPoint
    colour_bands : tuple of str
        The colour of the fit.
    figures : dict
        JSON-able.
    """

    fit: FieldZeroPoint
    colour_bands: tuple[str, str]
    figures: dict[str, Any]

    def zero_point(
        self, x: float, y: float, magnitudes: Mapping[str, tuple[float, float]]
    ) -> tuple[float, float, bool]:
        """Return zero point, error and whether the colour of the source was known.

        For a source of unknown colour that of the average calibrator is taken, and the
        spread of their colours enters the error.
        """
        blue, red = self.colour_bands
        if blue in magnitudes and red in magnitudes:
            colour = magnitudes[blue][0] - magnitudes[red][0]
            return *self.fit.zero_point(x, y, colour), True
        value, error = self.fit.zero_point(x, y)
        spread = self.fit.line.slope * self.figures["colour_spread"]
        return value, float(np.hypot(error, spread)), False


@dataclass(frozen=True)
class CatalogueMagnitudes:
    """What a catalogue says of its stars in the band of a frame.

    `origin` tells the magnitudes they were made of, `colour_name` which colour is used.
    """

    mag: FloatArray
    err: FloatArray
    colour: FloatArray
    origin: str
    colour_name: str


def catalogue_photometry(stars: Stars, band: str) -> CatalogueMagnitudes:
    """Return magnitudes of catalogue stars in a Johnson-Cousins band.

    The catalogue's own where it has the band, else transformed from SDSS magnitudes.

    Parameters
    ----------
    stars : Stars
    band : str

    Raises
    ------
    AlgorithmFailed
        Where the catalogue has neither the band nor what it can be made of, or no colour.
    """
    mags = stars.mags
    pair = next(((a, b) for a, b in _COLOURS if a in mags and b in mags), None)
    if pair is None:
        message = "the star catalogue has no two bands that make a colour"
        raise AlgorithmFailed(message, bands=sorted(mags))
    colour = mags[pair[0]] - mags[pair[1]]
    name = f"{pair[0]}-{pair[1]}"
    if band in mags:
        err = stars.mag_errs.get(band, np.zeros(len(stars)))
        return CatalogueMagnitudes(mags[band], np.nan_to_num(err), colour, band, name)
    sloan = {key: value for key, value in mags.items() if key not in BANDS}
    mag, err = sdss_to_johnson(band, sloan, stars.mag_errs)
    return CatalogueMagnitudes(mag, err, colour, f"{band} from SDSS magnitudes", name)


def measure_field(loaded: LoadedFrame, directory: Path) -> FieldPhotometry:
    """Measure every catalogue star in a frame and fit zero point and colour term.

    Calibrators are stars with S/N above 50, nothing bad and no pixel beyond the linear range in
    the aperture, a catalogue error below 0.1 mag, no detected neighbour that reaches into the
    aperture, and by the catalogue less than 2 % of foreign light in it. The table with all
    stars is written beside the frame.

    Parameters
    ----------
    loaded : LoadedFrame
        A solved frame.
    directory : Path
        Of the star catalogues.

    Returns
    -------
    FieldPhotometry

    Raises
    ------
    AlgorithmFailed
        Where the catalogue has no magnitudes for the band, or too few stars are good.
    """
    info = loaded.ref.info
    stars = stars_of_frame(loaded, directory)
    told = catalogue_photometry(stars, info.band)
    records = [
        SourceRecord(i, "", float(ra), float(dec))
        for i, (ra, dec) in enumerate(zip(stars.ra, stars.dec, strict=True))
        if np.isfinite(told.mag[i])
    ]
    fwhm = group_fwhm([loaded])
    inside = sources_in_frame(loaded, records, margin=2 * fwhm)
    rows = measure_frame(loaded, inside, fwhm, with_widths=False)
    first = {row.source: row for row in rows if row.pair == "O"}
    contamination = _contamination(loaded, stars, told.mag, fwhm)
    table = _table(stars, told, first, contamination, info.exptime)
    fit = fit_field_zero_point(
        np.where(table["calibrator"], table["mag_catalogue"] - table["mag_inst"], np.nan),
        table["colour"],
        np.hypot(table["mag_inst_err"], table["mag_catalogue_err"]),
        np.column_stack([table["x"], table["y"]]),
        loaded.frame.shape,
    )
    line = fit.line
    table["illumination"] = fit.corrections(table["x"], table["y"])
    shift = line.value + line.slope * (table["colour"] - line.pivot) + table["illumination"]
    table["mag"] = table["mag_inst"] + shift
    table["residual"] = table["mag"] - table["mag_catalogue"]
    figures = _figures(fit, told, table)
    table.meta.update(figures)
    with atomic_write(Path(loaded.ref.path).with_name(FIELD_TABLE)) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)
    blue, red = told.colour_name.split("-")
    return FieldPhotometry(fit, (blue, red), figures)


def stars_of_frame(loaded: LoadedFrame, directory: Path) -> Stars:
    """Return the catalogue stars on and around a solved frame, at its date.

    Raises
    ------
    AlgorithmFailed
        Where the frame has no solution.
    """
    ny, nx = loaded.frame.shape
    wcs = loaded.frame.wcs
    if wcs is None:
        message = "the frame has no plate solution"
        raise AlgorithmFailed(message)
    ra, dec = wcs.all_pix2world((nx - 1) / 2.0, (ny - 1) / 2.0, 0)
    radius = 0.55 * float(np.hypot(nx, ny)) * loaded.ref.info.pixel_scale / 3600.0
    year = julian_year(loaded.ref.info.jd_mid)
    return LocalCatalogue(directory).cone(float(ra), float(dec), radius, year)


def _contamination(loaded: LoadedFrame, stars: Stars, mag: FloatArray, fwhm: float) -> FloatArray:
    """Return the share of foreign light in the aperture of each star, by the catalogue."""
    scale = loaded.ref.info.pixel_scale
    return foreign_light(
        stars.ra,
        stars.dec,
        10.0 ** (-0.4 * (mag - 20.0)),
        standard_radii(fwhm)[0] * scale,
        fwhm * scale / FWHM_PER_SIGMA,
    )


def _table(
    stars: Stars,
    told: CatalogueMagnitudes,
    rows: Mapping[int, ApertureRow],
    contamination: FloatArray,
    exptime: float,
) -> Table:
    from astropy.table import Table

    index = np.array(sorted(rows), dtype=int)
    measured: Sequence[ApertureRow] = [rows[i] for i in index]
    flux = np.array([row.flux_counts for row in measured])
    error = np.array([row.flux_counts_err for row in measured])
    mag, mag_err = instrumental_magnitude(flux, error, exptime)
    good = np.array(
        [usable(row) and not row.crowded and not row.bits & Bit.NONLINEAR for row in measured],
        dtype=bool,
    )
    good &= contamination[index] < _MAX_CONTAMINATION
    with np.errstate(invalid="ignore", divide="ignore"):
        good &= (flux / error > _MIN_SNR) & (told.err[index] < _MAX_CATALOGUE_ERROR)
    return Table(
        {
            "ra": stars.ra[index],
            "dec": stars.dec[index],
            "x": [row.x_px for row in measured],
            "y": [row.y_px for row in measured],
            "flux": flux,
            "flux_err": error,
            "mag_inst": mag,
            "mag_inst_err": mag_err,
            "mag_catalogue": told.mag[index],
            "mag_catalogue_err": told.err[index],
            "colour": told.colour[index],
            "contamination": contamination[index],
            "crowded": [row.crowded for row in measured],
            "bits": [row.bits for row in measured],
            "calibrator": good & np.isfinite(told.colour[index]),
        }
    )


def _figures(fit: FieldZeroPoint, told: CatalogueMagnitudes, table: Table) -> dict[str, Any]:
    residuals = np.asarray(table["residual"][table["calibrator"]], dtype=float)
    middle = float(np.nanmedian(residuals))
    line, illumination = fit.line, fit.illumination
    return {
        "zp": line.value,
        "zp_err": line.err,
        "colour_term": line.slope,
        "colour_term_err": line.slope_err,
        "colour": told.colour_name,
        "pivot": line.pivot,
        "colour_spread": float(np.std(table["colour"][table["calibrator"]])),
        "magnitudes": told.origin,
        "n": line.n,
        "n_measured": len(table),
        "inflation": line.inflation,
        "illumination": None
        if illumination is None
        else {
            "order": 2,
            "peak_to_peak": illumination.peak_to_peak,
            "scatter_without": illumination.scatter_without,
        },
        "robust_scatter": 1.4826 * float(np.nanmedian(np.abs(residuals - middle))),
    }
