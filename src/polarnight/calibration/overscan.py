"""The electronic zero level that the overscan of a frame shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.frames import FrameInfo

__all__ = ["overscan_level"]


def overscan_level(data: npt.NDArray[Any], info: FrameInfo) -> float:
    """Return the level of the overscan in ADU; 0 for a detector without one.

    The mean of the values within 3 robust standard deviations of their median: for integers
    the median alone would be rounded to a whole or half ADU.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        The raw image.
    info : FrameInfo
        Its normalised header, whose `overscan` names the section.

    Raises
    ------
    ValueError
        Where the section holds no finite pixel.
    """
    if info.overscan is None:
        return 0.0
    values = data[info.overscan.slices].astype(np.float64).ravel()
    values = values[np.isfinite(values)]
    if values.size == 0:
        msg = f"the overscan {info.overscan} holds no pixel of the image"
        raise ValueError(msg)
    centre = np.median(values)
    # Half an ADU is the least that the digits of the converter let through.
    sigma = max(1.4826 * float(np.median(np.abs(values - centre))), 0.5)
    return float(values[np.abs(values - centre) <= 3.0 * sigma].mean())
