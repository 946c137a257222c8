"""What a group of frames says about each source: a magnitude, and Stokes parameters.

A group is one frame in photometry and one cycle of angles in polarimetry. The function
`measure_group` is the task of a worker: reduced frames and plain records in, rows out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from polarnight.errors import AlgorithmFailed
from polarnight.frames import Bit, ObsMode
from polarnight.instruments import get_instrument
from polarnight.photometry import instrumental_magnitude
from polarnight.pipeline.aperture_losses import RelativeLoss, relative_losses
from polarnight.pipeline.field import FieldPhotometry, measure_field
from polarnight.pipeline.measure import (
    LoadedFrame,
    aperture_radii,
    group_fwhm,
    load_frame,
    measurable,
    measure_frame,
    sources_in_frame,
    usable,
)
from polarnight.pipeline.outcome import GroupFlux, GroupParameters, result_values
from polarnight.pipeline.records import ApertureRow, FrameRef, GroupResult, ResultRow, SourceRecord
from polarnight.pipeline.relative import (
    InstrumentalMagnitude,
    SourceZeroPoint,
    zero_points,
)
from polarnight.pipeline.stokes import stokes_of_source

__all__ = ["measure_group"]


def measure_group(
    refs: Sequence[FrameRef],
    sources: Sequence[SourceRecord],
    parameters: GroupParameters,
) -> GroupResult:
    """Measure all catalogue sources in the frames of one group.

    Parameters
    ----------
    refs : sequence of FrameRef
        The reduced frames, one in photometry, one per angle in polarimetry.
    sources : sequence of SourceRecord
        The whole catalogue, or the part near the field.
    parameters : GroupParameters

    Returns
    -------
    GroupResult
        No rows where no source lies in the field.

    Raises
    ------
    BadFrame
        Where a frame has no plate solution or no measurable seeing.
    """
    frames = [load_frame(ref) for ref in refs]
    fwhm = group_fwhm(frames)
    present = list(sources)
    for loaded in frames:
        present = sources_in_frame(loaded, present)
    field, remark = _field(frames, parameters)
    figures = field.figures if field is not None else remark
    if not present:
        reason = "no source of the catalogue lies in the field"
        return GroupResult((), (), (("", reason),), figures)
    apertures = [
        row
        for loaded in frames
        for row in measure_frame(loaded, present, fwhm, radii_sigma=parameters.radii_sigma)
    ]
    rows: dict[int, list[ApertureRow]] = defaultdict(list)
    for row in apertures:
        rows[row.source].append(row)
    info = frames[0].ref.info
    losses = _losses(frames, fwhm, aperture_radii(fwhm, parameters.radii_sigma))
    fluxes, refused = _fluxes(frames, present, rows, losses, parameters)
    points = zero_points(_magnitudes(fluxes, rows, info.exptime), present, info.band)
    if field is not None and parameters.catalogue_calibrators:
        for source in present:
            if source.id not in points:
                points[source.id] = _from_field(field, source, rows[source.id][0])
    results = tuple(
        ResultRow(
            source.id,
            result_values(
                frames,
                source,
                rows[source.id],
                fluxes[source.id],
                points.get(source.id),
                parameters,
            ),
        )
        for source in present
        if source.id in fluxes
    )
    return GroupResult(tuple(apertures), results, tuple(refused), figures)


def _losses(
    frames: Sequence[LoadedFrame], fwhm: float, radii: tuple[float, float, float]
) -> dict[int, RelativeLoss]:
    """Return what brings the frames of a cycle to one scale; nothing where beams are compared."""
    info = frames[0].ref.info
    if info.obsmode is not ObsMode.POLARIMETRY or info.has_pairs:
        return {}
    return relative_losses(frames, fwhm, radii)


def _field(
    frames: Sequence[LoadedFrame], parameters: GroupParameters
) -> tuple[FieldPhotometry | None, dict[str, Any] | None]:
    """Return the photometry of the field stars, or why there is none."""
    if parameters.stars is None or frames[0].ref.info.obsmode is not ObsMode.PHOTOMETRY:
        return None, None
    try:
        return measure_field(frames[0], parameters.stars), None
    except AlgorithmFailed as error:
        return None, {"refused": str(error)}


def _from_field(field: FieldPhotometry, source: SourceRecord, row: ApertureRow) -> SourceZeroPoint:
    """Return the zero point of the field stars at the place and colour of a source."""
    value, error, known = field.zero_point(row.x_px, row.y_px, source.magnitudes)
    return SourceZeroPoint(
        value=value,
        error=error,
        method="catalogue, colour term",
        n=field.fit.line.n,
        inflation=field.fit.line.inflation,
        chi2=float("nan"),
        details={"from": "star catalogue", "colour_known": known, **field.figures},
    )


def _fluxes(
    frames: Sequence[LoadedFrame],
    sources: Sequence[SourceRecord],
    rows: Mapping[int, Sequence[ApertureRow]],
    losses: Mapping[int, RelativeLoss],
    parameters: GroupParameters,
) -> tuple[dict[int, GroupFlux], list[tuple[str, str]]]:
    """Return the flux of each source in the group, and why others have none."""
    info = frames[0].ref.info
    fluxes: dict[int, GroupFlux] = {}
    refused: list[tuple[str, str]] = []
    for source in sources:
        if info.obsmode is not ObsMode.POLARIMETRY:
            fluxes[source.id] = _direct_flux(rows[source.id])
            continue
        try:
            stokes, doubtful = stokes_of_source(
                get_instrument(info.instrument),
                frames,
                rows[source.id],
                losses=losses,
                clip=parameters.clip,
                beam_gain=parameters.beam_gain,
            )
        except AlgorithmFailed as error:
            refused.append((source.name, str(error)))
            continue
        fluxes[source.id] = GroupFlux(
            stokes.intensity,
            stokes.intensity_err,
            trusted=not doubtful,
            stokes=stokes,
            losses=tuple(losses.values()),
        )
    return fluxes, refused


def _direct_flux(rows: Sequence[ApertureRow]) -> GroupFlux:
    """Return the flux of a source in one frame: all its images together."""
    value = sum(row.flux_counts for row in rows)
    variance = sum(row.flux_counts_err**2 for row in rows)
    return GroupFlux(
        float(value) if all(map(measurable, rows)) else float("nan"),
        float(variance) ** 0.5,
        trusted=all(map(usable, rows)),
    )


def _magnitudes(
    fluxes: Mapping[int, GroupFlux], rows: Mapping[int, Sequence[ApertureRow]], exptime: float
) -> dict[int, InstrumentalMagnitude]:
    """Return the instrumental magnitudes that may give a zero point.

    A star with pixels beyond the linear range is too faint by an unknown amount.
    """
    magnitudes = {}
    for source, flux in fluxes.items():
        linear = not any(row.bits & Bit.NONLINEAR for row in rows[source])
        if flux.trusted and linear and flux.value > 0:
            value, error = instrumental_magnitude(flux.value, flux.error, exptime)
            magnitudes[source] = InstrumentalMagnitude(float(value), float(error))
    return magnitudes
