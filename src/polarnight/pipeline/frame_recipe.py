"""The recipe of a light frame: calibrate, detect, solve; and the worker that runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from polarnight.astrometry import (
    Detections,
    LocalCatalogue,
    Solution,
    detect,
    plot_solution,
    pointing_candidates,
    solve,
)
from polarnight.calibration import ReduceRules, reduce_frame
from polarnight.calibration.reduction import REDUCE_VERSION
from polarnight.errors import AlgorithmFailed
from polarnight.frames import (
    Bit,
    Frame,
    FrameInfo,
    ImageType,
    InputRecord,
    PairVector,
    Provenance,
    StageRecord,
    content_key,
    write_frame,
)
from polarnight.instruments import get_instrument
from polarnight.photometry import measure_fwhm
from polarnight.pipeline.stage import Product, Recipe, Stage

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["Calibrate", "Detect", "FrameJob", "FrameOutcome", "Solve", "frame_recipe", "run_frame"]

_SEEING_STARS, _SEEING_LEAST = 100, 3


@dataclass(frozen=True)
class Calibrate(Stage):
    """Bias, dark and flat, with variance and bits; cosmic rays marked."""

    name: ClassVar[str] = "calibrate"
    version: ClassVar[str] = REDUCE_VERSION
    reads: ClassVar[tuple[str, ...]] = ("path", "info", "masters")
    writes: ClassVar[tuple[str, ...]] = ("frame",)
    citations: ClassVar[tuple[str, ...]] = ("van Dokkum 2001, PASP 113, 1420",)

    rules: ReduceRules = field(default_factory=ReduceRules)
    cosmic_rays: bool = True

    def run(self, product: Product) -> Product:
        """Reduce the raw frame with its masters."""
        info: FrameInfo = product["info"]
        masters: Mapping[str, Path] = product["masters"]
        frame = reduce_frame(
            product["path"],
            info,
            bias=masters.get("bias"),
            dark=masters.get("dark"),
            flat=masters.get("flat"),
            required=get_instrument(info.instrument).requires,
            cosmic_rays=self.cosmic_rays,
            rules=self.rules,
        )
        return product.with_values(frame=frame)


@dataclass(frozen=True)
class Detect(Stage):
    """Sources, seeing and background of the frame, once for all later stages."""

    name: ClassVar[str] = "detect"
    version: ClassVar[str] = "2"
    reads: ClassVar[tuple[str, ...]] = ("frame",)
    writes: ClassVar[tuple[str, ...]] = ("detections",)
    citations: ClassVar[tuple[str, ...]] = (
        "Bertin and Arnouts 1996, A&AS 117, 393",
        "Barbary 2016, JOSS 1, 58",
    )

    threshold: float = 1.5
    max_saturated: float = 0.2

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
    reads: ClassVar[tuple[str, ...]] = ("frame", "detections", "stars", "object_place")
    writes: ClassVar[tuple[str, ...]] = ("solution",)

    radius_deg: float = 0.5
    scale_tolerance: float = 0.05
    max_rms_arcsec: float = 1.0

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
            return product.with_values(solution=None).with_note(self.name, str(error))
        return product.with_values(solution=solution)

    def _solve(
        self, frame: Frame, info: FrameInfo, detections: Detections, product: Product
    ) -> Solution:
        plugin = get_instrument(info.instrument)
        place = product["object_place"]
        solution = solve(
            detections,
            LocalCatalogue(product["stars"]),
            shape=frame.shape,
            pixel_scale=info.pixel_scale,
            pointings=pointing_candidates(info, lambda name: place),
            radius_deg=max(self.radius_deg, plugin.search_radius_deg),
            scale_tolerance=self.scale_tolerance,
            jd=info.jd_mid,
            pair=_binned(plugin.pair, info) if info.has_pairs else None,
        )
        rms = solution.evidence["rms_arcsec"]
        if rms > self.max_rms_arcsec:
            message = "the residuals of the solution are too large"
            raise AlgorithmFailed(message, rms_arcsec=rms, limit=self.max_rms_arcsec)
        return solution


def _share(frame: Frame, bit: Bit) -> float:
    """Return the fraction of the pixels that have a bit set."""
    return 0.0 if frame.bits is None else float(np.mean((frame.bits & bit) != 0))


def _binned(pair: PairVector | None, info: FrameInfo) -> PairVector | None:
    if pair is None:
        return None
    bx, by = info.binning
    return PairVector(pair.dx / bx, pair.dy / by, pair.sx / bx, pair.sy / by)


def frame_recipe(settings: Settings, rules: ReduceRules) -> Recipe:
    """Return the recipe of a light frame under the settings.

    Parameters
    ----------
    settings : Settings
    rules : ReduceRules
        Of the instrument.
    """
    astrometry = settings.astrometry
    return Recipe(
        "light frame",
        ("path", "info", "masters", "stars", "object_place"),
        (
            Calibrate(rules=rules, cosmic_rays=settings.calibration.cosmic_rays),
            Detect(),
            Solve(astrometry.radius_deg, astrometry.scale_tolerance, astrometry.max_rms_arcsec),
        ),
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
        StageRecord(r.name, r.version, json.dumps(_plain(r.parameters))) for r in product.records
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


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: asdict(value) if hasattr(value, "__dataclass_fields__") else value
        for key, value in parameters.items()
    }


def _detection_figures(detections: Detections | None) -> dict[str, Any]:
    if detections is None:
        return {
            "n_detections": 0,
            "fwhm_px": None,
            "background_level": None,
            "background_rms": None,
        }
    width = float(detections.fwhm_median)
    return {
        "n_detections": len(detections),
        "fwhm_px": width if width == width else None,  # NaN is no JSON
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
