"""Photometry of the field stars of a frame: a zero point with colour term from a catalogue."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
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
from polarnight.frames.bands import JOHNSON
from polarnight.photometry import (
    FWHM_PER_SIGMA,
    FieldZeroPoint,
    fit_field_zero_point,
    foreign_light,
    instrumental_magnitude,
    standard_radii,
    to_johnson,
)
from polarnight.pipeline.groups.measure import (
    LoadedFrame,
    beams_disagree,
    group_fwhm,
    measure_frame,
    sources_in_frame,
    usable,
)
from polarnight.pipeline.groups.records import ApertureRow, SourceRecord
from polarnight.pipeline.groups.relative import literature_share
from polarnight.pipeline.groups.two_cameras import EQUAL_CAMERAS, CameraGain, on_scale_of_first

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

_SLOAN = ("sdss", "apass", "ps1")
_MIN_SNR = 50.0
_MAX_CATALOGUE_ERROR = 0.1
_MAX_CONTAMINATION = 0.02
# The first pair that a catalogue has, or that can be made of what it has, gives the colour.
_COLOURS = (("B", "V"), ("V", "R"), ("V", "I"), ("R", "I"))


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
    ) -> tuple[float, float, float, bool]:
        """Return zero point, error, its part common to all frames, and whether the colour is known.

        For a source of unknown colour that of the average calibrator is taken, and the
        spread of their colours enters the error. The catalogue, and an unknown colour, are as
        wrong in the next frame.
        """
        blue, red = self.colour_bands
        if blue in magnitudes and red in magnitudes:
            colour = magnitudes[blue][0] - magnitudes[red][0]
            value, error = self.fit.zero_point(x, y, colour)
            return value, error, error * self.figures["literature_share"], True
        value, error = self.fit.zero_point(x, y)
        spread = self.fit.line.slope * self.figures["colour_spread"]
        common = error * self.figures["literature_share"]
        return value, float(np.hypot(error, spread)), float(np.hypot(common, spread)), False


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
    """Return magnitudes and colours of catalogue stars in Johnson-Cousins bands.

    The catalogue's own where it has them, else made from Gaia, Pan-STARRS1, SDSS or APASS
    magnitudes by the relations of their own system.

    Parameters
    ----------
    stars : Stars
    band : str

    Raises
    ------
    AlgorithmFailed
        Where the catalogue has neither the band nor what it can be made of, or no colour.
    """
    mag, err, origin = _johnson(stars, band)
    for blue, red in _COLOURS:
        try:
            bluer, redder = _johnson(stars, blue)[0], _johnson(stars, red)[0]
        except AlgorithmFailed:
            continue
        if np.isfinite(mag + bluer - redder).any():
            return CatalogueMagnitudes(mag, err, bluer - redder, origin, f"{blue}-{red}")
    message = "the star catalogue has no two bands that make a colour"
    raise AlgorithmFailed(message, bands=sorted(stars.mags))


def _johnson(stars: Stars, band: str) -> tuple[FloatArray, FloatArray, str]:
    """Return magnitudes, errors, and what they were made of.

    A few stars that another catalogue adds in the very band do not push out the many whose
    magnitudes have to be made.
    """
    if band not in JOHNSON:
        return _same_band(stars, band)
    own = stars.mags.get(band, np.full(len(stars), np.nan))
    told = int(np.isfinite(own).sum())
    try:
        mag, err, source = to_johnson(band, stars.mags, stars.mag_errs)
    except AlgorithmFailed:
        if not told:
            raise
        mag = np.full(len(stars), np.nan)
    if told and 2 * told >= int(np.isfinite(mag).sum()):
        return own, np.nan_to_num(stars.mag_errs.get(band, np.zeros(len(stars)))), band
    return mag, err, f"{band} from {source}"


def _same_band(stars: Stars, band: str) -> tuple[FloatArray, FloatArray, str]:
    """Return magnitudes in a band such as r: of the SDSS, else of another system that has it."""
    for name in (band, *(f"{band}_{system}" for system in _SLOAN)):
        mag = stars.mags.get(name)
        if mag is not None and np.isfinite(mag).any():
            return mag, np.nan_to_num(stars.mag_errs.get(name, np.zeros(len(stars)))), name
    message = f"the star catalogue has no band {band}, which cannot be made of others"
    raise AlgorithmFailed(message, bands=sorted(stars.mags))


def measure_field(
    frames: Sequence[LoadedFrame], directory: Path, gain: CameraGain = EQUAL_CAMERAS
) -> FieldPhotometry:
    """Measure every catalogue star in an exposure and fit zero point and colour term.

    Calibrators are stars with S/N above 50, nothing bad and no pixel beyond the linear range in
    the aperture, a catalogue error below 0.1 mag, no detected neighbour that reaches into the
    aperture, and by the catalogue less than 2 % of foreign light in it. The table with all
    stars is written beside the frame.

    Parameters
    ----------
    frames : sequence of LoadedFrame
        One solved frame, or those of two cameras that see one beam each.
    directory : Path
        Of the star catalogues.
    gain : CameraGain
        Of the second camera with respect to the first.

    Returns
    -------
    FieldPhotometry

    Raises
    ------
    AlgorithmFailed
        Where the catalogue has no magnitudes for the band, or too few stars are good.
    """
    loaded = frames[0]
    info = loaded.ref.info
    stars = stars_of_frame(loaded, directory)
    told = catalogue_photometry(stars, info.band)
    records = [
        SourceRecord(i, "", float(ra), float(dec))
        for i, (ra, dec) in enumerate(zip(stars.ra, stars.dec, strict=True))
        if np.isfinite(told.mag[i])
    ]
    fwhm = group_fwhm(frames)
    inside = records
    for one in frames:
        inside = sources_in_frame(one, inside, margin=2 * fwhm)
    rows = [row for one in frames for row in measure_frame(one, inside, fwhm, with_widths=False)]
    first = _joined(on_scale_of_first(rows, frames, gain))
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


def _joined(rows: Sequence[ApertureRow]) -> dict[int, ApertureRow]:
    """Return one row for each source: the light of its images, at the place of the ordinary one.

    A source whose two images differ by more than polarization can tell counts as crowded.
    """
    images: dict[int, list[ApertureRow]] = defaultdict(list)
    for row in rows:
        images[row.source].append(row)
    joined = {}
    for source, own in images.items():
        joined[source] = dataclasses.replace(
            next(row for row in own if row.pair == "O"),
            flux_counts=sum(row.flux_counts for row in own),
            flux_counts_err=float(np.sqrt(sum(row.flux_counts_err**2 for row in own))),
            bits=int(np.bitwise_or.reduce([row.bits for row in own])),
            bits_left=int(np.bitwise_or.reduce([row.bits_left for row in own])),
            crowded=any(row.crowded for row in own) or beams_disagree(own),
        )
    return joined


def _contamination(loaded: LoadedFrame, stars: Stars, mag: FloatArray, fwhm: float) -> FloatArray:
    """Return the share of foreign light in the aperture of each star, by the catalogue.

    Where every star has two images, each of them lies among the images of the other beam too.
    """
    scale = loaded.ref.info.pixel_scale
    light = 10.0 ** (-0.4 * (mag - 20.0))
    size = standard_radii(fwhm)[0] * scale, fwhm * scale / FWHM_PER_SIGMA
    wcs, pair = loaded.frame.wcs, loaded.frame.wcs_pair
    if wcs is None or pair is None:
        return foreign_light(stars.ra, stars.dec, light, *size)
    shares = []
    for own, other in ((wcs, pair), (pair, wcs)):
        x, y = other.all_world2pix(stars.ra, stars.dec, 0, quiet=True)
        ra, dec = own.all_pix2world(x, y, 0)
        far = ~np.isfinite(ra + dec)
        ra, dec = np.where(far, stars.ra, ra), np.where(far, -stars.dec, dec)
        among = foreign_light(
            np.append(stars.ra, ra), np.append(stars.dec, dec), np.append(light, light), *size
        )
        shares.append(among[: len(stars)])
    mean: FloatArray = np.mean(shares, axis=0)
    return mean


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
    used = table[table["calibrator"]]
    residuals = np.asarray(used["residual"], dtype=float)
    middle = float(np.nanmedian(residuals))
    line, illumination = fit.line, fit.illumination
    return {
        "zp": line.value,
        "zp_err": line.err,
        "colour_term": line.slope,
        "colour_term_err": line.slope_err,
        "colour": told.colour_name,
        "pivot": line.pivot,
        "colour_spread": float(np.std(used["colour"])),
        "magnitudes": told.origin,
        "n": line.n,
        "n_measured": len(table),
        "inflation": line.inflation,
        "literature_share": literature_share(
            np.hypot(used["mag_inst_err"], used["mag_catalogue_err"]), used["mag_catalogue_err"]
        ),
        "illumination": None
        if illumination is None
        else {
            "order": 2,
            "peak_to_peak": illumination.peak_to_peak,
            "scatter_without": illumination.scatter_without,
        },
        "robust_scatter": 1.4826 * float(np.nanmedian(np.abs(residuals - middle))),
    }
