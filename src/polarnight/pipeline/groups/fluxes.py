"""Fluxes of a group of frames: their scales, Stokes parameters, zero points of the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polarnight.errors import AlgorithmFailed
from polarnight.frames import Bit, ObsMode
from polarnight.instruments import get_instrument
from polarnight.photometry import instrumental_magnitude
from polarnight.pipeline.groups.aperture_losses import RelativeLoss, relative_losses
from polarnight.pipeline.groups.beams import compared_beams, without_scale
from polarnight.pipeline.groups.cycle_sky import CycleSky
from polarnight.pipeline.groups.exposures import exposures_of
from polarnight.pipeline.groups.field import FieldPhotometry, measure_field
from polarnight.pipeline.groups.growth import FrameGrowth
from polarnight.pipeline.groups.master_noise import MasterNoise
from polarnight.pipeline.groups.measure import (
    LoadedFrame,
    beams_disagree,
    measurable,
    usable,
)
from polarnight.pipeline.groups.outcome import GroupFlux, GroupParameters, rotator_range
from polarnight.pipeline.groups.records import (
    ApertureRow,
    SourceRecord,
)
from polarnight.pipeline.groups.relative import (
    InstrumentalMagnitude,
    SourceZeroPoint,
)
from polarnight.pipeline.groups.stokes import stokes_of_source
from polarnight.pipeline.groups.two_cameras import EQUAL_CAMERAS, CameraGain, camera_gain

__all__ = [
    "direct_flux",
    "field_photometry",
    "gain_of_cameras",
    "instrumental_magnitudes",
    "losses_of_frames",
    "stokes_fluxes",
    "zero_point_of_field",
]

_MOST_ROTATION = 2.0
"""Degrees by which a rotator may turn within a cycle; twice that turns the polarization."""


def losses_of_frames(
    frames: Sequence[LoadedFrame],
    fwhm: float,
    radii: tuple[float, float, float],
    growth: Mapping[int, FrameGrowth],
) -> dict[int, RelativeLoss]:
    """Return what brings the frames of a cycle to one scale; nothing where beams are compared."""
    info = frames[0].ref.info
    if info.obsmode is not ObsMode.POLARIMETRY or get_instrument(info.instrument).beams != "one":
        return {}
    return relative_losses(frames, fwhm, radii, growth)


def gain_of_cameras(
    frames: Sequence[LoadedFrame], fwhm: float, parameters: GroupParameters
) -> CameraGain:
    """Return the ratio of the counts of two cameras, 1 for the frame of one camera.

    Raises
    ------
    AlgorithmFailed
        Where too few stars tell it.
    """
    info = frames[0].ref.info
    if len(frames) == 1 or info.obsmode is not ObsMode.PHOTOMETRY:
        return EQUAL_CAMERAS
    instrument = get_instrument(info.instrument)
    zero = parameters.instrumental or instrument.instrumental_polarization(info.band, info.night)
    return camera_gain(frames, fwhm, parameters.radii_sigma, zero)


def field_photometry(
    frames: Sequence[LoadedFrame], parameters: GroupParameters, gain: CameraGain = EQUAL_CAMERAS
) -> tuple[FieldPhotometry | None, dict[str, Any] | None]:
    """Return the photometry of the field stars, or why there is none."""
    if parameters.stars is None or frames[0].ref.info.obsmode is not ObsMode.PHOTOMETRY:
        return None, None
    try:
        return measure_field(frames, parameters.stars, gain), None
    except AlgorithmFailed as error:
        return None, {"refused": str(error)}


def zero_point_of_field(
    field: FieldPhotometry, source: SourceRecord, row: ApertureRow
) -> SourceZeroPoint:
    """Return the zero point of the field stars at the place and colour of a source."""
    value, error, common, known = field.zero_point(row.x_px, row.y_px, source.magnitudes)
    return SourceZeroPoint(
        value=value,
        error=error,
        method="catalogue, colour term",
        n=field.fit.line.n,
        inflation=field.fit.line.inflation,
        chi2=float("nan"),
        details={
            "from": "star catalogue",
            "colour_known": known,
            "literature_error": common,
            **field.figures,
        },
    )


def stokes_fluxes(
    frames: Sequence[LoadedFrame],
    sources: Sequence[SourceRecord],
    rows: Mapping[int, Sequence[ApertureRow]],
    losses: Mapping[int, RelativeLoss],
    fwhm: float,
    parameters: GroupParameters,
) -> tuple[dict[int, GroupFlux], list[tuple[str, str]]]:
    """Return flux and Stokes parameters of each source in a cycle, and why others have none."""
    info = frames[0].ref.info
    instrument = get_instrument(info.instrument)
    turned = rotator_range([loaded.ref.info.instrument_angle for loaded in frames])
    if turned > _MOST_ROTATION:
        reason = f"the instrument turned by {turned:.1f} deg on the sky within the cycle"
        return {}, [(source.name, reason) for source in sources]
    exposures = exposures_of(instrument, frames)
    zero = parameters.instrumental or instrument.instrumental_polarization(info.band, info.night)
    sky = CycleSky(frames, exposures, sources, fwhm, zero, parameters, losses)
    masters = MasterNoise(frames, fwhm)
    fluxes: dict[int, GroupFlux] = {}
    refused: list[tuple[str, str]] = []
    beams: dict[int, str] = {}
    partial: set[int] = set()
    unsteady = False
    for source in sources:
        try:
            found = stokes_of_source(
                instrument,
                exposures,
                rows[source.id],
                source,
                losses=losses,
                sky=sky,
                parameters=parameters,
                masters=masters,
            )
        except AlgorithmFailed as error:
            refused.append((source.name, str(error)))
            continue
        fluxes[source.id] = GroupFlux(
            found.stokes.intensity,
            found.stokes.intensity_err,
            trusted=found.trusted,
            stokes=found.stokes,
            losses=tuple(losses.values()),
            losses_cov=found.losses_cov,
            sky=found.sky,
            remarks=found.remarks,
            sky_unknown=found.sky_unknown,
        )
        if found.beam:
            beams[source.id] = found.beam
        if found.partial:
            partial.add(source.id)
        unsteady |= found.unsteady
    if unsteady:
        fluxes = without_scale(fluxes, partial)
    return compared_beams(fluxes, beams), refused


def direct_flux(rows: Sequence[ApertureRow]) -> GroupFlux:
    """Return the flux of a source in one exposure: all its images together."""
    value = sum(row.flux_counts for row in rows)
    variance = sum(row.flux_counts_err**2 for row in rows)
    return GroupFlux(
        float(value) if all(map(measurable, rows)) else float("nan"),
        float(variance) ** 0.5,
        trusted=all(map(usable, rows)),
    )


def instrumental_magnitudes(
    fluxes: Mapping[int, GroupFlux], rows: Mapping[int, Sequence[ApertureRow]], exptime: float
) -> dict[int, InstrumentalMagnitude]:
    """Return the instrumental magnitudes that may give a zero point.

    A star with pixels beyond the linear range is too faint by an unknown amount, one on whose
    extraordinary image another star's ordinary image lies too bright.
    """
    magnitudes = {}
    for source, flux in fluxes.items():
        linear = not any(row.bits & Bit.NONLINEAR for row in rows[source])
        # In polarimetry the images of a source are meant to differ.
        alone = flux.stokes is not None or not beams_disagree(rows[source])
        if flux.trusted and linear and alone and flux.value > 0:
            value, error = instrumental_magnitude(flux.value, flux.error, exptime)
            crowded = flux.blended or any(row.crowded for row in rows[source])
            magnitudes[source] = InstrumentalMagnitude(float(value), float(error), crowded)
    return magnitudes
