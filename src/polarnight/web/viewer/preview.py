"""Pictures of frames as PNG, drawn here and kept beside what is derived from the frame."""

from __future__ import annotations

import io
import math
from dataclasses import astuple, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from polarnight.web.viewer.kept import TAG, keep, kept
from polarnight.web.viewer.opening import FrameRow, derived_directory, locate
from polarnight.web.viewer.planes import load
from polarnight.web.viewer.problems import BadRequest
from polarnight.web.viewer.statistics import measure
from polarnight.web.viewer.tiles import etag

__all__ = ["COLOURS", "STRETCHES", "Look", "preview", "render"]

STRETCHES: Final = ("linear", "log", "asinh", "sqrt")
COLOURS: Final = ("grey", "inverted", "viridis")
_SIDES: Final = (32, 2048)
_VERSION: Final = 1  # of the drawing: a preview of another version is made again

_LOG: Final = 1000.0
_ASINH: Final = 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """How a frame is shown.

    Parameters
    ----------
    stretch : {"linear", "log", "asinh", "sqrt"}
    colours : {"grey", "inverted", "viridis"}
    low, high : float, optional
        Black and white; those of zscale where not given.
    side : int
        Longer side of the picture in pixels, at most; 32 to 2048.

    Raises
    ------
    BadRequest
        Where a value is none of these.
    """

    stretch: str = "linear"
    colours: str = "grey"
    low: float | None = None
    high: float | None = None
    side: int = 512

    def __post_init__(self) -> None:
        limits = (self.low, self.high)
        if self.stretch not in STRETCHES:
            msg = f"{self.stretch!r} is no stretch; there are {', '.join(STRETCHES)}"
        elif self.colours not in COLOURS:
            msg = f"{self.colours!r} is no colour map; there are {', '.join(COLOURS)}"
        elif not _SIDES[0] <= self.side <= _SIDES[1]:
            msg = f"a picture has {_SIDES[0]} to {_SIDES[1]} pixels a side, not {self.side}"
        elif any(limit is not None and not math.isfinite(limit) for limit in limits):
            msg = "limits are finite numbers"
        elif self.low is not None and self.high is not None and not self.low < self.high:
            msg = f"the lower limit {self.low} is not below the upper one {self.high}"
        else:
            return
        raise BadRequest(msg)


def preview(row: FrameRow, look: Look | None = None) -> tuple[bytes, str]:
    """Return a picture of a frame, and its ETag.

    The default look is kept as ``preview.png`` and made again when the file changes; where
    it cannot be written, as in an archive that is read-only, it is drawn each time.

    Raises
    ------
    ViewerError, BadFrame
        Where the file may not or cannot be read.
    """
    look = look or Look()
    file = locate(row)
    tag = etag(file.version, "preview", _VERSION, astuple(look))
    place = derived_directory(row) / "preview.png" if look == Look() else None
    if place is not None:
        content = kept(place, tag)
        if content is not None:
            return content, tag
    content = render(load(file).planes["sci"], look, tag)
    if place is not None:
        keep(place, content)
    return content, tag


def render(plane: npt.NDArray[Any], look: Look, tag: str = "") -> bytes:
    """Return a plane as PNG, its first row at the bottom; what is no number is transparent.

    Parameters
    ----------
    plane : ndarray, shape (ny, nx)
    look : Look
    tag : str
        Written into the file.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    small = _reduced(plane, look.side)[::-1]
    low, high = _limits(look, plane)
    finite = np.isfinite(small)
    shares = _stretch((np.where(finite, small, low) - low) / (high - low), look.stretch)
    levels = np.round(shares * 255.0).astype(np.uint8)
    red, green, blue = _table(look.colours)[levels].transpose(2, 0, 1)
    pixels = np.stack([red, green, blue, np.where(finite, 255, 0).astype(np.uint8)], axis=-1)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if finite.all():
        picture = picture.convert("RGB" if look.colours == "viridis" else "L")
    target, words = io.BytesIO(), PngInfo()
    words.add_text(TAG, tag)
    picture.save(target, "PNG", pnginfo=words)
    return target.getvalue()


def _limits(look: Look, plane: npt.NDArray[Any]) -> tuple[float, float]:
    if look.low is not None and look.high is not None:
        return look.low, look.high
    zscale = measure(plane).zscale or (0.0, 1.0)
    low = zscale[0] if look.low is None else look.low
    high = zscale[1] if look.high is None else look.high
    # One limit that was given may lie beyond the other, which was not.
    return low, high if high > low else low + 1.0


def _stretch(shares: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Return shares of the range in [0, 1], bent; the formulas are those of the browser."""
    shares = np.clip(shares, 0.0, 1.0)
    if name == "log":
        return np.asarray(np.log1p(_LOG * shares) / math.log1p(_LOG))
    if name == "asinh":
        return np.asarray(np.arcsinh(shares / _ASINH) / math.asinh(1 / _ASINH))
    return np.sqrt(shares) if name == "sqrt" else shares


def _reduced(plane: npt.NDArray[Any], side: int) -> npt.NDArray[np.float64]:
    """Return means over blocks of pixels, so that the longer side is at most `side`."""
    step = -(-max(plane.shape) // side)
    values = np.asarray(plane, np.float64)
    if step == 1:
        return values
    ny, nx = (-(-length // step) for length in plane.shape)
    padded = np.full((ny * step, nx * step), np.nan)
    padded[: plane.shape[0], : plane.shape[1]] = values
    blocks = padded.reshape(ny, step, nx, step)
    finite = np.isfinite(blocks)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.where(finite, blocks, 0.0).sum(axis=(1, 3))
        return np.asarray(total / finite.sum(axis=(1, 3)))


def _table(name: str) -> npt.NDArray[np.uint8]:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    if name == "grey":
        return grey
    if name == "inverted":
        return grey[::-1]
    from matplotlib import colormaps

    return np.asarray(colormaps["viridis"](np.arange(256))[:, :3] * 255.0 + 0.5, np.uint8)
