"""The values of one result: circumstances, magnitude and polarization of a source.

The keys are the columns of `polarnight.db.PhotoPolResult`; ``flags`` holds the names of
the machine's flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.frames import UNUSABLE, Bit, describe_bits
from polarnight.instruments import get_instrument
from polarnight.photometry import bjd_tdb, instrumental_magnitude, upper_limit
from polarnight.pipeline.aperture_losses import RelativeLoss
from polarnight.pipeline.measure import LoadedFrame
from polarnight.pipeline.records import ApertureRow, SourceRecord
from polarnight.pipeline.relative import SourceZeroPoint
from polarnight.polarimetry import InstrumentalPolarization, Polarization, Stokes, correct
from polarnight.telescopes import get_telescope

FloatArray = npt.NDArray[np.float64]

__all__ = ["GroupFlux", "GroupParameters", "result_values"]


@dataclass(frozen=True, slots=True)
class GroupParameters:
    """How a group is measured.

    Attributes
    ----------
    radii_sigma : tuple of float
        Aperture, inner and outer sky radius, in sigmas of the seeing (FWHM / 2.3548).
    limit_sigma : float
        Significance below which a magnitude becomes a limit.
    clip : float
        Limit of outliers among the angles of a cycle, sigmas.
    beam_gain : bool
        Whether the gain ratio of two beams is fitted.
    debias : str
        Estimator of the degree of polarization.
    instrumental : InstrumentalPolarization or None
        Correction to use instead of the instrument's own constants.
    stars : Path or None
        Directory of the star catalogues, with which the field stars of direct images are
        measured too.
    catalogue_calibrators : bool
        Whether sources without calibrators get the zero point of the field stars.
    """

    radii_sigma: tuple[float, float, float] = (3.0, 5.0, 9.0)
    limit_sigma: float = 3.0
    clip: float = 5.0
    beam_gain: bool = True
    debias: str = "mas"
    instrumental: InstrumentalPolarization | None = None
    stars: Path | None = None
    catalogue_calibrators: bool = False


@dataclass(frozen=True)
class GroupFlux:
    """Flux of a source in a group (ADU in one exposure; not a number where meaningless).

    `trusted` is false where a bad or hit pixel lies in an aperture. `losses` are those of the
    frames that were brought to one scale.
    """

    value: float
    error: float
    trusted: bool
    stokes: Stokes | None = None
    losses: tuple[RelativeLoss, ...] = ()


def result_values(
    frames: Sequence[LoadedFrame],
    source: SourceRecord,
    rows: Sequence[ApertureRow],
    flux: GroupFlux,
    zero_point: SourceZeroPoint | None,
    parameters: GroupParameters,
) -> dict[str, Any]:
    """Return the columns of the result of one source.

    Parameters
    ----------
    frames : sequence of LoadedFrame
    source : SourceRecord
    rows : sequence of ApertureRow
        All apertures of the source in these frames.
    flux : GroupFlux
    zero_point : SourceZeroPoint or None
    parameters : GroupParameters
    """
    values = _circumstances(frames, source, rows)
    values |= _photometry(frames, flux, zero_point, parameters)
    if flux.stokes is not None:
        values |= _polarization(frames, flux.stokes, parameters)
    values["flags"] = _flags(values, rows, flux)
    values["evidence"] = _evidence(rows, zero_point, flux)
    return values


def _circumstances(
    frames: Sequence[LoadedFrame], source: SourceRecord, rows: Sequence[ApertureRow]
) -> dict[str, Any]:
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


def _photometry(
    frames: Sequence[LoadedFrame],
    flux: GroupFlux,
    zero_point: SourceZeroPoint | None,
    parameters: GroupParameters,
) -> dict[str, Any]:
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


def _polarization(
    frames: Sequence[LoadedFrame], measured: Stokes, parameters: GroupParameters
) -> dict[str, Any]:
    info = frames[0].ref.info
    instrumental = parameters.instrumental or get_instrument(
        info.instrument
    ).instrumental_polarization(info.band, info.night)
    stokes = correct(measured, instrumental)
    degree = Polarization.from_stokes(stokes, debias=parameters.debias)
    return {
        "q": stokes.q,
        "q_err": stokes.q_err,
        "u": stokes.u,
        "u_err": stokes.u_err,
        "qu_cov": float(stokes.cov[0, 1]),
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
    }


def _flags(values: dict[str, Any], rows: Sequence[ApertureRow], flux: GroupFlux) -> tuple[str, ...]:
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
    if any(row.forced for row in rows):
        flags.append("FORCED")
    if any(row.crowded for row in rows):
        flags.append("CROWDED")
    if str(values.get("zp_method", "")).startswith("catalogue"):
        flags.append("CATALOGUE_CALIBRATED")
    if "mag_zp" not in values:
        flags.append("NO_ZERO_POINT")
    if "mag_limit" in values:
        flags.append("UPPER_LIMIT")
    return tuple(flags)


def _evidence(
    rows: Sequence[ApertureRow], zero_point: SourceZeroPoint | None, flux: GroupFlux
) -> dict[str, Any]:
    evidence: dict[str, Any] = {}
    if zero_point is not None:
        evidence["zero_point"] = zero_point.details
    if flux.stokes is not None:
        evidence["polarimetry"] = {
            "scale": flux.stokes.scale,
            # Of this cycle alone: without what its instrument has in common with others.
            "q_err_random": flux.stokes.q_err,
            "u_err_random": flux.stokes.u_err,
            "beam_gain": flux.stokes.k,
            "used": [bool(used) for used in flux.stokes.used],
            "aperture_losses": [asdict(loss) for loss in flux.losses],
        }
    bits = reduce(lambda a, b: a | b, (row.bits for row in rows), 0)
    if bits:
        evidence["bits"] = describe_bits(bits)
    return evidence
