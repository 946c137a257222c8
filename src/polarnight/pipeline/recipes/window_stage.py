"""The stage that finds the place of small windows of the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from polarnight.astrometry import (
    Detections,
    LocalCatalogue,
    Solution,
    TieLimits,
    WideFrame,
    pointing_candidates,
    solve_window,
)
from polarnight.errors import AlgorithmFailed, BadFrame
from polarnight.frames import Frame, FrameInfo, PairVector
from polarnight.instruments import get_instrument
from polarnight.pipeline.recipes.stage import Product, Stage, parameter
from polarnight.pipeline.ties import WindowTies, is_window, load_wide

__all__ = ["TieWindow", "binned_pair", "compare_with_wides", "expected_centres"]

_SAME_SCALE = 0.002
_SAME_TURN_DEG = 2.0


@dataclass(frozen=True)
class TieWindow(Stage):
    """A small window without a solution of its own, laid on a solved wide frame of its target by
    the stars that both show, or else by the target's own pair.
    """

    name: ClassVar[str] = "window"
    reads: ClassVar[tuple[str, ...]] = (
        "frame",
        "detections",
        "stars",
        "object_place",
        "ties",
        "solution",
    )
    writes: ClassVar[tuple[str, ...]] = ("solution",)

    max_offset_arcsec: float = parameter(
        120.0, "how far the telescope may have moved since the wide frame", "arcsec", above=0.0
    )
    max_turn_deg: float = parameter(
        2.0, "how far the instrument may have turned on the sky", "deg", above=0.0
    )
    max_log10_chance: float = parameter(
        -3.0, "logarithm of the number of ties as good that chance would make", most=0.0
    )
    max_missing: float = parameter(
        0.3, "largest fraction of stars that one frame shows and the other lacks",
        least=0.0, most=1.0,
    )  # fmt: skip
    max_rms_px: float = parameter(1.5, "largest residual of the stars", "pixels", above=0.0)
    pointing_tolerance_deg: float = parameter(
        0.5, "how far the header may point from the target, where there is no wide frame", "deg",
        above=0.0,
    )  # fmt: skip

    def run(self, product: Product) -> Product:
        """Solve; a doubtful tie is refused, and the note says why with its numbers."""
        frame: Frame = product["frame"]
        detections: Detections | None = product["detections"]
        info, done = frame.info, product["solution"] is not None
        if done or info is None or detections is None or not is_window(info):
            return product
        try:
            solution = self._solve(info, detections, product)
        except AlgorithmFailed as error:
            return product.with_note(self.name, str(error))
        return product.with_values(solution=solution)

    def _solve(self, info: FrameInfo, detections: Detections, product: Product) -> Solution:
        ties: WindowTies = product["ties"] or WindowTies()
        place = product["object_place"]
        wides, unread = _wide_frames(ties)
        limits = TieLimits(
            max_offset_arcsec=self.max_offset_arcsec,
            max_turn_deg=self.max_turn_deg,
            max_log10_chance=self.max_log10_chance,
            max_missing=self.max_missing,
            max_rms_px=self.max_rms_px,
        )
        if ties.wides and not wides:
            message = "no wide frame can be read"
            raise AlgorithmFailed(message, refused=unread)
        return solve_window(
            detections,
            info,
            LocalCatalogue(product["stars"]),
            wides=wides,
            orientations=ties.orientations,
            target=place,
            pointings=pointing_candidates(info),
            pointing_tolerance_deg=self.pointing_tolerance_deg,
            pair=binned_pair(info),
            limits=limits,
        )


def _wide_frames(ties: WindowTies) -> tuple[list[WideFrame], list[str]]:
    """Return the wide frames that can be read, and why others cannot."""
    found, unread = [], []
    for tied in ties.wides:
        try:
            found.append(load_wide(tied))
        except BadFrame as error:
            unread.append(str(error))
    return found, unread


def expected_centres(info: FrameInfo, ties: WindowTies | None) -> list[tuple[float, float, str]]:
    """Return where wide frames say that a window points, for a solution by its own stars."""
    centres = []
    for wide in _wide_frames(ties or WindowTies())[0]:
        if bool(info.extra.get("flipped")) != bool(wide.info.extra.get("flipped")):
            continue
        x = info.origin[0] - wide.info.origin[0] + (info.width - 1) / 2.0
        y = info.origin[1] - wide.info.origin[1] + (info.height - 1) / 2.0
        ra, dec = (float(np.ravel(v)[0]) for v in wide.wcs.all_pix2world(x, y, 0))
        centres.append((ra, dec, f"place on {wide.name}"))
    return centres


def compare_with_wides(solution: Solution, info: FrameInfo, ties: WindowTies | None) -> None:
    """Refuse a solution by a few stars that stands otherwise on the sky than the wide frame.

    A blend among half a dozen stars changes their scale by half a per cent and does not show in
    what is left of them. The nearest wide frame of the same side of the pier knows it better.

    Raises
    ------
    AlgorithmFailed
        Where scale, parity or orientation differ by more than the frames of a night do.
    """
    flipped = bool(info.extra.get("flipped"))
    same = [
        wide
        for wide in _wide_frames(ties or WindowTies())[0]
        if bool(wide.info.extra.get("flipped")) == flipped
    ]
    if not same:
        return
    there = np.asarray(same[0].wcs.pixel_scale_matrix, dtype=float)
    ratio = np.asarray(solution.plate.matrix) @ np.linalg.inv(there)
    scale = float(np.sqrt(abs(np.linalg.det(ratio))))
    turn = float(np.degrees(np.arctan2(ratio[1, 0] - ratio[0, 1], ratio[0, 0] + ratio[1, 1])))
    mirrored = bool(np.linalg.det(ratio) < 0)
    if mirrored or abs(scale - 1.0) > _SAME_SCALE or abs(turn) > _SAME_TURN_DEG:
        message = "the solution by its own stars stands otherwise on the sky than the wide frame"
        raise AlgorithmFailed(
            message,
            wide=same[0].name,
            stars=solution.evidence["n_matched"],
            scale_ratio=round(scale, 5),
            turn_deg=round(turn, 3),
            mirrored=mirrored,
        )


def binned_pair(info: FrameInfo) -> PairVector | None:
    """Return the known displacement of the beams in pixels of a frame, None for one beam."""
    pair = get_instrument(info.instrument).pair
    if pair is None or not info.has_pairs:
        return None
    bx, by = info.binning
    return PairVector(pair.dx / bx, pair.dy / by, pair.sx / bx, pair.sy / by)
