"""Making master biases, darks and flats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.calibration.combining import Stacked, combine_candidates
from polarnight.calibration.defects import dead_pixels, hot_pixels, unstable_pixels
from polarnight.calibration.loading import load_master
from polarnight.calibration.noise import ROUNDING_VARIANCE, quantised_read_variance
from polarnight.calibration.quality import Candidate, Reference, examine, reject_outliers
from polarnight.calibration.rules import MasterRules
from polarnight.errors import AlgorithmFailed, BadFrame, NoWork
from polarnight.frames import (
    Bit,
    Frame,
    FrameInfo,
    ImageType,
    InputRecord,
    Provenance,
    StageRecord,
    content_key,
    recipe_key,
    write_frame,
)

__all__ = ["MASTER_VERSION", "MasterResult", "build_master", "master_recipe_key"]

MASTER_VERSION = "1"
"""Changes whenever the same input would give another master."""

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
        Where a master to subtract cannot be read.
    """
    if not infos:
        msg = f"no frames for a master {kind}"
        raise NoWork(msg)
    rules = rules or MasterRules()
    keys = {str(path): content_key(path) for path in paths if Path(path).is_file()}
    masters = [path for path in (bias, dark) if path is not None]
    keys |= {str(path): content_key(path) for path in masters if Path(path).is_file()}
    key = master_recipe_key(kind, infos, paths, bias=bias, dark=dark, rules=rules, keys=keys)

    bias_frame = None if bias is None else load_master(bias, ImageType.BIAS)
    dark_frame = None if dark is None else load_master(dark, ImageType.DARK)
    kept, rejected = _choose(kind, infos, paths, _reference(bias_frame, dark_frame), rules)
    if not kept:
        msg = f"no frame is left for a master {kind}"
        raise AlgorithmFailed(msg, rejected=rejected)
    warnings = _warnings(kind, kept, rejected, bias_frame, rules)
    stacked = combine_candidates(kind, kept, bias_frame, dark_frame, rules)
    bits = _marked(kind, stacked, rules)
    stats = _statistics(kind, stacked, bits, kept)
    warnings += _doubts(stats)
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
            "files": [c.path.name for c in kept],
            "rejected": [list(entry) for entry in rejected],
            "stats": stats,
            "warnings": warnings,
        },
    )
    provenance = Provenance(
        inputs=tuple(
            [InputRecord(_place(c.info, c.path), "raw", keys[str(c.path)]) for c in kept]
            + [
                InputRecord(_place(frame.info, path), f"master{role}", keys[str(path)])
                for role, path, frame in (("bias", bias, bias_frame), ("dark", dark, dark_frame))
                if path is not None and frame is not None
            ]
        ),
        stages=(StageRecord(f"master{kind.lower()}", MASTER_VERSION, _json(rules.to_dict())),),
        recipe_key=key,
    )
    write_frame(out, frame, provenance=provenance)
    return MasterResult(Path(out), len(kept), rejected, stats, warnings, key, info)


def _place(info: FrameInfo | None, path: str | Path) -> str:
    """Name a file by telescope and night, wherever the data directory lies.

    A master made again elsewhere from the same frames is then the same, byte for byte.
    """
    name = Path(path).name
    return name if info is None else f"{info.telescope}/{info.night}/{name}"


def master_recipe_key(
    kind: ImageType,
    infos: Sequence[FrameInfo],
    paths: Sequence[str | Path],
    *,
    bias: str | Path | None = None,
    dark: str | Path | None = None,
    rules: MasterRules | None = None,
    keys: Mapping[str, str] | None = None,
) -> str:
    """Return the recipe key that `build_master` would give the master.

    Parameters
    ----------
    kind, infos, paths, bias, dark, rules
        As for `build_master`.
    keys : mapping of str to str, optional
        Content keys by path, where they are known already. A file that cannot be read counts
        as its own absence.
    """
    known = dict(keys or {})

    def content(path: str | Path) -> str:
        if str(path) not in known:
            known[str(path)] = content_key(path) if Path(path).is_file() else "absent"
        return known[str(path)]

    inputs: dict[str, Iterable[str]] = {"raw": [content(path) for path in paths]}
    if bias is not None:
        inputs["bias"] = [content(bias)]
    if dark is not None:
        inputs["dark"] = [content(dark)]
    parameters = {
        "kind": str(kind),
        "rules": (rules or MasterRules()).to_dict(),
        # Gain, saturation or sections may change in the plug-in while the files do not.
        "infos": sorted(_json(info.to_dict()) for info in infos),
    }
    return recipe_key(inputs, parameters, {"master": MASTER_VERSION})


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


def _marked(kind: ImageType, stacked: Stacked, rules: MasterRules) -> npt.NDArray[np.uint16]:
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
    rules: MasterRules,
) -> list[str]:
    found = [f"{name} was rejected: {reason}" for name, reason in rejected]
    if len(kept) < rules.recommended_frames:
        found.append(
            f"made of {len(kept)} frame{'s'[: len(kept) != 1]} only, "
            f"at least {rules.recommended_frames} are recommended"
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


def _json(values: dict[str, Any]) -> str:
    import json

    return json.dumps(values, sort_keys=True, separators=(",", ":"))
