"""Frames of a cycle whose plate solutions are their headers', laid on one another.

A header's solution is good to arcseconds, two cameras of one polarimeter or a drifting telescope
differ by that much, and apertures want a tenth of it. The stars of the first frame tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from polarnight.astrometry import register
from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.groups.measure import LoadedFrame

__all__ = ["registered"]

_REACH_ARCSEC = 3.0


def registered(frames: Sequence[LoadedFrame]) -> list[LoadedFrame]:
    """Return the frames, those solved by their headers registered to the first of them.

    Where too few stars agree, a frame stays as its header says.
    """
    first = frames[0]
    if first.frame.wcs is None or not any(map(_by_header, frames)):
        return list(frames)
    sky = np.asarray(first.frame.wcs.all_pix2world(_places(first), 0), dtype=float)
    return [first, *(_onto(loaded, sky) for loaded in frames[1:])]


def _by_header(loaded: LoadedFrame) -> bool:
    evidence = loaded.frame.meta.get("astrometry") or {}
    return bool(evidence.get("method") == "header")


def _places(loaded: LoadedFrame) -> npt.NDArray[np.float64]:
    return np.column_stack([loaded.detections["x"], loaded.detections["y"]]).astype(float)


def _onto(loaded: LoadedFrame, sky: npt.NDArray[np.float64]) -> LoadedFrame:
    if loaded.frame.wcs is None or not _by_header(loaded):
        return loaded
    reach = _REACH_ARCSEC / loaded.ref.info.pixel_scale
    try:
        wcs, _, _ = register(loaded.frame.wcs, sky, _places(loaded), reach=reach)
    except AlgorithmFailed:
        return loaded
    return replace(loaded, frame=loaded.frame.replace(wcs=wcs))
