"""Filling unusable pixels from their neighbours, for pictures and for methods that need it."""

from __future__ import annotations

import numpy as np

from polarnight.frames import Bit, Frame

__all__ = ["interpolate_unusable"]

_REACH = 2


def interpolate_unusable(frame: Frame) -> Frame:
    """Replace unusable pixels by the median of the usable ones around (5 x 5 pixels).

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    Frame
        The filled pixels keep their bits and gain INTERPOLATED; where there is no usable
        neighbour nothing changes. Their variance is the median of the neighbours'.
    """
    bad = frame.mask()
    y, x = np.nonzero(bad)
    data = frame.data.copy()
    variance = None if frame.variance is None else frame.variance.copy()
    bits = np.zeros(frame.shape, np.uint16) if frame.bits is None else frame.bits.copy()
    good = np.pad(~bad, _REACH)
    offsets = range(2 * _REACH + 1)
    usable = np.array([good[y + j, x + i] for j in offsets for i in offsets])
    filled = usable.any(axis=0)
    y, x, usable = y[filled], x[filled], usable[:, filled]
    for plane in (data, variance):
        if plane is not None:
            padded = np.pad(plane, _REACH)
            around = np.array([padded[y + j, x + i] for j in offsets for i in offsets])
            plane[y, x] = np.nanmedian(np.where(usable, around, np.nan), axis=0)
    bits[y, x] |= np.uint16(Bit.INTERPOLATED)
    return frame.replace(data=data, variance=variance, bits=bits)
