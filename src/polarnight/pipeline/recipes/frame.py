"""The recipe of a light frame, from the raw file to its place on the sky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from polarnight.astrometry import (
    Detections,
    LocalCatalogue,
    Solution,
    blind_pointing,
    detect,
    pointing_candidates,
    solution_from_header,
    solve,
)
from polarnight.errors import AlgorithmFailed, ConfigError
from polarnight.frames import Bit, Frame, FrameInfo, ImageType
from polarnight.instruments import get_instrument
from polarnight.photometry import measure_fwhm
from polarnight.pipeline.recipes.calibrate_stages import Calibrate, Interpolate, MarkCosmicRays
from polarnight.pipeline.recipes.frame_worker import FrameJob, FrameOutcome, run_frame
from polarnight.pipeline.recipes.stage import Product, Recipe, Stage, parameter
from polarnight.pipeline.recipes.window_stage import (
    TieWindow,
    binned_pair,
    compare_with_wides,
    expected_centres,
)
from polarnight.pipeline.ties import is_window

__all__ = [
    "REQUIRED_KINDS",
    "Calibrate",
    "Detect",
    "FrameJob",
    "FrameOutcome",
    "Interpolate",
    "MarkCosmicRays",
    "Solve",
    "frame_recipe",
    "run_frame",
]

_SEEING_STARS, _SEEING_LEAST = 100, 3
_BLIND_DEG = 0.1


@dataclass(frozen=True)
class Detect(Stage):
    """Sources, seeing and background of the frame, once for all later stages."""

    name: ClassVar[str] = "detect"
    version: ClassVar[str] = "4"
    reads: ClassVar[tuple[str, ...]] = ("frame",)
    writes: ClassVar[tuple[str, ...]] = ("detections",)
    citations: ClassVar[tuple[str, ...]] = (
        "Bertin and Arnouts 1996, A&AS 117, 393",
        "Barbary 2016, JOSS 1, 58",
    )

    threshold: float = parameter(
        1.5, "least height of a pixel of a source above the sky, filtered", "sigma", above=0.0
    )
    max_saturated: float = parameter(
        0.2, "a frame with a larger fraction of saturated pixels is not searched", least=0.0,
        most=1.0,
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Detect; a frame on which that fails has no detections and a note."""
        frame: Frame = product["frame"]
        scale = product["frame"].info.pixel_scale
        saturated = _share(frame, Bit.SATURATED)
        if saturated > self.max_saturated:
            note = f"{100.0 * saturated:.0f} % of the pixels are saturated"
            return product.with_values(detections=None).with_note(self.name, note)
        try:
            found = detect(
                frame.data, frame.variance, frame.bits, pixel_scale=scale, threshold=self.threshold
            )
        except AlgorithmFailed as error:
            return product.with_values(detections=None).with_note(self.name, str(error))
        return product.with_values(detections=_with_seeing(frame, found))


def _with_seeing(frame: Frame, found: Detections) -> Detections:
    """Return detections whose median FWHM is that of profiles fitted to the brightest stars.

    Detection measures the diameter of half the light. That of a Gaussian is its FWHM, but
    star images have wings, and it is 15 to 20 % wider than the FWHM that observers mean by
    seeing and that apertures and host-galaxy tables ask for.
    """
    clean = np.flatnonzero(found.flags == 0)[:_SEEING_STARS]
    if len(clean) < _SEEING_LEAST:
        return found
    xy = np.column_stack([found.x[clean], found.y[clean]])
    try:
        seeing = measure_fwhm(frame.data, xy, guess=found.fwhm_median, bits=frame.bits)
    except AlgorithmFailed:
        return found
    if seeing.n_used < _SEEING_LEAST:
        return found
    return replace(found, fwhm_median=seeing.fwhm)


@dataclass(frozen=True)
class Solve(Stage):
    """The place on the sky, accepted on evidence; both beams of a dual-beam frame."""

    name: ClassVar[str] = "solve"
    version: ClassVar[str] = "3"
    reads: ClassVar[tuple[str, ...]] = ("frame", "detections", "stars", "object_place", "ties")
    writes: ClassVar[tuple[str, ...]] = ("solution",)

    radius_deg: float = parameter(
        0.5, "radius about a pointing that is searched, at least", "deg", above=0.0,
        setting="astrometry.radius_deg",
    )  # fmt: skip
    field_radius_deg: float = parameter(
        0.0, "that which the field of the instrument asks for, where it is larger", "deg",
        least=0.0, declared="search_radius_deg",
    )  # fmt: skip
    scale_tolerance: float = parameter(
        0.05, "relative tolerance of the pixel scale", above=0.0,
        setting="astrometry.scale_tolerance",
    )  # fmt: skip
    window_radius_deg: float = parameter(
        0.1, "radius that is searched for a small window of the chip, which has few stars", "deg",
        above=0.0,
    )  # fmt: skip
    max_rms_arcsec: float = parameter(
        1.0, "largest residual of an accepted solution", "arcsec", above=0.0,
        setting="astrometry.max_rms_arcsec",
    )  # fmt: skip
    blind: bool = parameter(
        False, "astrometry.net is asked where all pointings fail", setting="astrometry.blind"
    )

    def run(self, product: Product) -> Product:
        """Solve; a doubtful solution is refused, and the note says why with its numbers."""
        frame: Frame = product["frame"]
        detections: Detections | None = product["detections"]
        if frame.info is None or detections is None:
            return product.with_values(solution=None)
        unsolvable = frame.info.extra.get("unsolvable")
        if unsolvable:
            return product.with_values(solution=None).with_note(self.name, unsolvable)
        try:
            solution = self._solve(frame, frame.info, detections, product)
        except AlgorithmFailed as error:
            return self._otherwise(frame, frame.info, detections, product, str(error))
        return product.with_values(solution=solution)

    def _otherwise(
        self, frame: Frame, info: FrameInfo, detections: Detections, product: Product, note: str
    ) -> Product:
        """Try what is left where all pointings failed: a blind search, the header's solution."""
        if self.blind and not is_window(info):
            try:
                place = blind_pointing(
                    detections,
                    product["stars"],
                    shape=frame.shape,
                    pixel_scale=info.pixel_scale,
                    scale_tolerance=self.scale_tolerance,
                )
                solution = self._at(frame, info, detections, product, [place], _BLIND_DEG)
            except (AlgorithmFailed, ConfigError) as error:
                note = f"{note}; {error}"
            else:
                return product.with_values(solution=solution)
        return self._trusted(frame, info, product.with_note(self.name, note))

    def _trusted(self, frame: Frame, info: FrameInfo, product: Product) -> Product:
        """Take the header's own solution where the instrument's can be trusted."""
        if not get_instrument(info.instrument).trusted_wcs or frame.header is None:
            return product.with_values(solution=None)
        try:
            solution = solution_from_header(
                frame.header,
                frame.shape,
                pixel_scale=info.pixel_scale,
                scale_tolerance=self.scale_tolerance,
            )
        except AlgorithmFailed as error:
            note = f"{product.notes[self.name]}; {error}"
            return product.with_values(solution=None).with_note(self.name, note)
        return product.with_values(solution=solution)

    def _solve(
        self, frame: Frame, info: FrameInfo, detections: Detections, product: Product
    ) -> Solution:
        place = product["object_place"]
        pointings = pointing_candidates(info, lambda name: place)
        radius_deg = max(self.radius_deg, self.field_radius_deg)
        if is_window(info):
            # The place on a wide frame is the best of pointings, and a wide search finds nothing
            # that so few stars prove.
            pointings = expected_centres(info, product["ties"]) + pointings
            radius_deg = self.window_radius_deg
        solution = self._at(frame, info, detections, product, pointings, radius_deg)
        if is_window(info):
            compare_with_wides(solution, info, product["ties"])
        return solution

    def _at(
        self,
        frame: Frame,
        info: FrameInfo,
        detections: Detections,
        product: Product,
        pointings: Sequence[tuple[float, float, str]],
        radius_deg: float,
    ) -> Solution:
        solution = solve(
            detections,
            LocalCatalogue(product["stars"]),
            shape=frame.shape,
            pixel_scale=info.pixel_scale,
            pointings=pointings,
            radius_deg=radius_deg,
            scale_tolerance=self.scale_tolerance,
            jd=info.jd_mid,
            pair=binned_pair(info),
        )
        rms = solution.evidence["rms_arcsec"]
        if rms > self.max_rms_arcsec:
            message = "the residuals of the solution are too large"
            raise AlgorithmFailed(message, rms_arcsec=rms, limit=self.max_rms_arcsec)
        return solution


def _share(frame: Frame, bit: Bit) -> float:
    """Return the fraction of the pixels that have a bit set."""
    return 0.0 if frame.bits is None else float(np.mean((frame.bits & bit) != 0))


def frame_recipe() -> Recipe:
    """Return the recipe of a light frame with the defaults of its stages."""
    return Recipe(
        "light",
        ("path", "info", "masters", "stars", "object_place", "ties"),
        (Calibrate(), MarkCosmicRays(), Interpolate(), Detect(), Solve(), TieWindow()),
    )


REQUIRED_KINDS = {
    ImageType.BIAS: "bias",
    ImageType.DARK: "dark",
    ImageType.FLAT: "flat",
}
"""Names of the masters in `FrameJob.masters`."""
