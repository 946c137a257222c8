"""The recipe of a light frame, from the raw file to its place on the sky, and its worker."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from polarnight.astrometry import (
    Detections,
    LocalCatalogue,
    Solution,
    blind_pointing,
    detect,
    plot_solution,
    pointing_candidates,
    solution_from_header,
    solve,
)
from polarnight.calibration import CosmicRayRules, ReduceRules, reduce_frame
from polarnight.calibration.interpolation import interpolate_unusable
from polarnight.calibration.reduction import REDUCE_VERSION, mark_cosmic_rays
from polarnight.errors import AlgorithmFailed, ConfigError
from polarnight.frames import (
    Bit,
    Frame,
    FrameInfo,
    ImageType,
    InputRecord,
    Provenance,
    StageRecord,
    content_key,
    write_frame,
)
from polarnight.instruments import get_instrument
from polarnight.photometry import measure_fwhm
from polarnight.pipeline.recipes.stage import Product, Recipe, Stage, parameter
from polarnight.pipeline.recipes.window_stage import (
    TieWindow,
    binned_pair,
    compare_with_wides,
    expected_centres,
)
from polarnight.pipeline.ties import WindowTies, is_window

__all__ = [
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
class Calibrate(Stage):
    """Overscan and bias subtracted, dark current where the instrument asks for it, divided by the
    flat; variance from gain, read noise, signal and masters; bits of bad pixels.
    """

    name: ClassVar[str] = "calibrate"
    version: ClassVar[str] = REDUCE_VERSION
    reads: ClassVar[tuple[str, ...]] = ("path", "info", "masters")
    writes: ClassVar[tuple[str, ...]] = ("frame",)

    low_flat: float = parameter(
        0.3, "pixels below this value of the flat are marked LOW_FLAT",
        least=0.0, most=1.0, declared="low_flat",
    )  # fmt: skip
    edge: int = parameter(
        5, "width of the border that is marked NEAR_EDGE", "pixels", least=0, declared="edge"
    )
    measured_read_noise: bool = parameter(
        True, "read noise as the frames of the master bias show it, not as declared"
    )
    allow_missing: bool = parameter(
        False, "go on, flagged, where a required master is missing",
        setting="calibration.allow_missing",
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Reduce the raw frame with its masters."""
        info: FrameInfo = product["info"]
        masters: Mapping[str, Path] = product["masters"]
        plugin = get_instrument(info.instrument)
        frame = reduce_frame(
            product["path"],
            info,
            bias=masters.get("bias"),
            dark=masters.get("dark"),
            flat=masters.get("flat"),
            required=plugin.required_masters(info),
            cosmic_rays=False,
            rules=ReduceRules(**self.parameters()),
            corner_windows=plugin.windows,
        )
        return product.with_values(frame=frame)


@dataclass(frozen=True)
class MarkCosmicRays(Stage):
    """Cosmic rays found by their sharpness in the Laplacian of the image, and marked."""

    name: ClassVar[str] = "cosmic_rays"
    version: ClassVar[str] = REDUCE_VERSION
    reads: ClassVar[tuple[str, ...]] = ("frame",)
    writes: ClassVar[tuple[str, ...]] = ("frame",)
    citations: ClassVar[tuple[str, ...]] = ("van Dokkum 2001, PASP 113, 1420",)

    search: bool = parameter(True, "look for them", setting="calibration.cosmic_rays")
    min_exptime: float = parameter(
        5.0, "shorter exposures catch almost none and are left alone", "s", least=0.0
    )
    nsigma: float = parameter(5.0, "significance of the Laplacian", "sigma", above=0.0)
    neighbour_fraction: float = parameter(
        0.3, "fraction of nsigma that suffices beside a cosmic ray", above=0.0, most=1.0
    )
    contrast: float = parameter(
        5.0, "least contrast of the Laplacian with the fine structure of the image", above=0.0
    )
    max_iterations: int = parameter(4, "rounds at most", least=1)

    def run(self, product: Product) -> Product:
        """Mark them."""
        frame: Frame = product["frame"]
        if not self.search:
            return product
        rules = {name: value for name, value in self.parameters().items() if name != "search"}
        frame, figures = mark_cosmic_rays(frame, CosmicRayRules(**rules))
        return product.with_values(frame=frame.replace(meta={**frame.meta, "cosmic_rays": figures}))


@dataclass(frozen=True)
class Interpolate(Stage):
    """Unusable pixels replaced by the median of their neighbours and marked, where asked for;
    photometry does better with the bits.
    """

    name: ClassVar[str] = "interpolate"
    version: ClassVar[str] = REDUCE_VERSION
    reads: ClassVar[tuple[str, ...]] = ("frame",)
    writes: ClassVar[tuple[str, ...]] = ("frame",)

    replace_unusable: bool = parameter(False, "replace them")

    def run(self, product: Product) -> Product:
        """Replace them where that is asked for."""
        if not self.replace_unusable:
            return product
        return product.with_values(frame=interpolate_unusable(product["frame"]))


@dataclass(frozen=True)
class Detect(Stage):
    """Sources, seeing and background of the frame, once for all later stages."""

    name: ClassVar[str] = "detect"
    version: ClassVar[str] = "3"
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
    version: ClassVar[str] = "2"
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


@dataclass(frozen=True)
class FrameJob:
    """All a worker needs to reduce one frame.

    Attributes
    ----------
    path, out : Path
        Raw file and product.
    info : FrameInfo
    masters : dict
        Paths by ``"bias"``, ``"dark"``, ``"flat"``.
    stars : Path
        Directory of the star catalogues.
    object_place : tuple of float or None
        Position (degrees) of the OBJECT keyword in the source catalogue.
    recipe : Recipe
    recipe_key : str
    inputs : tuple of (path, role, sha256)
        For the provenance.
    picture : bool
        Whether a picture of the solved frame is saved beside it.
    ties : WindowTies or None
        What a small window may be tied to.
    """

    path: Path
    out: Path
    info: FrameInfo
    masters: dict[str, Path]
    stars: Path
    object_place: tuple[float, float] | None
    recipe: Recipe
    recipe_key: str
    inputs: tuple[tuple[str, str, str], ...]
    picture: bool = False
    ties: WindowTies | None = None


@dataclass(frozen=True)
class FrameOutcome:
    """The figures of a reduced frame, as plain values."""

    content_key: str
    info: FrameInfo
    meta: dict[str, Any]
    notes: dict[str, Any]
    seconds: dict[str, float]
    detection: dict[str, Any]
    evidence: dict[str, Any] | None
    center: tuple[float, float] | None


def run_frame(job: FrameJob) -> FrameOutcome:
    """Carry one raw frame through the recipe and write the product: the task of a worker.

    Raises
    ------
    BadFrame
        Where the frame cannot be calibrated. A frame that is calibrated but cannot be solved
        is written all the same.
    """
    product = job.recipe.run(
        path=job.path,
        info=job.info,
        masters=job.masters,
        stars=job.stars,
        object_place=job.object_place,
        ties=job.ties,
    )
    frame: Frame = product["frame"]
    detections: Detections | None = product["detections"]
    solution: Solution | None = product["solution"]
    figures = _detection_figures(detections)
    frame = frame.replace(
        wcs=solution.wcs if solution else None,
        wcs_pair=solution.wcs_pair if solution else None,
        meta={
            **frame.meta,
            **figures,
            "astrometry": solution.evidence if solution else None,
            "notes": dict(product.notes),
        },
    )
    stages = tuple(
        StageRecord(r.name, r.version, json.dumps(r.parameters)) for r in product.records
    )
    inputs = tuple(InputRecord(*entry) for entry in job.inputs)
    tables = {"SOURCES": detections.to_table()} if detections is not None else None
    write_frame(
        job.out, frame, provenance=Provenance(inputs, stages, job.recipe_key), tables=tables
    )
    if job.picture and solution is not None and detections is not None:
        plot_solution(
            frame.data,
            solution.wcs,
            solution.stars,
            detections,
            job.out.with_name("astrometry_summary.png"),
            wcs_pair=solution.wcs_pair,
            title=job.info.filename,
        )
    return FrameOutcome(
        content_key=content_key(job.out),
        info=frame.info or job.info,
        meta=frame.meta,
        notes=dict(product.notes),
        seconds={record.name: round(record.seconds, 4) for record in product.records},
        detection=figures,
        evidence=solution.evidence if solution else None,
        center=_center(solution),
    )


def _detection_figures(detections: Detections | None) -> dict[str, Any]:
    if detections is None:
        return {
            "n_detections": 0,
            "fwhm_px": None,
            "elongation": None,
            "background_level": None,
            "background_rms": None,
        }
    width = float(detections.fwhm_median)
    clean = detections.flags == 0
    return {
        "n_detections": len(detections),
        "fwhm_px": width if width == width else None,  # NaN is no JSON
        "elongation": float(np.median(detections.elongation[clean])) if clean.any() else None,
        "background_level": float(detections.background_level),
        "background_rms": float(detections.background_rms),
    }


def _center(solution: Solution | None) -> tuple[float, float] | None:
    if solution is None:
        return None
    ny, nx = solution.shape
    ra, dec = solution.plate.to_sky((nx - 1) / 2.0, (ny - 1) / 2.0)
    return float(np.ravel(ra)[0]), float(np.ravel(dec)[0])


REQUIRED_KINDS = {
    ImageType.BIAS: "bias",
    ImageType.DARK: "dark",
    ImageType.FLAT: "flat",
}
"""Names of the masters in `FrameJob.masters`."""
