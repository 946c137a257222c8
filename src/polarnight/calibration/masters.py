"""Making master biases, darks and flats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from polarnight.calibration.combining import Stacked, combine_candidates
from polarnight.calibration.defects import dead_pixels, hot_pixels, unstable_pixels
from polarnight.calibration.loading import load_master
from polarnight.calibration.master_file import MasterResult, write_master
from polarnight.calibration.master_keys import MASTER_VERSION, json_text, master_recipe_key
from polarnight.calibration.quality import Candidate, Reference, examine, reject_outliers
from polarnight.calibration.rules import MasterRules
from polarnight.calibration.windows import cut_master
from polarnight.errors import AlgorithmFailed, BadFrame, NoWork
from polarnight.frames import (
    Bit,
    Frame,
    FrameInfo,
    ImageType,
    StageRecord,
    content_key,
)

__all__ = [
    "MasterGroup",
    "SelectedFrames",
    "build_master",
    "combine_frames",
    "mark_defects",
    "select_frames",
]


def build_master(
    kind: ImageType,
    infos: Sequence[FrameInfo],
    paths: Sequence[str | Path],
    *,
    bias: str | Path | None = None,
    dark: str | Path | None = None,
    out: str | Path,
    rules: MasterRules | None = None,
) -> MasterResult:
    """Combine calibration frames into a master and write it, atomically.

    A bias is in ADU; a dark is a rate in ADU per second after bias; a flat is normalised to a
    median of 1, each of its frames by its own level before clipping, so that the stars of
    twilight flats go. Bits mark defects (`polarnight.calibration.defects`).

    The variance is that of the mean (or median) of the frames
    (`polarnight.calibration.noise`) plus that of the masters subtracted, which is common to
    all frames and does not average out.

    Parameters
    ----------
    kind : ImageType
        BIAS, DARK or FLAT.
    infos : sequence of FrameInfo
        Normalised headers, of one group of `group_calibrations`.
    paths : sequence of str or Path
        The raw files, in the same order.
    bias, dark : str or Path, optional
        Masters to subtract.
    out : str or Path
        Where the master goes.
    rules : MasterRules, optional

    Returns
    -------
    MasterResult

    Raises
    ------
    NoWork
        Where there are no frames.
    AlgorithmFailed
        Where every frame was rejected; the reasons are among its numbers.
    BadFrame
        Where a master to subtract cannot be read, or does not contain the frames.
    """
    if not infos:
        msg = f"no frames for a master {kind}"
        raise NoWork(msg)
    rules = rules or MasterRules()
    keys = {str(path): content_key(path) for path in paths if Path(path).is_file()}
    masters = [path for path in (bias, dark) if path is not None]
    keys |= {str(path): content_key(path) for path in masters if Path(path).is_file()}
    key = master_recipe_key(kind, infos, paths, bias=bias, dark=dark, rules=rules, keys=keys)

    group = MasterGroup.load(kind, infos, paths, bias=bias, dark=dark)
    chosen = select_frames(group, rules)
    stacked = combine_frames(group, chosen, rules)
    bits = mark_defects(kind, stacked, rules)
    stages = (StageRecord(f"master{kind.lower()}", MASTER_VERSION, json_text(rules.to_dict())),)
    return write_master(
        out, group, chosen, stacked, bits, stages=stages, recipe_key=key,
        recommended_frames=rules.recommended_frames, keys=keys,
    )  # fmt: skip


@dataclass(frozen=True)
class MasterGroup:
    """The frames of a master, and the masters that are subtracted from them.

    Attributes
    ----------
    kind : ImageType
    infos : sequence of FrameInfo
    paths : sequence of Path
    bias_path, dark_path : Path or None
    bias, dark : Frame or None
        Read from these.
    """

    kind: ImageType
    infos: Sequence[FrameInfo]
    paths: Sequence[Path]
    bias_path: Path | None
    dark_path: Path | None
    bias: Frame | None
    dark: Frame | None

    @classmethod
    def load(
        cls,
        kind: ImageType,
        infos: Sequence[FrameInfo],
        paths: Sequence[str | Path],
        *,
        bias: str | Path | None = None,
        dark: str | Path | None = None,
        corner_windows: bool = False,
    ) -> Self:
        """Read the masters to subtract, cut to the windows of the frames.

        `corner_windows` is as for `polarnight.calibration.windows.cut_master`.

        Raises
        ------
        BadFrame
            Where a master cannot be read, or does not contain the frames.
        """
        return cls(
            kind,
            infos,
            [Path(path) for path in paths],
            None if bias is None else Path(bias),
            None if dark is None else Path(dark),
            None if bias is None else _fitting(bias, ImageType.BIAS, infos[0], corner_windows),
            None if dark is None else _fitting(dark, ImageType.DARK, infos[0], corner_windows),
        )


@dataclass(frozen=True)
class SelectedFrames:
    """Frames that are combined, and the names and reasons of those that are not."""

    kept: list[Candidate]
    rejected: list[tuple[str, str]]


def select_frames(group: MasterGroup, rules: MasterRules) -> SelectedFrames:
    """Examine the frames of a master and leave out the bad and the odd ones.

    Raises
    ------
    AlgorithmFailed
        Where every frame was rejected; the reasons are among its numbers.
    """
    kept, rejected = _choose(
        group.kind, group.infos, group.paths, _reference(group.bias, group.dark), rules
    )
    if not kept:
        msg = f"no frame is left for a master {group.kind}"
        raise AlgorithmFailed(msg, rejected=rejected)
    return SelectedFrames(kept, rejected)


def combine_frames(group: MasterGroup, chosen: SelectedFrames, rules: MasterRules) -> Stacked:
    """Combine the selected frames after bias and dark."""
    return combine_candidates(group.kind, chosen.kept, group.bias, group.dark, rules)


def _fitting(path: str | Path, kind: ImageType, info: FrameInfo, corner_windows: bool) -> Frame:
    """Read a master and cut it to the window of the frames."""
    try:
        master = load_master(path, kind)
        return cut_master(master, info, corner_windows=corner_windows)[0]
    except ValueError as error:
        raise BadFrame(path, str(error)) from error


def _choose(
    kind: ImageType,
    infos: Sequence[FrameInfo],
    paths: Sequence[str | Path],
    reference: Reference,
    rules: MasterRules,
) -> tuple[list[Candidate], list[tuple[str, str]]]:
    candidates: list[Candidate] = []
    rejected: list[tuple[str, str]] = []
    ordered = sorted(zip(infos, paths, strict=True), key=lambda pair: str(pair[1]))
    for info, path in ordered:
        try:
            candidates.append(examine(info, Path(path), kind, reference, rules))
        except BadFrame as error:
            rejected.append((Path(path).name, error.reason))
    kept, odd = reject_outliers(candidates, kind, rules)
    rejected += [(candidate.path.name, reason) for candidate, reason in odd]
    return kept, rejected


def _reference(bias: Frame | None, dark: Frame | None) -> Reference:
    bits = [f.bits for f in (bias, dark) if f is not None and f.bits is not None]
    return Reference(
        bias=None if bias is None else bias.data,
        dark=None if dark is None else dark.data,
        bits=np.bitwise_or.reduce(bits) if bits else None,
    )


def mark_defects(kind: ImageType, stacked: Stacked, rules: MasterRules) -> npt.NDArray[np.uint16]:
    """Return the bits of the combination with the defects that the frames show."""
    bits = stacked.bits.copy()
    if kind is ImageType.FLAT:
        with np.errstate(invalid="ignore"):
            bits[stacked.value < rules.low_flat] |= np.uint16(Bit.LOW_FLAT)
        bad = dead_pixels(stacked.value, stacked.variance, rules)
    else:
        # Against what is typical of these frames, should the declared read noise be too low.
        expected = stacked.expected * np.float32(max(stacked.noise_ratio, 1.0))
        bad = unstable_pixels(stacked.scatter, stacked.count, expected, rules)
        if kind is ImageType.DARK:
            bad |= hot_pixels(stacked.value, stacked.variance, rules)
    bits[bad] |= np.uint16(Bit.BAD_PIXEL)
    bits[~np.isfinite(stacked.value)] |= np.uint16(Bit.NO_DATA)
    return bits
