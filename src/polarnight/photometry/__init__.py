"""Apertures, centroids, seeing, zero points, magnitudes, light curves and times."""

from polarnight.photometry.apertures import Apertures, aperture_photometry, sky_variance_factor
from polarnight.photometry.centroids import CentroidFlag, Centroids, centroid
from polarnight.photometry.colour import ColourZeroPoint, fit_zero_point_colour
from polarnight.photometry.crowding import foreign_light, light_of_neighbours
from polarnight.photometry.curves import lightcurve, provide_measurements
from polarnight.photometry.ensemble import EnsembleLightCurves, ensemble_light_curves
from polarnight.photometry.growth import (
    ApertureCorrection,
    aperture_correction,
    aperture_differences,
    growth_curve,
)
from polarnight.photometry.hosts import HostLight, HostTable, find_host, load_host_tables
from polarnight.photometry.illumination import (
    FieldZeroPoint,
    Illumination,
    fit_field_zero_point,
)
from polarnight.photometry.magnitudes import instrumental_magnitude, upper_limit
from polarnight.photometry.repair import repair_pixels
from polarnight.photometry.seeing import FWHM_PER_SIGMA, Seeing, measure_fwhm, standard_radii
from polarnight.photometry.systems import to_johnson
from polarnight.photometry.times import bjd_tdb, mid_exposure
from polarnight.photometry.transforms import sdss_to_johnson
from polarnight.photometry.zeropoint import ZeroPoint, zero_point

__all__ = [
    "FWHM_PER_SIGMA",
    "ApertureCorrection",
    "Apertures",
    "CentroidFlag",
    "Centroids",
    "ColourZeroPoint",
    "EnsembleLightCurves",
    "FieldZeroPoint",
    "HostLight",
    "HostTable",
    "Illumination",
    "Seeing",
    "ZeroPoint",
    "aperture_correction",
    "aperture_differences",
    "aperture_photometry",
    "bjd_tdb",
    "centroid",
    "ensemble_light_curves",
    "find_host",
    "fit_field_zero_point",
    "fit_zero_point_colour",
    "foreign_light",
    "growth_curve",
    "instrumental_magnitude",
    "light_of_neighbours",
    "lightcurve",
    "load_host_tables",
    "measure_fwhm",
    "mid_exposure",
    "provide_measurements",
    "repair_pixels",
    "sdss_to_johnson",
    "sky_variance_factor",
    "standard_radii",
    "to_johnson",
    "upper_limit",
    "zero_point",
]
