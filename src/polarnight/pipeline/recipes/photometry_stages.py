"""Stages of photometry: curves of growth, and the light of host galaxies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.groups.growth import (
    GROWTH_STEPS,
    FrameGrowth,
    frame_growth,
    growth_rows,
    with_corrections,
)
from polarnight.pipeline.groups.host_light import HostOutcome, host_correction
from polarnight.pipeline.groups.measure import LoadedFrame, aperture_radii
from polarnight.pipeline.groups.records import ApertureRow
from polarnight.pipeline.recipes.group_stage import GroupStage
from polarnight.pipeline.recipes.stage import Product, parameter

__all__ = ["GrowthCurves", "HostGalaxies"]


@dataclass(frozen=True)
class GrowthCurves(GroupStage):
    """The curve of growth of each frame from its bright isolated stars: how much of a star's light
    the aperture holds, with its error. Kept beside the fluxes, which stay as measured.
    """

    name: ClassVar[str] = "growth"
    reads: ClassVar[tuple[str, ...]] = ("frames", "fwhm", "present", "rows", "parameters")
    writes: ClassVar[tuple[str, ...]] = ("growth", "rows", "growth_rows")
    citations: ClassVar[tuple[str, ...]] = ("Stetson 1990, PASP 102, 932",)

    growth_curve: bool = parameter(
        False,
        "measure the sources in the radii of the curve too",
        setting="photometry.growth_curve",
    )

    def run(self, product: Product) -> Product:
        """Measure the curves; a frame without a star for it has none, and a note says so."""
        frames: Sequence[LoadedFrame] = product["frames"]
        present, fwhm = product["present"], product["fwhm"]
        settled = self.settled(product)
        radii = aperture_radii(fwhm, settled.radii_sigma)
        growth: dict[int, FrameGrowth] = {}
        if present:
            for loaded in frames:
                try:
                    growth[loaded.ref.id] = frame_growth(loaded, fwhm, radii, GROWTH_STEPS)
                except AlgorithmFailed as error:
                    product = product.with_note(self.name, str(error))
        rows = {key: with_corrections(entries, growth) for key, entries in product["rows"].items()}
        further: list[ApertureRow] = []
        if self.growth_curve and present:
            for loaded in frames:
                found = growth_rows(loaded, present, fwhm, settled.annulus_sigma)
                further += with_corrections(found, growth)
        return product.with_values(growth=growth, rows=rows, growth_rows=further)


@dataclass(frozen=True)
class HostGalaxies(GroupStage):
    """R magnitudes without the host galaxy, and polarizations not diluted by it, for the nuclei of
    which there is a table of it; interpolated inside the table, refused outside.
    """

    name: ClassVar[str] = "host_galaxies"
    reads: ClassVar[tuple[str, ...]] = ("frames", "present", "results")
    writes: ClassVar[tuple[str, ...]] = ("results", "hosts")
    citations: ClassVar[tuple[str, ...]] = ("Nilsson et al. 2007, A&A 475, 199",)

    host_galaxies: bool = parameter(
        True, "take off the light of host galaxies", setting="photometry.host_galaxies"
    )

    def run(self, product: Product) -> Product:
        """Correct the results of sources that have a table, or say why it cannot be done."""
        results: Mapping[int, dict[str, Any]] = product["results"]
        hosts: dict[int, HostOutcome] = {}
        corrected = dict(results)
        if self.host_galaxies and results:
            band = product["frames"][0].ref.info.band
            for source in product["present"]:
                if source.id in results:
                    found = host_correction(results[source.id], band, source.host)
                    if found is not None:
                        hosts[source.id] = found
                        corrected[source.id] = {**results[source.id], **found.values}
        return product.with_values(results=corrected, hosts=hosts)
