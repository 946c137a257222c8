"""The header of combined frames: exposure times, dates, and what became of gain and read noise.

A stack has the header of its first frame. Of what is made of it, these cards are those of all:

=========== =====================================================================================
EXPTIME     of a sum the sum; else that of one frame, the mean of them where they differ (as IRAF's
            combine has it). EXPOSURE and XPOSURE alike.
TEXPTIME    sum over the frames whatever was made of them (ESO Science Data Products Standard)
NCOMBINE    number of frames, also of frames that were combined before
DATE-OBS    beginning of the earliest frame, with the other cards of its beginning
DATE-END    end of the last
DATE-AVG,   middle of the exposures, weighted by their lengths (FITS standard 4.0, section 9.5)
MJD-AVG
GAINMULT    effective gain (electrons per count) over that of one frame: n for a mean, 1 for a sum,
            n over the inefficiency of the median for a median
RONMULT     effective read noise (electrons) over that of one frame: sqrt(n) for mean and sum
=========== =====================================================================================

GAIN, EGAIN, RDNOISE and their like stay what they are, cards of the camera: what they are called,
and whether GAIN is in electrons per count or a setting of the camera, the engine does not know. A
signal S of a combined image, in counts, has the variance
``S / (gain GAINMULT) + (read_noise RONMULT / (gain GAINMULT))^2``, the rule of IRAF's findthresh
for averages and sums.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.kernels.factors import combining_factors
from polarnight.cubes.metadata import Card, Metadata
from polarnight.cubes.steps.dates import TIMES, number_of, with_dates
from polarnight.cubes.steps.lineage import step_of

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["combined", "frames_along", "header_of_reduced"]


def header_of_reduced(
    cube: Cube, axis: int, size: int, operation: str, scale: Any = None
) -> Metadata:
    """Return the header of a cube that was reduced along an axis.

    Parameters
    ----------
    cube : Cube
    axis : int
    size : int
        Of groups; 0 where all elements become one.
    operation : str
    scale : float or list of float, optional
        What the elements were multiplied by.
    """
    cards = cube.metadata.derived()
    number, dim = cube.axes[axis], cube.dims[axis]
    if size > 1 and number is not None:
        from polarnight.cubes.fits.wcs import cut_axis

        # The middle of a group is where the pixel between its first and its last one was.
        cards = cut_axis(cards, number, slice((size - 1) / 2, None, size))
    n = min(size, dim.size) if size else dim.size
    frames = frames_along(cube, dim.name)
    if frames is None:
        before = number_of(cards, "NCOMBINE") or 1
        return cards.with_card("NCOMBINE", int(n * before), "values reduced to one")
    own = scale[:n] if isinstance(scale, list) else scale
    return combined(cards, frames[:n], operation, own)


def frames_along(cube: Cube, dim: str) -> list[Metadata] | None:
    """Return the headers of the frames that were stacked along a dimension.

    Parameters
    ----------
    cube : Cube
        A stack, or what was made of one.
    dim : str

    Returns
    -------
    list of Metadata or None
        One for each element; None where it is no dimension of frames, or nobody knows.
    """
    one, name = cube, cube.dim(dim).name
    taken: list[np.ndarray[Any, Any]] = []
    found: list[Metadata] | None = None
    while found is None:
        step, given = step_of(one)
        if step in {"merge", "concat", "expand_dim", "block_reduce"} and name == (
            given["name"] if step == "expand_dim" else given["dim"]
        ):
            found = _stacked(one, name, step)
            break
        cut = step == "subset" and name in given
        if cut:
            taken.append(_places(given[name]))
        size = one.dim(name).size
        if step == "rename_dims":
            name = {new: old for old, new in given.items()}.get(name, name)
        having = [
            inner
            for inner in one.inputs
            if name in inner.names and (cut or inner.dim(name).size == size)
        ]
        if not having:
            return None
        one = having[0]
    for places in reversed(taken):
        found = None if found is None else [found[k] for k in places]
    return found


def _stacked(cube: Cube, name: str, step: str) -> list[Metadata] | None:
    """Return the headers of the frames that were put together by a step."""
    if not cube.inputs:
        return None
    if step in {"merge", "expand_dim"}:
        return [inner.metadata for inner in cube.inputs]
    if step == "block_reduce":
        return _groups(cube, name)
    parts = [frames_along(inner, name) for inner in cube.inputs]
    if any(part is None for part in parts):
        return None
    return [header for part in parts for header in part or ()]


def _places(written: Any) -> np.ndarray[Any, Any]:
    from polarnight.cubes.recipes import revived

    index = revived(written)
    if isinstance(index, slice):
        return np.arange(index.start or 0, index.stop, index.step or 1)
    return np.asarray(index, np.intp)


def _groups(cube: Cube, name: str) -> list[Metadata] | None:
    """Return the headers of groups of frames that were combined."""
    before = frames_along(cube.inputs[0], name)
    if before is None:
        return None
    given = step_of(cube)[1]
    size = given["size"]
    scale = given["scales"].get("scale")
    made = []
    for first in range(0, len(before), size):
        part = slice(first, first + size)
        own = scale[part] if isinstance(scale, list) else scale
        made.append(combined(before[first], before[part], given["operation"], own))
    return made


def combined(
    cards: Metadata, frames: Sequence[Metadata], operation: str, scale: Any = None
) -> Metadata:
    """Return the header of combined frames, made when it is first looked at.

    Parameters
    ----------
    cards : Metadata
        That of the first, or of the stack.
    frames : sequence of Metadata
    operation : str
        One of `polarnight.cubes.kernels.statistics.OPERATIONS`, or ``avg``.
    scale : float or sequence of float, optional
        What the frames were multiplied by.
    """
    return Metadata.later(functools.partial(_combined, cards, tuple(frames), operation, scale))


def _combined(
    cards: Metadata, frames: tuple[Metadata, ...], operation: str, scale: Any
) -> tuple[Card, ...]:
    n = len(frames)
    numbers = [number_of(frame, "NCOMBINE") or 1 for frame in frames]
    made = cards.with_card("NCOMBINE", int(sum(numbers)), "number of frames")
    made = _exposures(made, frames, operation)
    made = with_dates(made, frames)
    made = made.without("GAINMULT").without("RONMULT")
    scales = np.broadcast_to(np.asarray(1.0 if scale is None else scale, np.float64), n)
    for key, value, comment in _noise(frames, operation, scales):
        made = made.with_card(key, value, comment)
    return made.cards


def _exposures(made: Metadata, frames: Sequence[Metadata], operation: str) -> Metadata:
    totals = None
    for key in TIMES:
        if made.get(key) is None:
            continue
        times = _changed_by_hand([number_of(frame, key) for frame in frames], number_of(made, key))
        if any(time is None for time in times):
            # Whatever stood there would be wrong.
            made = made.without(key) if operation == "sum" else made
            continue
        known = [time for time in times if time is not None]
        total = math.fsum(known)
        totals = known if totals is None else totals
        if operation == "sum":
            made = made.with_card(key, total, f"[s] sum over {len(known)} frames")
        elif len(set(known)) > 1:
            made = made.with_card(key, total / len(known), f"[s] mean of {len(known)} frames")
    if totals is not None:
        before = [number_of(frame, "TEXPTIME") for frame in frames]
        all_of_them = [
            time if total is None else total for time, total in zip(totals, before, strict=True)
        ]
        made = made.with_card("TEXPTIME", math.fsum(all_of_them), "[s] total of all frames")
    return made


def _changed_by_hand(times: list[float | None], header: float | None) -> list[float | None]:
    """Return exposure times as corrected in the header of the stack, where all had one."""
    if len(set(times)) == 1 and header is not None:
        return [header] * len(times)
    return times


def _noise(
    frames: Sequence[Metadata], operation: str, scales: np.ndarray[Any, Any]
) -> list[tuple[str, float, str]]:
    """Return cards of effective gain and read noise.

    With gains g m_i and read noises r k_i of frames that were multiplied by s_i, the mean of n has
    the variance S mean(s_i / (g m_i)) / n + mean((s_i r k_i / (g m_i))^2) / n.
    """
    name = {"avg": "mean"}.get(operation, operation).removeprefix("clipped_")
    if name not in {"mean", "median", "sum"} or not (scales > 0).all():
        return []
    n = len(frames)
    gains = np.array([number_of(frame, "GAINMULT") or 1.0 for frame in frames]) / scales
    reads = np.array([number_of(frame, "RONMULT") or 1.0 for frame in frames])
    # Of the sum as many as of the mean, in counts: n S has n^2 times the variance of S.
    light = float(combining_factors(name, n)[n]) / (n if name == "sum" else 1)
    dark = float(combining_factors(name, n)[n])
    gain = 1.0 / (light * float(np.mean(1.0 / gains)))
    read = gain * math.sqrt(dark * float(np.mean((reads / gains) ** 2)))
    return [
        ("GAINMULT", round(gain, 6), "effective gain over gain of one frame"),
        ("RONMULT", round(read, 6), "effective read noise [e-] over that of one"),
    ]
