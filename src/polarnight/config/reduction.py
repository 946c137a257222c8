"""Settings of how nights are reduced, and when a change is worth a warning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from polarnight.config.kinds import NotNegative, Part, Positive, UserPath, increasing

__all__ = [
    "EXTINCTION",
    "AstrometrySettings",
    "CalibrationSettings",
    "PhotometrySettings",
    "PolarimetrySettings",
    "QualitySettings",
]

EXTINCTION = {
    "U": 0.48, "B": 0.23, "V": 0.13, "R": 0.09, "I": 0.05,
    "u": 0.47, "g": 0.17, "r": 0.10, "i": 0.06, "z": 0.05,
}  # fmt: skip
"""Magnitudes per airmass by band, typical of a site at 2000 to 3000 m.

V is the median of La Palma over 20 years (Garcia-Gil, Munoz-Tunon and Varela 2010, PASP 122,
1109); the others follow it as Rayleigh scattering, aerosols and ozone do.
"""


class CalibrationSettings(Part):
    """How masters are made, chosen and applied."""

    combine: Literal["median", "mean", "clipped_mean", "clipped_median"] = Field(
        "clipped_mean", description="how frames are combined into a master"
    )
    nsigma: Positive = Field(4.0, description="limit of clipping, in robust sigmas")
    max_iterations: int = Field(5, ge=0, description="rounds of clipping at most")
    recommended_frames: int = Field(
        5, ge=1, description="a master of fewer frames is made with a warning"
    )
    near_days: Positive = Field(7.0, description="days within which a master is near (level 1)")
    allow_risky: bool = Field(
        True, description="use a master outside its range of validity (level 3), flagged"
    )
    allow_missing: bool = Field(
        False, description="reduce a frame although a required master is missing, flagged"
    )
    cosmic_rays: bool = Field(True, description="find cosmic rays in light frames")


class AstrometrySettings(Part):
    """How frames are solved."""

    radius_deg: Positive = Field(0.5, description="radius about a pointing that is searched")
    scale_tolerance: float = Field(
        0.05, gt=0, lt=0.5, description="relative tolerance of the pixel scale"
    )
    max_rms_arcsec: Positive = Field(1.0, description="largest residual of an accepted solution")
    pictures: bool = Field(False, description="save a picture of every solved frame")
    blind: bool = Field(
        False, description="ask astrometry.net (the extra blind) where all pointings fail"
    )
    online: bool = Field(
        False, description="fetch field stars over the network where a run has none on disk"
    )
    online_catalogue: Literal["gaia", "apass", "ps1", "sdss"] = Field(
        "gaia", description="star catalogue that a run fetches"
    )
    online_timeout: Positive = Field(60.0, description="seconds to wait for such a service")


class PhotometrySettings(Part):
    """How fluxes become magnitudes."""

    aperture_sigma: Positive = Field(3.0, description="aperture radius, in sigmas of the seeing")
    annulus_sigma: Annotated[tuple[Positive, Positive], AfterValidator(increasing)] = Field(
        (5.0, 9.0), description="inner and outer radius of the sky annulus, in sigmas"
    )
    catalogue_calibrators: bool = Field(
        False, description="calibrate with field stars where a source has no calibrators"
    )
    limit_sigma: Positive = Field(3.0, description="significance below which a limit is given")
    colour_term: bool = Field(
        False, description="fit a colour term to the calibrators of a source, where they allow it"
    )
    growth_curve: bool = Field(
        False, description="measure sources in the radii of a curve of growth too"
    )
    host_galaxies: bool = Field(
        True, description="take off the light of host galaxies, where there is a table of it"
    )
    host_tables: UserPath | None = Field(
        None, description="CSV file with further tables of host galaxies"
    )
    host_minutes: Positive = Field(
        30.0,
        description="time within which a magnitude serves polarimetry that has none of its own",
    )


class PolarimetrySettings(Part):
    """How cycles of angles become Stokes parameters."""

    debias: Literal["mas", "wardle-kronberg", "none"] = Field(
        "mas", description="estimator of the degree of polarization"
    )
    method: Literal["fit", "ratios"] = Field(
        "fit", description="fit to the angles of a half-wave plate, or ratios of complete fours"
    )
    beam_gain: bool = Field(True, description="fit the gain ratio of the two beams")
    clip: Positive = Field(5.0, description="limit of outliers, in sigmas")
    max_gap_minutes: Positive = Field(20.0, description="longest pause inside a cycle of angles")
    transparency: Literal["auto", "always", "never"] = Field(
        "auto",
        description="divide fluxes of one beam by the mean of the other stars: where these "
        "changed, always or never",
    )
    field_polarization: Positive = Field(
        0.003,
        description="error of the assumption that the stars of a field are unpolarized as a "
        "whole, a fraction",
    )


class QualitySettings(Part):
    """When a change from one night to the next is worth a warning."""

    bias_shift: Positive = Field(
        1.0, description="change of the bias level, in sigmas of the read noise of a pixel"
    )
    read_noise_change: Positive = Field(0.2, description="relative change of the read noise")
    dark_change: Positive = Field(0.5, description="relative change of the dark rate")
    defects_change: Positive = Field(
        0.5, description="relative change of the number of hot and unstable pixels"
    )
    flat_rms: Positive = Field(
        0.005, description="scatter of the ratio of two flats beyond noise, as a fraction"
    )
    flat_large_scale: Positive = Field(
        0.02, description="change of a flat on large scales, as a fraction"
    )
    spot_contrast: Positive = Field(
        0.01, description="change of a compact place of a flat that is dust, as a fraction"
    )
    new_spots: int = Field(3, ge=1, description="new grains of dust on a flat, number")
    predecessor_days: Positive = Field(
        365.0, description="age of a master beyond which it is no predecessor, days"
    )
    reference_days: Positive = Field(
        365.0, description="days before a night whose zero points are what is usual"
    )
    reference_nights: int = Field(
        3, ge=1, description="nights that it takes to know what is usual, number"
    )
    extinction: dict[str, NotNegative] = Field(
        default_factory=lambda: dict(EXTINCTION),
        description="magnitudes per airmass by band, where no night tells; of a good site "
        "unless given",
    )
    extinction_airmass: Positive = Field(
        0.3, description="range of airmass that it takes to fit the extinction of a night"
    )
    photometric_scatter: Positive = Field(
        0.02,
        description="scatter of zero points about that fit beyond which a night has clouds, mag",
    )
