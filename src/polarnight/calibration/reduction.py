"""From a raw frame to a calibrated one with variance and bits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.calibration.cosmics import find_cosmic_rays
from polarnight.calibration.interpolation import interpolate_unusable
from polarnight.calibration.loading import load_master
from polarnight.calibration.master_file import place_of
from polarnight.calibration.overscan import overscan_level
from polarnight.calibration.rules import CosmicRayRules, ReduceRules
from polarnight.calibration.windows import cut_master
from polarnight.cubes import calibrate
from polarnight.errors import BadFrame
from polarnight.frames import (
    UNUSABLE,
    Bit,
    Frame,
    FrameInfo,
    ImageType,
    RawImage,
    Section,
    content_key,
    read_raw,
    recipe_key,
)
from polarnight.frames.headers import shift_reference_pixel

__all__ = ["REDUCE_VERSION", "mark_cosmic_rays", "reduce_frame", "reduce_recipe_key"]

REDUCE_VERSION = "3"
"""Changes whenever the same input would give another frame."""

_KINDS = (ImageType.BIAS, ImageType.DARK, ImageType.FLAT)


@dataclass(frozen=True)
class _Masters:
    """Masters of a frame by kind, those that there are."""

    frames: Mapping[ImageType, Frame]
    cuts: Mapping[ImageType, str]

    def data(self, kind: ImageType) -> npt.NDArray[np.float32] | None:
        return self.frames[kind].data if kind in self.frames else None

    def variance(self, kind: ImageType) -> npt.NDArray[np.float32] | None:
        return self.frames[kind].variance if kind in self.frames else None

    def variance_of_zero(self, exptime: float) -> npt.NDArray[np.float32] | None:
        """Return the variance of what bias and dark subtract together, ADU squared.

        A dark rate was made of darks of T seconds less the bias. With that same bias B
        ``B + t (D - B)/T = (1 - t/T) B + (t/T) D`` is subtracted of a frame of t seconds: the more
        like the darks it is, the less the bias matters. As if independent, the noise of the bias
        would be counted twice.
        """
        bias, dark = self.variance(ImageType.BIAS), self.variance(ImageType.DARK)
        if dark is None:
            return bias
        of_dark = np.float32(exptime**2) * dark
        if bias is None:
            return of_dark
        made = self.frames[ImageType.DARK]
        share = 0.0
        if made.info is not None and made.meta.get("bias") == self._place(ImageType.BIAS):
            share = exptime / made.info.exptime if made.info.exptime > 0 else 0.0
        return of_dark + np.float32(1.0 - 2.0 * share) * bias

    def _place(self, kind: ImageType) -> str:
        info = self.frames[kind].info
        return "" if info is None else place_of(info, info.filename)

    def bits(self) -> npt.NDArray[np.uint16] | None:
        planes = [frame.bits for frame in self.frames.values() if frame.bits is not None]
        return np.bitwise_or.reduce(planes) if planes else None


def reduce_frame(
    path: str | Path,
    info: FrameInfo,
    *,
    bias: str | Path | None = None,
    dark: str | Path | None = None,
    flat: str | Path | None = None,
    required: Iterable[ImageType] = (),
    cosmic_rays: bool = True,
    rules: ReduceRules | None = None,
    corner_windows: bool = False,
) -> Frame:
    """Calibrate a raw frame.

    Overscan and bias, dark times exposure, flat; variance from gain, read noise, signal and
    masters (`polarnight.cubes.kernels.calibrate`); bits of the raw values and of the masters; cut
    to the pixels that hold light; border and cosmic rays marked. Masters of a larger part of the
    chip are cut to the window that was read.

    Parameters
    ----------
    path : str or Path
    info : FrameInfo
        Its normalised header.
    bias, dark, flat : str or Path, optional
        Masters that `build_master` wrote.
    required : iterable of ImageType
        Kinds of masters without which the frame must not be reduced, unless the rules allow
        it; those that are missing are then listed in ``meta["missing_masters"]``.
    cosmic_rays : bool
        Whether cosmic rays are looked for (not in short exposures, see the rules).
    rules : ReduceRules, optional
    corner_windows : bool
        Whether an image smaller than its masters that begins at the same pixel is a window in
        their corner; see `polarnight.calibration.windows.cut_master`.

    Returns
    -------
    Frame
        In ADU. Its `info` has the size and origin of the cut; its `meta` has the figures of
        the reduction.

    Raises
    ------
    BadFrame
        Where the file cannot be read or contradicts its header, has no usable pixel, or a
        required master is missing or does not fit.
    """
    rules = rules or ReduceRules()
    path = Path(path)
    given = {
        kind: master
        for kind, master in zip(_KINDS, (bias, dark, flat), strict=True)
        if master is not None
    }
    missing = [str(kind) for kind in _KINDS if kind in set(required) and kind not in given]
    if missing and not rules.allow_missing:
        raise BadFrame(
            path,
            f"no master {' nor '.join(missing)}",
            "take calibrations, or allow frames to be reduced without",
        )
    raw = read_raw(path)
    _check(path, raw, info)
    masters = _load(path, given, info, corner_windows)
    level = overscan_level(raw.data, info)
    read_noise = _read_noise(info, masters, rules)
    frame = _calibrated(raw, info, masters, level, read_noise, rules)
    frame = _cut(frame)
    usable = ~frame.mask(int(UNUSABLE))
    if not usable.any():
        saturated = _count(frame, Bit.SATURATED) / frame.data.size
        reason = f"not one pixel can be used; {saturated:.0%} are saturated"
        raise BadFrame(path, reason, "look at the raw frame")
    meta: dict[str, Any] = {
        "masters": {str(kind).lower(): Path(master).name for kind, master in given.items()},
        "masters_cut": {str(kind).lower(): cut for kind, cut in masters.cuts.items() if cut},
        "missing_masters": missing,
        "master_noise": _master_noise(masters, info.exptime),
        "overscan": level,
        "read_noise": {"declared": info.read_noise, "used": read_noise},
        "saturated_pixels": _count(frame, Bit.SATURATED),
        "usable_fraction": round(float(usable.mean()), 6),
    }
    frame = _edges_marked(frame, rules.edge)
    if cosmic_rays:
        frame, meta["cosmic_rays"] = mark_cosmic_rays(frame, rules.cosmic_rays)
    if rules.interpolate:
        frame = interpolate_unusable(frame)
    return frame.replace(meta=meta)


def reduce_recipe_key(
    path: str | Path,
    info: FrameInfo,
    *,
    bias: str | Path | None = None,
    dark: str | Path | None = None,
    flat: str | Path | None = None,
    cosmic_rays: bool = True,
    rules: ReduceRules | None = None,
    keys: Mapping[str, str] | None = None,
) -> str:
    """Return the key of everything that determines a reduced frame.

    Parameters
    ----------
    path, info, bias, dark, flat, cosmic_rays, rules
        As for `reduce_frame`.
    keys : mapping of str to str, optional
        Content keys by path, where they are known already.
    """
    known = keys or {}
    files = {"raw": path, "bias": bias, "dark": dark, "flat": flat}
    inputs = {
        role: known.get(str(file)) or content_key(file)
        for role, file in files.items()
        if file is not None
    }
    parameters = {
        "info": json.dumps(info.to_dict(), sort_keys=True),
        "cosmic_rays": cosmic_rays,
        "rules": (rules or ReduceRules()).to_dict(),
    }
    return recipe_key(inputs, parameters, {"reduce": REDUCE_VERSION})


def _check(path: Path, raw: RawImage, info: FrameInfo) -> None:
    if raw.data.shape != (info.height, info.width):
        size = f"{raw.data.shape[1]}x{raw.data.shape[0]}"
        raise BadFrame(path, f"the image is {size}, its header says {info.width}x{info.height}")
    if raw.data.dtype.kind == "f" and not np.isfinite(raw.data).any():
        raise BadFrame(path, "no pixel holds a finite number")


def _load(
    path: Path, given: Mapping[ImageType, str | Path], info: FrameInfo, corner_windows: bool
) -> _Masters:
    """Read the masters of a frame, each cut to its pixels."""
    frames: dict[ImageType, Frame] = {}
    cuts: dict[ImageType, str] = {}
    for kind, master in given.items():
        try:
            frames[kind], cuts[kind] = cut_master(
                load_master(master, kind), info, corner_windows=corner_windows
            )
        except ValueError as error:
            raise BadFrame(path, f"its master {kind} {Path(master).name}: {error}") from error
    return _Masters(frames, cuts)


def _read_noise(info: FrameInfo, masters: _Masters, rules: ReduceRules) -> float:
    """Return the read noise (electrons) as the biases show it, else as declared."""
    bias = masters.frames.get(ImageType.BIAS)
    if bias is None or not rules.measured_read_noise:
        return info.read_noise
    return float(bias.meta.get("stats", {}).get("read_noise") or info.read_noise)


def _master_noise(masters: _Masters, exptime: float) -> dict[str, float]:
    """Return the variance that the masters leave in a typical pixel.

    Of its zero (``additive``, ADU squared), and of its response (``relative``, of the square of
    the signal): what frames reduced by the same masters have in common.
    """
    zero, flat = masters.variance_of_zero(exptime), masters.data(ImageType.FLAT)
    of_flat = masters.variance(ImageType.FLAT)
    response = 1.0 if flat is None else flat[::7, ::7]
    noise = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, variance in (("additive", zero), ("relative", of_flat)):
            noise[name] = 0.0 if variance is None else _typical(variance[::7, ::7] / response**2)
    return noise


def _typical(values: npt.ArrayLike) -> float:
    array = np.asarray(values, dtype=np.float64)
    good = array[np.isfinite(array)]
    return float(np.median(good)) if good.size else 0.0


def _calibrated(
    raw: RawImage,
    info: FrameInfo,
    masters: _Masters,
    level: float,
    read_noise: float,
    rules: ReduceRules,
) -> Frame:
    zero = masters.data(ImageType.BIAS)
    if level != 0.0:
        # Added to the bias rather than taken from the raw values, so that the limits of
        # saturation and linearity keep their meaning.
        zero = np.float32(level) + (zero if zero is not None else np.zeros_like(raw.data, "f4"))
    data, variance, bits = calibrate(
        raw.data,
        bias=zero,
        bias_variance=masters.variance_of_zero(info.exptime),
        dark=masters.data(ImageType.DARK),
        dark_variance=None,
        exptime=info.exptime,
        flat=masters.data(ImageType.FLAT),
        flat_variance=masters.variance(ImageType.FLAT),
        master_bits=masters.bits(),
        gain=info.gain,
        read_noise=read_noise,
        saturation=info.saturation,
        nonlinear=info.nonlinear,
        low_flat=rules.low_flat,
        blank=raw.blank,
    )
    return Frame(data, variance, bits, info=info, header=raw.header)


def _cut(frame: Frame) -> Frame:
    """Return the part of a frame that holds light, with header and info that say so."""
    info = frame.info
    if info is None or info.trim is None:
        return frame
    part: Section = info.trim
    rows, columns = part.slices
    planes = {
        name: None if plane is None else np.ascontiguousarray(plane[rows, columns])
        for name, plane in (("variance", frame.variance), ("bits", frame.bits))
    }
    header = frame.header
    return frame.replace(
        data=np.ascontiguousarray(frame.data[rows, columns]),
        header=None if header is None else shift_reference_pixel(header, part.x0, part.y0),
        info=info.replace(
            width=part.x1 - part.x0,
            height=part.y1 - part.y0,
            origin=(info.origin[0] + part.x0, info.origin[1] + part.y0),
            trim=None,
            overscan=None,
        ),
        **planes,
    )


def _edges_marked(frame: Frame, width: int) -> Frame:
    if width <= 0 or frame.bits is None:
        return frame
    bits = frame.bits.copy()
    inner = (slice(width, -width), slice(width, -width))
    edge = np.full(bits.shape, int(Bit.NEAR_EDGE), np.uint16)
    edge[inner] = 0
    return frame.replace(bits=bits | edge)


def mark_cosmic_rays(frame: Frame, rules: CosmicRayRules) -> tuple[Frame, dict[str, Any]]:
    """Return a calibrated frame with its cosmic rays marked, and JSON-able figures of them."""
    info = frame.info
    if info is None or frame.bits is None:
        msg = "a frame without bits and normalised header"
        raise ValueError(msg)
    limit = rules.min_exptime
    if info.exptime < limit:
        return frame, {"searched": False, "why": f"exposed less than {limit:g} s"}
    hits = find_cosmic_rays(frame, rules)
    bits = frame.bits.copy()
    bits[hits.mask] |= np.uint16(Bit.COSMIC_RAY)
    return frame.replace(bits=bits), {
        "searched": True,
        "hits": hits.n_hits,
        "pixels": int(hits.mask.sum()),
        "star_cores_given_back": hits.n_restored,
    }


def _count(frame: Frame, bit: Bit) -> int:
    return 0 if frame.bits is None else int(np.count_nonzero(frame.bits & np.uint16(bit)))
