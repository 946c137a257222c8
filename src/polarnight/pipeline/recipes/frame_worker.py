"""The worker of a light frame: its recipe carried out, and the product written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polarnight.astrometry import Detections, Solution, plot_solution
from polarnight.frames import (
    Frame,
    FrameInfo,
    InputRecord,
    Provenance,
    StageRecord,
    content_key,
    write_frame,
)
from polarnight.pipeline.recipes.stage import Recipe
from polarnight.pipeline.ties import WindowTies

__all__ = ["FrameJob", "FrameOutcome", "run_frame"]


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
