"""What a master is made into: a file with its figures, doubts and provenance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.calibration.combining import Stacked
from polarnight.calibration.noise import ROUNDING_VARIANCE, quantised_read_variance
from polarnight.calibration.quality import Candidate
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

if TYPE_CHECKING:
    from polarnight.calibration.masters import MasterGroup, SelectedFrames

__all__ = ["MasterResult", "place_of", "write_master"]

_UNITS = {ImageType.BIAS: "adu", ImageType.DARK: "adu/s", ImageType.FLAT: ""}


@dataclass(frozen=True)
class MasterResult:
    """What became of a group of calibration frames.

    Attributes
    ----------
    path : Path
        Of the master.
    n_used : int
    rejected : list of tuple of str
        ``(file name, reason)``.
    stats : dict
        JSON-able: level, robust standard deviation, noise ratio, fraction of defects.
    warnings : list of str
        What an observer should know.
    recipe_key : str
    info : FrameInfo
        The normalised header of the master.
    """

    path: Path
    n_used: int
    rejected: list[tuple[str, str]]
    stats: dict[str, Any]
    warnings: list[str]
    recipe_key: str
    info: FrameInfo


def write_master(
    out: str | Path,
    group: MasterGroup,
    chosen: SelectedFrames,
    stacked: Stacked,
    bits: npt.NDArray[np.uint16],
    *,
    stages: Sequence[StageRecord],
    recipe_key: str,
    recommended_frames: int,
    keys: Mapping[str, str] | None = None,
    more_stats: Mapping[str, Any] | None = None,
    more_warnings: Iterable[str] = (),
) -> MasterResult:
    """Write a master that was combined, atomically, and return what it is.

    Parameters
    ----------
    out : str or Path
    group : MasterGroup
    chosen : SelectedFrames
    stacked : Stacked
    bits : ndarray of uint16, shape (ny, nx)
        Of `mark_defects`.
    stages : sequence of StageRecord
        For the provenance.
    recipe_key : str
    recommended_frames : int
        Fewer are warned about.
    keys : mapping of str to str, optional
        Content keys by path, where they are known already.
    more_stats : mapping, optional
        JSON-able figures to keep with those of the combination.
    more_warnings : iterable of str
    """
    kind, kept, rejected = group.kind, chosen.kept, chosen.rejected
    stats = _statistics(kind, stacked, bits, kept) | dict(more_stats or {})
    warnings = _warnings(kind, kept, rejected, group.bias, recommended_frames)
    warnings += [*_doubts(stats), *more_warnings]
    info = _master_info(kind, kept, Path(out).name)
    frame = Frame(
        data=stacked.value,
        variance=stacked.variance,
        bits=bits,
        info=info,
        header=_master_header(info, len(kept)),
        unit=_UNITS[kind],
        meta={
            "master": str(kind),
            "bias": _bias_of(group),
            "files": [c.path.name for c in kept],
            "rejected": [list(entry) for entry in rejected],
            "stats": stats,
            "warnings": warnings,
        },
    )
    inputs = _inputs(group, kept, keys or {})
    provenance = Provenance(inputs=inputs, stages=tuple(stages), recipe_key=recipe_key)
    write_frame(out, frame, provenance=provenance)
    return MasterResult(Path(out), len(kept), rejected, stats, warnings, recipe_key, info)


def _inputs(
    group: MasterGroup, kept: Sequence[Candidate], keys: Mapping[str, str]
) -> tuple[InputRecord, ...]:
    def record(info: FrameInfo | None, path: Path, role: str) -> InputRecord:
        return InputRecord(place_of(info, path), role, keys.get(str(path)) or content_key(path))

    masters = (("bias", group.bias_path, group.bias), ("dark", group.dark_path, group.dark))
    return tuple(
        [record(c.info, c.path, "raw") for c in kept]
        + [
            record(master.info, path, f"master{role}")
            for role, path, master in masters
            if path is not None and master is not None
        ]
    )


def _bias_of(group: MasterGroup) -> str:
    """Name the bias that was subtracted, ``""`` where there was none."""
    if group.bias is None or group.bias_path is None:
        return ""
    return place_of(group.bias.info, group.bias_path)


def place_of(info: FrameInfo | None, path: str | Path) -> str:
    """Name a file by telescope and night, wherever the data directory lies.

    A master made again elsewhere from the same frames is then the same, byte for byte.
    """
    name = Path(path).name
    return name if info is None else f"{info.telescope}/{info.night}/{name}"


def _statistics(
    kind: ImageType, stacked: Stacked, bits: npt.NDArray[np.uint16], kept: list[Candidate]
) -> dict[str, Any]:
    good = stacked.value[(bits == 0) & np.isfinite(stacked.value)]
    level = float(np.median(good)) if good.size else float("nan")
    sigma = 1.4826 * float(np.median(np.abs(good - level))) if good.size else float("nan")
    numbers = {
        "level": level,
        "sigma": sigma,
        "noise_ratio": stacked.noise_ratio,
        "typical_error": float(np.sqrt(np.nanmedian(stacked.variance))),
        "bad_fraction": float(np.mean((bits & np.uint16(Bit.BAD_PIXEL)) != 0)),
    }
    # JSON knows no infinities, and a reader no difference behind the sixth digit.
    stats: dict[str, Any] = {
        name: float(f"{value:.6g}") if np.isfinite(value) else None
        for name, value in numbers.items()
    }
    if kind is ImageType.BIAS and len(kept) > 1:
        stats["read_noise"] = float(f"{_read_noise(kept[0].info, stacked.noise_ratio):.6g}")
    if kind is ImageType.FLAT:
        stats["levels"] = [float(f"{c.level:.6g}") for c in kept]
    return stats


def _read_noise(info: FrameInfo, ratio: float) -> float:
    """Return the read noise (electrons) that the scatter of biases shows."""
    variance = ratio * quantised_read_variance(info.gain, info.read_noise)
    return info.gain * math.sqrt(max(variance - ROUNDING_VARIANCE, 0.0))


def _warnings(
    kind: ImageType,
    kept: list[Candidate],
    rejected: list[tuple[str, str]],
    bias: Frame | None,
    recommended_frames: int,
) -> list[str]:
    found = [f"{name} was rejected: {reason}" for name, reason in rejected]
    if len(kept) < recommended_frames:
        found.append(
            f"made of {len(kept)} frame{'s'[: len(kept) != 1]} only, "
            f"at least {recommended_frames} are recommended"
        )
    if kind is not ImageType.BIAS and bias is None and kept[0].info.overscan is None:
        found.append("made without a bias")
    return found


def _doubts(stats: dict[str, Any]) -> list[str]:
    ratio = stats["noise_ratio"]
    if ratio is not None and not 0.5 <= ratio <= 2.0:
        return [
            f"the frames scatter with {ratio:.2f} times the variance that gain and read noise "
            "predict"
        ]
    return []


def _master_info(kind: ImageType, kept: list[Candidate], filename: str) -> FrameInfo:
    infos = [candidate.info for candidate in kept]
    return infos[0].replace(
        filename=filename,
        imgtype=kind,
        object_name="",
        exptime=float(np.median([i.exptime for i in infos])),
        jd_start=min(i.jd_start for i in infos),
        jd_mid=float(np.mean([i.jd_mid for i in infos])),
        ra=None,
        dec=None,
        airmass=None,
        extra={},
    )


def _master_header(info: FrameInfo, n: int) -> Any:
    from astropy.io.fits import Header

    header = Header()
    header["TELESCOP"] = info.telescope
    header["INSTRUME"] = info.instrument
    header["IMAGETYP"] = (f"MASTER {info.imgtype}", "type of exposure")
    if info.band:
        header["FILTER"] = info.band
    if info.rotangle is not None:
        header["ROTANGLE"] = (info.rotangle, "[deg] angle of the polarizer")
    header["EXPTIME"] = (info.exptime, "[s] of one frame")
    header["NIGHT"] = (info.night, "date at the start of the night")
    header["NCOMBINE"] = (n, "number of frames")
    return header
