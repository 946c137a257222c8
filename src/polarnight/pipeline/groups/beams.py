"""The two beams of the sources of a cycle, compared with each other.

How much brighter one beam is than the other is the same for all sources of a field. So the sources
of which both beams were measured tell what the other beam of a single one would have been; and a
source whose beams differ otherwise has the light of another star in one of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from polarnight.photometry import ZeroPoint, zero_point
from polarnight.pipeline.groups.outcome import GroupFlux

__all__ = ["compared_beams", "without_scale"]

_LEAST = 3
"""Sources of which one can be told to be odd."""
_ODD, _CERTAIN = 0.03, 5.0
"""Difference of a beam gain from that of the others at which a source is blended: what flat fields
leave uneven at least, and sigmas (of its error, and of the scatter of the others)."""


def compared_beams(
    fluxes: Mapping[int, GroupFlux], beams: Mapping[int, str]
) -> dict[int, GroupFlux]:
    """Return fluxes on the scale of both beams, those with foreign light in one beam marked.

    Twice the light of one beam is not the light of both where the beams are not equally bright;
    with k their imbalance, that of ``"E"`` alone is 1 + k too bright, that of ``"O"`` alone 1 - k.

    Parameters
    ----------
    fluxes : mapping of int to GroupFlux
        By source.
    beams : mapping of int to str
        The beam (``"O"``, ``"E"``) of each source of which the other one is spoilt.
    """
    gains = {
        source: (flux.stokes.k, flux.stokes.k_err)
        for source, flux in fluxes.items()
        if source not in beams and flux.trusted and flux.stokes is not None
        and flux.stokes.k is not None and flux.stokes.k_err
    }  # fmt: skip
    found = dict(fluxes)
    odd = _blended(gains)
    for source in odd:
        found[source] = replace(fluxes[source], blended=True)
    common = _mean({source: gain for source, gain in gains.items() if source not in odd})
    if common is None:
        return found
    for source, beam in beams.items():
        share = 1.0 + common.value if beam == "E" else 1.0 - common.value
        value = fluxes[source].value / share
        error = float(np.hypot(fluxes[source].error, value * common.err)) / share
        found[source] = replace(fluxes[source], value=value, error=error)
    return found


def without_scale(fluxes: Mapping[int, GroupFlux], partial: set[int]) -> dict[int, GroupFlux]:
    """Return fluxes where those of some exposures only, behind a sky that changed, are no numbers.

    The mean light of a source in fewer exposures is on another scale than that of the others
    then, and neither gives a magnitude nor calibrates. Its polarization stays.
    """
    remark = "no magnitude: the light changed from exposure to exposure, and some are left out"
    return {
        source: replace(flux, value=math.nan, error=math.nan, remarks=(*flux.remarks, remark))
        if source in partial
        else flux
        for source, flux in fluxes.items()
    }


def _mean(gains: Mapping[int, tuple[float, float]]) -> ZeroPoint | None:
    """Return the robust mean of beam gains."""
    if not gains:
        return None
    return zero_point(*np.array(list(gains.values()), dtype=float).T)


def _blended(gains: Mapping[int, tuple[float, float]]) -> set[int]:
    """Return the sources whose beams differ otherwise than those of most."""
    if len(gains) < _LEAST:
        return set()
    values, errors = np.array(list(gains.values()), dtype=float).T
    middle = float(np.median(values))
    off = np.abs(values - middle)
    # Flat fields of two cameras differ over the field: the others tell by how much.
    spread = 1.4826 * float(np.median(off))
    odd = (off > max(_ODD, _CERTAIN * spread)) & (off > _CERTAIN * errors)
    return {source for source, is_odd in zip(gains, odd, strict=True) if is_odd}
