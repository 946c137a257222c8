"""Masters of windows, cut from masters of a larger part of the chip.

Places on the chip are ``origin + pixel`` in pixels as binned: the first pixel of a raw image
lies at `FrameInfo.origin`, and columns that hold no light (overscan) count as the image has
them. A master serves a window where its light covers that of the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from polarnight.frames import Bit, Frame, FrameInfo

__all__ = ["Extent", "cut_master", "text_of_cut"]


@dataclass(frozen=True, slots=True)
class Extent:
    """What part of the chip an image shows, zero-based and half open.

    Attributes
    ----------
    x0, x1, y0, y1 : int
        All pixels of the image, in pixels of the (binned) chip.
    light : tuple of int
        ``(x0, x1, y0, y1)`` of those that hold light.
    """

    x0: int
    x1: int
    y0: int
    y1: int
    light: tuple[int, int, int, int]

    @classmethod
    def of(cls, info: FrameInfo) -> Self:
        """Return the extent of a raw image."""
        x, y = info.origin
        whole = (x, x + info.width, y, y + info.height)
        part = info.trim
        light = whole if part is None else (x + part.x0, x + part.x1, y + part.y0, y + part.y1)
        return cls(*whole, light)

    @property
    def size(self) -> str:
        """Width x height, such as ``"800x800"``."""
        return f"{self.x1 - self.x0}x{self.y1 - self.y0}"

    def __str__(self) -> str:
        return f"{self.size} at {self.x0},{self.y0}"

    def same_pixels(self, other: Extent) -> bool:
        """Return whether both show the same pixels of the chip."""
        return (self.x0, self.x1, self.y0, self.y1) == (other.x0, other.x1, other.y0, other.y1)

    def same_corner(self, other: Extent) -> bool:
        """Return whether both begin at the same pixel: a window there, or one of unknown place."""
        return (self.x0, self.y0) == (other.x0, other.y0)

    def contains(self, other: Extent) -> bool:
        """Return whether the light of another image falls on pixels that hold light here."""
        a, b = self.light, other.light
        return a[0] <= b[0] and b[1] <= a[1] and a[2] <= b[2] and b[3] <= a[3]


def text_of_cut(whole: Extent, part: Extent) -> str:
    """Return how a master was cut, such as ``"cut from 4144x2822 at 1500,1200"``.

    The place is that of the window in the image of the master.
    """
    return f"cut from {whole.size} at {part.x0 - whole.x0},{part.y0 - whole.y0}"


def cut_master(
    master: Frame, info: FrameInfo, *, corner_windows: bool = False
) -> tuple[Frame, str]:
    """Return a master with the pixels of a frame, and how it was cut.

    Parameters
    ----------
    master : Frame
        With its normalised header.
    info : FrameInfo
        Of the raw frame that the master is for.
    corner_windows : bool
        Whether a smaller image that begins where the master does is a window in its corner,
        rather than one whose header does not tell where it lies.

    Returns
    -------
    master : Frame
        Data, variance and bits of the shape of the frame; the same object where nothing has to
        be cut. Pixels of the frame that hold no light and that the master does not have are
        NaN and marked NO_DATA.
    cut : str
        As `text_of_cut` has it, ``""`` where nothing was cut.

    Raises
    ------
    ValueError
        Where the master has another binning or does not contain the frame.
    """
    if master.info is None:
        msg = "the master has no normalised header"
        raise ValueError(msg)
    whole, part = Extent.of(master.info), Extent.of(info)
    if master.shape != (master.info.height, master.info.width):
        msg = f"the master is {master.shape}, its header says {whole.size}"
        raise ValueError(msg)
    if whole.same_pixels(part) and master.info.binning == info.binning:
        return master, ""
    if tuple(master.info.binning) != tuple(info.binning):
        msg = f"the master is binned {master.info.binning}, the frame {info.binning}"
        raise ValueError(msg)
    if whole.same_corner(part) and not corner_windows:
        msg = f"the master is {whole.size}, the frame {part.size}, and lies nobody knows where"
        raise ValueError(msg)
    if not whole.contains(part):
        msg = f"the master ({whole}) does not contain the frame ({part})"
        raise ValueError(msg)
    planes = {
        "data": _window(master.data, whole, part, np.nan),
        "variance": _window(master.variance, whole, part, np.nan),
        "bits": _window(master.bits, whole, part, int(Bit.NO_DATA)),
    }
    cut_info = master.info.replace(
        width=info.width, height=info.height, origin=info.origin, trim=info.trim
    )
    return master.replace(**planes, info=cut_info, wcs=None), text_of_cut(whole, part)


def _window(plane: Any, whole: Extent, part: Extent, fill: float) -> Any:
    """Return the pixels of `part` of a plane that shows `whole`."""
    if plane is None:
        return None
    x0, x1 = max(whole.x0, part.x0), min(whole.x1, part.x1)
    y0, y1 = max(whole.y0, part.y0), min(whole.y1, part.y1)
    inner = plane[y0 - whole.y0 : y1 - whole.y0, x0 - whole.x0 : x1 - whole.x0]
    shape = (part.y1 - part.y0, part.x1 - part.x0)
    if inner.shape == shape:
        return np.ascontiguousarray(inner)
    cut = np.full(shape, fill, dtype=plane.dtype)
    cut[y0 - part.y0 : y1 - part.y0, x0 - part.x0 : x1 - part.x0] = inner
    return cut
