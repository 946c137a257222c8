"""What a group of frames says about each source: a magnitude, and Stokes parameters.

A group is one frame in photometry and one cycle of angles in polarimetry. The function
`measure_group` is the task of a worker: reduced frames and plain records in, rows out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polarnight.pipeline.groups.fluxes import (
    direct_flux,
    field_photometry,
    gain_of_cameras,
    instrumental_magnitudes,
    losses_of_frames,
    stokes_fluxes,
    zero_point_of_field,
)
from polarnight.pipeline.groups.outcome import GroupParameters
from polarnight.pipeline.groups.records import (
    ApertureRow,
    FrameRef,
    GroupResult,
    ResultRow,
    SourceRecord,
)
from polarnight.pipeline.recipes.measurement import measurement_recipe
from polarnight.pipeline.recipes.stage import Recipe

__all__ = [
    "direct_flux",
    "field_photometry",
    "gain_of_cameras",
    "instrumental_magnitudes",
    "losses_of_frames",
    "measure_group",
    "stokes_fluxes",
    "zero_point_of_field",
]


def measure_group(
    refs: Sequence[FrameRef],
    sources: Sequence[SourceRecord],
    parameters: GroupParameters,
    recipe: Recipe | None = None,
) -> GroupResult:
    """Measure all catalogue sources in the frames of one group.

    Parameters
    ----------
    refs : sequence of FrameRef
        The reduced frames, one in photometry, one per angle in polarimetry.
    sources : sequence of SourceRecord
        The whole catalogue, or the part near the field.
    parameters : GroupParameters
    recipe : Recipe, optional
        How; by default that of `polarnight.pipeline.recipes.measurement` under the parameters.

    Returns
    -------
    GroupResult
        No rows where no source lies in the field.

    Raises
    ------
    BadFrame
        Where a frame has no plate solution or no measurable seeing.
    """
    recipe = recipe or measurement_recipe(refs[0].info.obsmode, parameters)
    product = recipe.run(refs=refs, sources=sources, parameters=parameters)
    rows: Mapping[int, Sequence[ApertureRow]] = product["rows"]
    results = tuple(ResultRow(source, row) for source, row in product["results"].items())
    refused = tuple(product["refused"])
    if not product["present"]:
        refused = (("", "no source of the catalogue lies in the field"),)
    apertures = [row for of_source in rows.values() for row in of_source]
    apertures += product.get("growth_rows", [])
    growth = {key: curve.figures() for key, curve in product.get("growth", {}).items()}
    figures = product.get("field_figures")
    return GroupResult(tuple(apertures), results, refused, figures, growth)
