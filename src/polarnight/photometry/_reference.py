"""Reference of the aperture and centroid kernels: the definitions, in numpy.

Serves where no compiled library is at hand, and as the oracle of its tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from polarnight.frames import Bit

__all__ = [
    "CentroidSearch",
    "RawCentroids",
    "RawSums",
    "SkyClipping",
    "circle_overlap",
    "clipped_sky",
    "reference_centroids",
    "reference_sums",
]

FloatArray = npt.NDArray[np.float64]

MAD_TO_SIGMA = 1.482602218505602
_NO_DATA = int(Bit.NO_DATA)
_SLIVER = 1e-9  # a pixel touched by less than this is not touched


@dataclass(frozen=True, slots=True)
class SkyClipping:
    """How the sky is clipped: bits kept out, sigma, most rounds."""

    unusable: int
    clip: float
    iterations: int


@dataclass(frozen=True, slots=True)
class CentroidSearch:
    """Window (sigma), largest way from the start, most rounds, last step; pixels."""

    sigma: float
    reach: float
    rounds: int
    tolerance: float


@dataclass(frozen=True, eq=False)
class RawSums:
    """Sums over circles, sky not taken away, and skies; (n, n_radii) and (n,)."""

    flux: FloatArray
    variance: FloatArray
    area: FloatArray
    bits: npt.NDArray[np.uint16]
    level: FloatArray
    scatter: FloatArray
    n_sky: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, n: int, n_radii: int) -> Self:
        """Arrays to be filled."""
        shape = (n, n_radii)
        return cls(
            np.zeros(shape),
            np.zeros(shape),
            np.zeros(shape),
            np.zeros(shape, dtype=np.uint16),
            np.full(n, np.nan),
            np.full(n, np.nan),
            np.zeros(n, dtype=np.int64),
        )


@dataclass(frozen=True, eq=False)
class RawCentroids:
    """Columns x, y, var x, var y, signal-to-noise (n, 5); rounds used or a code (n,)."""

    values: FloatArray
    steps: npt.NDArray[np.int64]


def _quadrant(x: FloatArray, y: FloatArray, r: float) -> FloatArray:
    """Area of the circle within 0..x and 0..y, both not negative."""
    x, y = np.minimum(x, r), np.minimum(y, r)

    def chord(t: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt((r - t) * (r + t)))

    def below(t: FloatArray) -> FloatArray:
        # atan2, because near the rim an arc sine keeps half the digits only.
        return np.asarray(0.5 * (t * chord(t) + r * r * np.arctan2(t, chord(t))))

    # Up to z the circle lies above y; between z and x it is the limit.
    z = np.minimum(chord(y), x)
    return np.asarray(z * y + below(x) - below(z))


def circle_overlap(dx: npt.ArrayLike, dy: npt.ArrayLike, r: float) -> FloatArray:
    """Exact area inside a circle of unit pixels.

    Parameters
    ----------
    dx, dy : array_like
        Positions of the pixel centres from the centre of the circle, pixels.
    r : float
        Radius, pixels.

    Returns
    -------
    ndarray
        Between 0 and 1.
    """
    x, y = np.asarray(dx, dtype=np.float64), np.asarray(dy, dtype=np.float64)

    def signed(edge_x: FloatArray, edge_y: FloatArray) -> FloatArray:
        area = _quadrant(np.abs(edge_x), np.abs(edge_y), r)
        return np.asarray(np.sign(edge_x) * np.sign(edge_y) * area)

    total = (
        signed(x + 0.5, y + 0.5)
        - signed(x - 0.5, y + 0.5)
        - signed(x + 0.5, y - 0.5)
        + signed(x - 0.5, y - 0.5)
    )
    return np.clip(total, 0.0, 1.0)


def clipped_sky(
    values: npt.NDArray[np.float32], clip: float, iterations: int
) -> tuple[float, float, int]:
    """Mean, sample variance and number of the values kept by clipping.

    Values further than ``clip * 1.4826 * MAD`` from the median of those kept are dropped,
    repeatedly until none is or `iterations` are done; the mean is taken of the rest.
    """
    kept = np.sort(values).astype(np.float64)
    for _ in range(iterations):
        if len(kept) <= 2:
            break
        centre = np.median(kept)
        limit = clip * (MAD_TO_SIGMA * np.median(np.abs(kept - centre)))
        inside = kept[np.abs(kept - centre) <= limit]
        if not limit > 0 or len(inside) == len(kept):
            break
        kept = inside
    if len(kept) < 3:
        return np.nan, np.nan, len(kept)
    return float(kept.mean()), float(kept.var(ddof=1)), len(kept)


def reference_sums(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32] | None,
    bits: npt.NDArray[np.uint16] | None,
    exclude: npt.NDArray[np.bool_] | None,
    xy: FloatArray,
    radii: FloatArray,
    annulus: tuple[float, float] | None,
    clipping: SkyClipping,
) -> RawSums:
    """Sums over circles and clipped skies; see `polarnight.photometry.aperture_photometry`."""
    sums = RawSums.empty(len(xy), len(radii))
    spoilt = ~np.isfinite(data)
    sky_spoilt = spoilt.copy()
    if bits is not None:
        sky_spoilt |= (bits & np.uint16(clipping.unusable)) != 0
    if exclude is not None:
        sky_spoilt |= exclude
    if variance is not None:
        spoilt |= ~np.isfinite(variance)
    reach = float(max(radii.max(initial=0.0), annulus[1] if annulus else 0.0)) + 1.0
    ny, nx = data.shape
    for k, (x, y) in enumerate(xy):
        if not (np.isfinite(x) and np.isfinite(y)):
            sums.bits[k] = _NO_DATA
            continue
        x0, x1 = (int(np.clip(np.floor(x + s), 0, nx)) for s in (-reach, reach + 1))
        y0, y1 = (int(np.clip(np.floor(y + s), 0, ny)) for s in (-reach, reach + 1))
        box = (slice(y0, y1), slice(x0, x1))
        dy, dx = np.mgrid[y0:y1, x0:x1].astype(np.float64)
        dx -= x
        dy -= y
        for m, r in enumerate(radii):
            weight = circle_overlap(dx, dy, r)
            touched = weight > _SLIVER
            usable = touched & ~spoilt[box]
            w = weight[usable]
            flags = 0 if bits is None else int(np.bitwise_or.reduce(bits[box][touched]))
            outside = _sticks_out(x, y, r, nx, ny)
            if outside or np.any(touched & spoilt[box]):
                flags |= _NO_DATA
            sums.flux[k, m] = w @ data[box][usable].astype(np.float64)
            if variance is not None:
                sums.variance[k, m] = (w * w) @ variance[box][usable].astype(np.float64)
            sums.area[k, m] = w.sum()
            sums.bits[k, m] = flags
        if annulus is not None:
            distance = dx * dx + dy * dy
            ring = (distance >= annulus[0] ** 2) & (distance < annulus[1] ** 2)
            values = data[box][ring & ~sky_spoilt[box]]
            sums.level[k], sums.scatter[k], sums.n_sky[k] = clipped_sky(
                values, clipping.clip, clipping.iterations
            )
    return sums


def _sticks_out(x: float, y: float, r: float, nx: int, ny: int) -> bool:
    left, right = np.floor(x - r + 0.5), np.ceil(x + r - 0.5)
    low, high = np.floor(y - r + 0.5), np.ceil(y + r - 0.5)
    return bool(left < 0 or low < 0 or right >= nx or high >= ny)


def reference_centroids(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32] | None,
    xy: FloatArray,
    sky: FloatArray,
    search: CentroidSearch,
) -> RawCentroids:
    """Windowed centroids; see `polarnight.photometry.centroid`."""
    found = RawCentroids(np.full((len(xy), 5), np.nan), np.full(len(xy), -1, dtype=np.int64))
    for k in range(len(xy)):
        found.steps[k], found.values[k] = _one_centroid(
            data, variance, xy[k], float(sky[k]), search
        )
    return found


def _one_centroid(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32] | None,
    start: FloatArray,
    sky: float,
    search: CentroidSearch,
) -> tuple[int, FloatArray]:
    ny, nx = data.shape
    window = 4.0 * search.sigma
    at = start.astype(np.float64)
    values = np.array([at[0], at[1], np.nan, np.nan, np.nan])
    if not (np.all(np.isfinite(start)) and np.isfinite(sky)):
        return -2, values
    for count in range(1, search.rounds + 1):
        x0, x1 = (int(np.clip(v, 0, nx)) for v in (at[0] - window, at[0] + window + 2))
        y0, y1 = (int(np.clip(v, 0, ny)) for v in (at[1] - window, at[1] + window + 2))
        dy, dx = np.mgrid[y0:y1, x0:x1].astype(np.float64)
        dx -= at[0]
        dy -= at[1]
        distance = dx**2 + dy**2
        cut = data[y0:y1, x0:x1]
        inside = (distance <= window**2) & np.isfinite(cut)
        dx, dy = dx[inside], dy[inside]
        weight = np.exp(-0.5 * distance[inside] / search.sigma**2)
        value = weight * (cut[inside].astype(np.float64) - sky)
        power = weight**2
        if variance is not None:
            power = power * variance[y0:y1, x0:x1][inside]
        total = float(value.sum())
        noise = float(power.sum())
        values[4] = total / np.sqrt(noise) if noise > 0 else np.nan
        if not total > 0:
            return -2, values
        step = 2.0 * np.array([value @ dx, value @ dy]) / total
        at = at + step
        values[:2] = at
        values[2:4] = 4.0 * np.array([power @ dx**2, power @ dy**2]) / total**2
        if float(np.sum((at - start) ** 2)) > search.reach**2:
            return -3, values
        if float(step @ step) < search.tolerance**2:
            return count, values
    return -1, values
