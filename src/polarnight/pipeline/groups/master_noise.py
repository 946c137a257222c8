"""Noise of the masters, which is the same in every frame of a cycle.

Each frame counts the errors of its bias, dark and flat among its own. But the frames of a cycle
are reduced by the same masters, and a source falls on nearly the same pixels of them: their errors
do not average down in the mean light of the cycle, and cancel where its angles are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.pipeline.groups.measure import LoadedFrame
from polarnight.pipeline.groups.records import ApertureRow

__all__ = ["MasterNoise"]

FloatArray = npt.NDArray[np.float64]

_ADDED, _DIVIDED = ("bias", "dark"), ("flat",)


@dataclass(frozen=True)
class _OfFrame:
    """Variance that the masters leave in a pixel of a frame: of its zero, and of its response."""

    additive: float
    relative: float
    added: tuple[str | None, ...]
    divided: tuple[str | None, ...]
    origin: tuple[int, int]
    sigma: float


class MasterNoise:
    """What the apertures of a source in several frames have in common by their masters.

    Parameters
    ----------
    frames : sequence of LoadedFrame
        Of a cycle. Those whose reduction did not note the noise of its masters share none.
    fwhm : float
        Seeing of the group, pixels.
    """

    def __init__(self, frames: Sequence[LoadedFrame], fwhm: float) -> None:
        self._frames = {loaded.ref.id: _of_frame(loaded, fwhm / 2.3548) for loaded in frames}

    def common_variance(self, rows: Sequence[ApertureRow]) -> dict[str, float]:
        """Return the mean covariance of the fluxes of two frames, ADU squared, by image.

        That of the zero is counted over the pixels in which two apertures overlap, that of the
        response over the light, for a Gaussian image.

        Parameters
        ----------
        rows : sequence of ApertureRow
            Of one source in the frames of the cycle.
        """
        by_image: dict[str, list[ApertureRow]] = defaultdict(list)
        for row in rows:
            if row.frame in self._frames and np.isfinite(row.flux_counts):
                by_image[row.pair].append(row)
        return {image: self._mean(members) for image, members in by_image.items()}

    def _mean(self, rows: Sequence[ApertureRow]) -> float:
        n = len(rows)
        if n < 2:
            return 0.0
        told = [self._frames[row.frame] for row in rows]
        x = np.array([row.x_px + one.origin[0] for row, one in zip(rows, told, strict=True)])
        y = np.array([row.y_px + one.origin[1] for row, one in zip(rows, told, strict=True)])
        apart = np.hypot(x[:, None] - x, y[:, None] - y)
        flux = np.array([max(row.flux_counts, 0.0) for row in rows])
        sky = np.array([row.bkg_flux_counts for row in rows])
        area, radius, sigma = rows[0].area, rows[0].aperpix, told[0].sigma
        overlap = _overlap(apart, radius)
        # The sum over the pixels of the product of two images, each star and sky.
        light = flux[:, None] * flux / (4.0 * np.pi * sigma**2)
        light = light * np.exp(-((apart / (2.0 * sigma)) ** 2))
        even = flux[:, None] * sky + sky[:, None] * flux + sky[:, None] * sky * area
        zero = _geometric_mean([one.additive for one in told]) * area * overlap
        response = _geometric_mean([one.relative for one in told])
        covariance = zero * _same([one.added for one in told])
        covariance += response * (light + even * overlap) * _same([one.divided for one in told])
        off_diagonal = covariance.sum() - np.trace(covariance)
        return float(max(off_diagonal, 0.0)) / (n * (n - 1))


def _of_frame(loaded: LoadedFrame, sigma: float) -> _OfFrame:
    meta: Mapping[str, dict[str, float]] = loaded.frame.meta
    noise = meta.get("master_noise") or {}
    masters: Mapping[str, object] = meta.get("masters") or {}
    names = {kind: str(masters[kind]) if kind in masters else None for kind in _ADDED + _DIVIDED}
    return _OfFrame(
        additive=float(noise.get("additive") or 0.0),
        relative=float(noise.get("relative") or 0.0),
        added=tuple(names[kind] for kind in _ADDED),
        divided=tuple(names[kind] for kind in _DIVIDED),
        origin=loaded.ref.info.origin,
        sigma=sigma,
    )


def _same(masters: Sequence[tuple[str | None, ...]]) -> npt.NDArray[np.bool_]:
    return np.array([[one == other for other in masters] for one in masters])


def _geometric_mean(variances: Sequence[float]) -> FloatArray:
    """Return that of each pair of frames, shape (n, n)."""
    sigma: FloatArray = np.sqrt(np.asarray(variances, dtype=np.float64))
    return sigma[:, None] * sigma


def _overlap(apart: FloatArray, radius: float) -> FloatArray:
    """Return the share of a circle that another one covers whose centre is `apart`."""
    half = np.clip(apart / (2.0 * radius), 0.0, 1.0)
    covered: FloatArray = (np.arccos(half) - half * np.sqrt(1.0 - half**2)) * 2.0 / np.pi
    return covered
