"""Frames of a cycle on which the stars are trailed.

A trail brings a star into the apertures of neighbours that stand apart on the other frames, too
faint and too near to be found on their own; of the light of one beam that makes a percent, which
looks like polarization.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polarnight.astrometry import DetectionFlag
from polarnight.instruments import get_instrument
from polarnight.pipeline.groups.exposures import exposures_of
from polarnight.pipeline.groups.measure import LoadedFrame

__all__ = ["usual_elongation", "without_trailed"]

_LEAST = 4
"""Star images that tell how long they are: two stars of two beams."""
_BRIGHT = 60
_MIN_SNR = 20.0
"""Fainter images are as long as the noise makes them."""

_DOUBTFUL = int(DetectionFlag.SATURATED | DetectionFlag.NEAR_EDGE | DetectionFlag.MASKED)


def without_trailed(
    frames: Sequence[LoadedFrame], longer: float
) -> tuple[list[LoadedFrame], tuple[str, ...], str]:
    """Return the frames of a cycle on which the stars are not trailed.

    Parameters
    ----------
    frames : sequence of LoadedFrame
    longer : float
        Elongation from which a frame is trailed, over the median of the other frames.

    Returns
    -------
    frames : list of LoadedFrame
        All of them where too few angles would be left.
    remarks : tuple of str
        Which were left out.
    refused : str
        Why the cycle cannot be used, ``""`` where it can.
    """
    lengths = np.array([usual_elongation(loaded) for loaded in frames])
    kept, trailed = [], []
    for i, loaded in enumerate(frames):
        others = np.delete(lengths, i)
        others = others[np.isfinite(others)]
        usual = float(np.median(others)) if len(others) else np.nan
        if lengths[i] > longer * usual:
            angle = loaded.ref.info.rotangle
            trailed.append(
                f"stars are trailed (elongation {lengths[i]:.1f}, {usual:.1f} on the other "
                f"frames) at {angle:g} deg"
            )
        else:
            kept.append(loaded)
    if not trailed:
        return kept, (), ""
    instrument = get_instrument(frames[0].ref.info.instrument)
    left = {round(one.angle, 2) for one in exposures_of(instrument, kept)} if kept else set()
    if len(left) < max(instrument.min_angles, 1):
        why = f"; {len(left)} angles are left, {instrument.min_angles} are needed"
        return list(frames), (), "; ".join(dict.fromkeys(trailed)) + why
    return kept, tuple(f"left out: {text}" for text in dict.fromkeys(trailed)), ""


def usual_elongation(loaded: LoadedFrame) -> float:
    """Return the ratio of axes below which a quarter of the bright images stays.

    Columns, trails of satellites and blends are many on some frames: where stars are round, a
    quarter of what is found is. Not a number where there are too few images.
    """
    table = loaded.detections
    good = (np.asarray(table["flags"]) & _DOUBTFUL) == 0
    good &= np.asarray(table["flux"]) > _MIN_SNR * np.asarray(table["flux_err"])
    chosen = np.flatnonzero(good)
    chosen = chosen[np.argsort(-table["flux"][chosen], kind="stable")[:_BRIGHT]]
    if len(chosen) < _LEAST:
        return float("nan")
    return float(np.quantile(table["elongation"][chosen], 0.25))
