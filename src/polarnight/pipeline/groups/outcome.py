"""The values of one result: circumstances, magnitude and polarization of a source.

The keys are the columns of `polarnight.db.PhotoPolResult`; ``flags`` holds the names of
the machine's flags.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.frames import UNUSABLE, Bit, describe_bits
from polarnight.instruments import get_instrument
from polarnight.photometry import bjd_tdb, instrumental_magnitude, upper_limit
from polarnight.pipeline.groups.aperture_losses import RelativeLoss
from polarnight.pipeline.groups.measure import LoadedFrame, beams_disagree
from polarnight.pipeline.groups.records import ApertureRow, SourceRecord
from polarnight.pipeline.groups.relative import SourceZeroPoint
from polarnight.polarimetry import (
    InstrumentalPolarization,
    Polarization,
    Stokes,
    Transparency,
    correct,
)
from polarnight.telescopes import get_telescope

FloatArray = npt.NDArray[np.float64]

__all__ = [
    "GroupFlux",
    "GroupParameters",
    "circumstances",
    "constants_at",
    "evidence_of",
    "instrument_angle",
    "machine_flags",
    "magnitudes",
    "polarization",
    "rotator_range",
]


@dataclass(frozen=True, slots=True)
class GroupParameters:
    """How a group is measured.

    Attributes
    ----------
    aperture_sigma, annulus_sigma : float, tuple of float
        Aperture, inner and outer sky radius, in sigmas of the seeing (FWHM / 2.3548).
    trailed : float
        Elongation from which a frame is trailed, over the median of the others of its group.
    limit_sigma : float
        Significance below which a magnitude becomes a limit.
    clip : float
        Limit of outliers among the angles of a cycle, sigmas.
    method : str
        ``"fit"`` or ``"ratios"``, of two beams behind a half-wave plate.
    beam_gain : bool
        Whether the gain ratio of two beams is fitted.
    transparency : str
        Whether fluxes of one beam are divided by the mean of the other stars: ``"auto"``
        (where these changed), ``"always"``, ``"never"``.
    field_polarization : float
        Error of the assumption that the stars are unpolarized as a whole, a fraction.
    debias : str
        Estimator of the degree of polarization.
    instrumental : InstrumentalPolarization or None
        Correction to use instead of the instrument's own constants.
    stars : Path or None
        Directory of the star catalogues, with which the field stars of direct images are
        measured too.
    catalogue_calibrators : bool
        Whether sources without calibrators get the zero point of the field stars.
    colour_term : bool
        Whether calibrators give a colour term, where they allow it.
    growth_curve : bool
        Whether sources are measured in the radii of a curve of growth too.
    host_galaxies : bool
        Whether the light of host galaxies is taken off.
    """

    aperture_sigma: float = 3.0
    annulus_sigma: tuple[float, float] = (5.0, 9.0)
    trailed: float = 2.0
    limit_sigma: float = 3.0
    clip: float = 5.0
    method: str = "fit"
    beam_gain: bool = True
    transparency: str = "auto"
    field_polarization: float = 0.003
    debias: str = "mas"
    instrumental: InstrumentalPolarization | None = None
    stars: Path | None = None
    catalogue_calibrators: bool = False
    colour_term: bool = False
    growth_curve: bool = False
    host_galaxies: bool = True

    @property
    def radii_sigma(self) -> tuple[float, float, float]:
        """Aperture, inner and outer sky radius, in sigmas of the seeing."""
        return (self.aperture_sigma, *self.annulus_sigma)


@dataclass(frozen=True)
class GroupFlux:
    """Flux of a source in a group (ADU in one exposure; not a number where meaningless).

    `trusted` is false where a bad or hit pixel lies in an aperture. `losses` are those of the
    frames that were brought to one scale and `losses_cov` what their errors make of the covariance
    of (q, u), in the frame of the instrument; `sky` is the transparency they were divided by;
    `remarks` tell what was done otherwise than usual; `sky_unknown` is true where nothing could
    free the fluxes of one beam of clouds, `blended` where one of two beams holds the light of
    another star.
    """

    value: float
    error: float
    trusted: bool
    stokes: Stokes | None = None
    losses: tuple[RelativeLoss, ...] = ()
    losses_cov: FloatArray | None = None
    sky: Transparency | None = None
    remarks: tuple[str, ...] = ()
    sky_unknown: bool = False
    blended: bool = False


def circumstances(
    frames: Sequence[LoadedFrame], source: SourceRecord, rows: Sequence[ApertureRow]
) -> dict[str, Any]:
    """Return when, where on the detector and with which aperture a source was measured."""
    infos = [loaded.ref.info for loaded in frames]
    times = np.array([info.jd_mid for info in infos])
    middle = float(times.mean())
    airmass = [info.airmass for info in infos if info.airmass is not None]
    widths = [row.fwhm_source for row in rows if row.fwhm_source is not None]
    return {
        "juliandate": middle,
        "juliandate_min": float(times.min()),
        "juliandate_max": float(times.max()),
        "bjd_tdb": _bjd(middle, source.ra, source.dec, infos[0].telescope),
        "exptime": infos[0].exptime,
        "n_frames": len(frames),
        "airmass": float(np.mean(airmass)) if airmass else None,
        "aperpix": rows[0].aperpix,
        "aperas": rows[0].aperpix * infos[0].pixel_scale,
        "r_in": rows[0].r_in,
        "r_out": rows[0].r_out,
        "fwhm": rows[0].fwhm,
        "fwhm_source": float(np.median(widths)) if widths else None,
        "bkg_flux_counts": float(np.mean([row.bkg_flux_counts for row in rows])),
        "bkg_flux_counts_err": float(
            np.sqrt(np.mean([row.bkg_flux_counts_err**2 for row in rows]))
        ),
        "bits": reduce(lambda a, b: a | b, (row.bits for row in rows), 0),
    }


@cache
def _light_travel(jd: float, telescope: str) -> tuple[float, FloatArray]:
    """Return TDB at the observer, and the vector whose product with a direction is added.

    The light-travel time is linear in the unit vector of the direction, so that three axes
    and one opposite say all of it, for every source of the group.
    """
    site = get_telescope(telescope)
    place = {"longitude": site.longitude, "latitude": site.latitude, "height": site.height}
    axes = [(0.0, 0.0), (90.0, 0.0), (0.0, 90.0), (180.0, 0.0)]
    x, y, z, opposite = (float(bjd_tdb(jd, ra, dec, **place)) for ra, dec in axes)
    tdb = 0.5 * (x + opposite)
    return tdb, np.array([x - tdb, y - tdb, z - tdb])


def _bjd(jd: float, ra: float, dec: float, telescope: str) -> float:
    tdb, vector = _light_travel(jd, telescope)
    a, d = np.deg2rad(ra), np.deg2rad(dec)
    direction = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    return tdb + float(vector @ direction)


def magnitudes(
    frames: Sequence[LoadedFrame],
    flux: GroupFlux,
    zero_point: SourceZeroPoint | None,
    parameters: GroupParameters,
) -> dict[str, Any]:
    """Return the flux of a source, and its magnitude or its limit."""
    exptime = frames[0].ref.info.exptime
    values: dict[str, Any] = {"flux_counts": flux.value, "flux_counts_err": flux.error}
    if zero_point is not None:
        values |= {
            "mag_zp": zero_point.value,
            "mag_zp_err": zero_point.error,
            "zp_method": zero_point.method,
            "zp_n": zero_point.n,
            "zp_inflation": zero_point.inflation,
            "zp_chi2": zero_point.chi2,
        }
    if not np.isfinite(flux.value):
        return values
    if flux.value < parameters.limit_sigma * flux.error:
        if zero_point is not None:
            faintest = upper_limit(flux.value, flux.error, exptime, nsigma=parameters.limit_sigma)
            values["mag_limit"] = zero_point.value + float(faintest)
        return values
    instrumental, error = map(float, instrumental_magnitude(flux.value, flux.error, exptime))
    values |= {"mag_inst": instrumental, "mag_inst_err": error}
    if zero_point is not None:
        values["mag"] = zero_point.value + instrumental
        values["mag_err"] = float(np.hypot(zero_point.error, error))
    return values


def polarization(
    frames: Sequence[LoadedFrame],
    source: SourceRecord,
    measured: Stokes,
    parameters: GroupParameters,
) -> dict[str, Any]:
    """Return Stokes parameters corrected for the instrument, degree and angle.

    The evidence tells what was taken off, and the errors of this cycle alone.
    """
    info = frames[0].ref.info
    constants = parameters.instrumental or get_instrument(
        info.instrument
    ).instrumental_polarization(info.band, info.night)
    instrumental, parallactic, turned = constants_at(constants, frames, source)
    stokes = correct(measured, instrumental)
    random = stokes.random_cov
    degree = Polarization.from_stokes(stokes, debias=parameters.debias)
    return {
        "q": stokes.q,
        "q_err": stokes.q_err,
        "u": stokes.u,
        "u_err": stokes.u_err,
        "qu_cov": float(stokes.cov[0, 1]),
        "v": stokes.v,
        "v_err": stokes.v_err,
        "q_nocorr": measured.q,
        "u_nocorr": measured.u,
        "p_naive": degree.p_naive,
        "p": degree.p,
        "p_err": degree.p_err,
        "p_low": degree.p_low,
        "p_high": degree.p_high,
        "p_limit95": degree.p_limit95,
        "debias": degree.debias,
        "chi": degree.chi,
        "chi_err": degree.chi_err,
        "pol_method": measured.method,
        "pol_chi2": measured.chi2,
        "pol_dof": measured.dof,
        "n_angles": measured.n_used,
        "evidence": {
            # Of this cycle alone: without what its instrument has in common with others.
            "q_err_random": math.sqrt(float(random[0, 0])),
            "u_err_random": math.sqrt(float(random[1, 1])),
            "qu_cov_random": float(random[0, 1]),
            "rotation_err": stokes.rotation_err,
            "measured_cov": measured.cov.tolist(),
            "instrument_angle": turned,
            "taken_off": {
                "q0": instrumental.q0,
                "u0": instrumental.u0,
                "zero_angle": instrumental.zero_angle,
                "efficiency": instrumental.efficiency,
                "parallactic_angle": parallactic,
            },
        },
    }


def constants_at(
    constants: InstrumentalPolarization, frames: Sequence[LoadedFrame], source: SourceRecord
) -> tuple[InstrumentalPolarization, float | None, float]:
    """Return the instrumental polarization in the direction of a source during a cycle.

    Parameters
    ----------
    constants : InstrumentalPolarization
    frames : sequence of LoadedFrame
        Of the cycle.
    source : SourceRecord

    Returns
    -------
    constants : InstrumentalPolarization
        Nothing turns in them any more.
    parallactic : float or None
        Degrees; None where nothing depends on it.
    turned : float
        Position angle of the instrument, degrees.
    """
    turned = instrument_angle([loaded.ref.info.instrument_angle for loaded in frames])
    parallactic = _parallactic_angle(frames, source) if constants.turns else None
    return constants.at(parallactic or 0.0, turned), parallactic, turned


def instrument_angle(angles: Sequence[float | None]) -> float:
    """Return the mean position angle of the instrument on the sky, degrees.

    Parameters
    ----------
    angles : sequence of float or None
        Of the frames of a cycle; None where no rotator turns the instrument, which counts as
        zero because the angle zero then says all.
    """
    known = [angle for angle in angles if angle is not None]
    if not known:
        return 0.0
    mean = np.mean(np.exp(1j * np.radians(known)))
    return float(np.degrees(np.angle(mean)))


def rotator_range(angles: Sequence[float | None]) -> float:
    """Return by how many degrees the instrument turned on the sky within a cycle."""
    known = np.array([angle for angle in angles if angle is not None], dtype=np.float64)
    if not len(known):
        return 0.0
    off = (known - known[0] + 180.0) % 360.0 - 180.0
    return float(np.ptp(off))


def _parallactic_angle(frames: Sequence[LoadedFrame], source: SourceRecord) -> float:
    infos = [loaded.ref.info for loaded in frames]
    middle = float(np.mean([info.jd_mid for info in infos]))
    site = get_telescope(infos[0].telescope)
    return site.parallactic_angle(source.ra, source.dec, middle)


def machine_flags(
    values: dict[str, Any], rows: Sequence[ApertureRow], flux: GroupFlux
) -> tuple[str, ...]:
    """Return the names of the flags that a result deserves."""
    flags = []
    if values["bits"] & Bit.SATURATED:
        flags.append("SATURATED")
    if values["bits"] & Bit.NONLINEAR:
        flags.append("NONLINEAR")
    if values["bits"] & UNUSABLE & ~Bit.SATURATED:
        flags.append("BAD_PIXELS")
    if not flux.trusted:
        flags.append("BAD_PHOTOMETRY")
        if flux.stokes is not None:
            flags.append("BAD_POLARIMETRY")
    if flux.stokes is not None and flux.stokes.scale > 1.0:
        flags.append("EXCESS_SCATTER")
    if flux.stokes is not None and flux.stokes.dof <= 0:
        flags.append("UNCHECKED")
    if flux.sky_unknown:
        flags.append("SKY_UNKNOWN")
    if any(row.forced for row in rows):
        flags.append("FORCED")
    crowded = flux.blended or any(row.crowded for row in rows)
    if crowded or (flux.stokes is None and beams_disagree(rows)):
        flags.append("CROWDED")
    if str(values.get("zp_method", "")).startswith("catalogue"):
        flags.append("CATALOGUE_CALIBRATED")
    if "mag_zp" not in values:
        flags.append("NO_ZERO_POINT")
    if "mag_limit" in values:
        flags.append("UPPER_LIMIT")
    return tuple(flags)


def _sky_evidence(flux: GroupFlux) -> dict[str, Any] | None:
    """Return how the transparency changed, None where nothing was divided by it."""
    if flux.sky is None:
        return None
    return {
        "factor": flux.sky.factor.tolist(),
        "error": flux.sky.error.tolist(),
        "stars": flux.sky.n_stars,
        "field_polarization": None if flux.stokes is None else flux.stokes.field_err,
    }


def evidence_of(
    rows: Sequence[ApertureRow],
    zero_point: SourceZeroPoint | None,
    flux: GroupFlux,
    correction: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the numbers of a result rest on, JSON-able.

    `correction` is the evidence of `polarization`.
    """
    evidence: dict[str, Any] = {}
    if zero_point is not None:
        evidence["zero_point"] = zero_point.details
    if flux.stokes is not None:
        evidence["polarimetry"] = {
            "scale": flux.stokes.scale,
            **(correction or {}),
            "beam_gain": flux.stokes.k,
            "used": [bool(used) for used in flux.stokes.used],
            "aperture_losses": [asdict(loss) for loss in flux.losses],
            "aperture_losses_cov": None if flux.losses_cov is None else flux.losses_cov.tolist(),
            "transparency": _sky_evidence(flux),
            "remarks": list(flux.remarks),
        }
    bits = reduce(lambda a, b: a | b, (row.bits for row in rows), 0)
    if bits:
        evidence["bits"] = describe_bits(bits)
    return evidence
