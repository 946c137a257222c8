"""Detection of edges sharper than an image can have, after van Dokkum 2001 (PASP 113, 1420).

The method filters an image with medians of 3, 5 and 7 pixels, which is slow; but what the
filters say matters only near the few pixels whose Laplacian stands out at all. The Laplacian is
made for the whole image, the medians only there. The result is that of filtering everything.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from polarnight.calibration.rules import CosmicRayRules

__all__ = ["contrasts", "grown", "pixels_of", "sharp_edges"]

# Farthest pixel that a median of 7 of medians of 3 of a pixel's surroundings depends on.
_REACH = 8
_AFFECTED = 6
_LEAST_STRUCTURE = 0.01
_SAMPLE = 7


class _Around:
    """An image whose pixels are looked up together with their neighbours."""

    def __init__(self, image: npt.NDArray[np.float32]) -> None:
        padded = np.pad(image, _REACH, mode="edge")
        self.width = padded.shape[1]
        self.flat = padded.ravel()

    def index(self, y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        return np.asarray((y + _REACH) * self.width + (x + _REACH))

    def boxes(self, index: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.float32]:
        """Return the values of boxes around pixels, shape (n, size^2)."""
        return np.asarray(self.flat[index[:, None] + self._offsets(size)])

    def medians(self, index: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.float32]:
        middle = size * size // 2
        return np.partition(self.boxes(index, size), middle, axis=1)[:, middle]

    def medians_of_medians(self, index: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Return medians of 7 x 7 medians of 3 x 3 pixels."""
        around = index[:, None] + self._offsets(7)
        needed, inverse = np.unique(around, return_inverse=True)
        inner = self.medians(needed, 3)[inverse.reshape(around.shape)]
        return np.partition(inner, 24, axis=1)[:, 24]

    def laplacian(self, index: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Return the positive part of the Laplacian of the image at twice its sampling.

        Of a pixel divided into four, each part has two neighbours of its own value and two of the
        pixels beyond: the mean over the parts of ``2 v - n1 - n2`` where that is positive.
        """
        centre = 2.0 * self.flat[index]
        total = np.zeros_like(centre)
        for vertical in (-self.width, self.width):
            for horizontal in (-1, 1):
                part = centre - self.flat[index + vertical] - self.flat[index + horizontal]
                total += np.maximum(part, 0.0)
        return np.asarray(0.25 * total, dtype=np.float32)

    def _offsets(self, size: int) -> npt.NDArray[np.intp]:
        steps = np.arange(size) - size // 2
        return np.asarray((steps[:, None] * self.width + steps).ravel())


def sharp_edges(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    bad: npt.NDArray[np.bool_],
    rules: CosmicRayRules,
    *,
    where: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.bool_]:
    """Find pixels of cosmic rays, and the cores of undersampled stars with them.

    Parameters
    ----------
    data, variance : ndarray of float32, shape (ny, nx)
        With sky; finite, variance positive, also where `bad`.
    bad : ndarray of bool, shape (ny, nx)
        Pixels that are not looked at and count for nothing around them.
    rules : CosmicRayRules
    where : ndarray of bool, shape (ny, nx), optional
        Looked for only here (and, beyond the first iteration, near what was found).

    Returns
    -------
    ndarray of bool, shape (ny, nx)
    """
    found = np.zeros(data.shape, dtype=np.bool_)
    data, variance = _filled(data, bad, bad), _filled(variance, bad, bad)
    candidates = _candidates(data, variance, rules) & ~bad
    if where is not None:
        candidates &= where
    for _ in range(rules.max_iterations):
        new = _pass(data, variance, candidates, rules) & ~bad & ~found
        if not new.any():
            break
        found |= new
        unusable = bad | found
        data, variance = _filled(data, new, unusable), _filled(variance, new, unusable)
        # Only near what was removed can the image look different now.
        candidates = grown(new, _AFFECTED) & ~bad
    return found


def contrasts(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    y: npt.NDArray[np.intp],
    x: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the significance of the Laplacian at pixels, and its ratio to the fine structure."""
    image, noise = _Around(data), _Around(variance)
    index = image.index(y, x)
    significance = _significance(image, noise, index)
    return significance, significance / _structure(image, noise, index)


def _candidates(
    data: npt.NDArray[np.float32], variance: npt.NDArray[np.float32], rules: CosmicRayRules
) -> npt.NDArray[np.bool_]:
    """Return where the Laplacian might be significant if the noise were the least of all."""
    v = np.pad(data, 1, mode="edge")
    centre = 2.0 * data
    total = np.zeros_like(data)
    beyond, part = np.empty_like(data), np.empty_like(data)  # fresh planes cost more than sums
    for row in (v[:-2, 1:-1], v[2:, 1:-1]):
        np.subtract(centre, row, out=beyond)
        for column in (v[1:-1, :-2], v[1:-1, 2:]):
            np.subtract(beyond, column, out=part)
            total += np.maximum(part, 0.0, out=part)
    least = 0.5 * float(np.percentile(variance[::_SAMPLE, ::_SAMPLE], 1.0))
    total *= np.float32(0.25)
    return np.asarray(total > 2.0 * rules.nsigma * least**0.5)


def _pass(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    candidates: npt.NDArray[np.bool_],
    rules: CosmicRayRules,
) -> npt.NDArray[np.bool_]:
    image, noise = _Around(data), _Around(variance)
    y, x = pixels_of(candidates)
    index = image.index(y, x)
    bright = _significance(image, noise, index) > rules.nsigma
    y, x = y[bright], x[bright]
    chosen = np.zeros(data.shape, dtype=np.bool_)
    if y.size == 0:
        return chosen
    chosen[y, x] = True
    significance = _Around(_on_mask(image, noise, grown(chosen, 4)))
    wider = grown(chosen, 2)
    excess = _excess(significance, wider)
    structure = _structure(image, noise, image.index(y, x))
    seeds = np.zeros_like(chosen)
    at = excess[y, x]
    passing = (at > rules.nsigma) & (at > rules.contrast * structure)
    seeds[y[passing], x[passing]] = True
    beside = grown(seeds, 1) & (excess > rules.nsigma)
    return np.asarray(grown(beside, 1) & (excess > rules.neighbour_fraction * rules.nsigma))


def _significance(
    image: _Around, noise: _Around, index: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Return the Laplacian over the noise that the pixel would have without a cosmic ray."""
    sigma = np.sqrt(noise.medians(index, 5))
    return np.asarray(image.laplacian(index) / (2.0 * sigma), dtype=np.float32)


def _on_mask(
    image: _Around, noise: _Around, mask: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    plane = np.zeros(mask.shape, dtype=np.float32)
    y, x = pixels_of(mask)
    plane[y, x] = _significance(image, noise, image.index(y, x))
    return plane


def _excess(significance: _Around, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return the significance above its median of 5 x 5, which removes extended structure."""
    plane = np.zeros(mask.shape, dtype=np.float32)
    y, x = pixels_of(mask)
    index = significance.index(y, x)
    plane[y, x] = significance.flat[index] - significance.medians(index, 5)
    return plane


def _structure(
    image: _Around, noise: _Around, index: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Return the fine structure (what medians of 3 keep and of 7 lose) over the noise."""
    fine = image.medians(index, 3) - image.medians_of_medians(index)
    sigma = np.sqrt(noise.medians(index, 5))
    return np.asarray(np.maximum(fine / sigma, _LEAST_STRUCTURE), dtype=np.float32)


def pixels_of(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return rows and columns of the pixels of a mask, as `numpy.nonzero` does.

    Of masks with few pixels that takes it twenty times as long as to find them in one dimension.
    """
    return np.divmod(np.flatnonzero(mask), mask.shape[1])


def grown(mask: npt.NDArray[np.bool_], steps: int) -> npt.NDArray[np.bool_]:
    """Return a mask widened by squares; for masks with few pixels faster than morphology."""
    ny, nx = mask.shape
    y, x = pixels_of(mask)
    wide = np.zeros((ny + 2 * steps, nx + 2 * steps), dtype=np.bool_)
    for j in range(2 * steps + 1):
        for i in range(2 * steps + 1):
            wide[y + j, x + i] = True
    return np.ascontiguousarray(wide[steps : steps + ny, steps : steps + nx])


def _filled(
    plane: npt.NDArray[np.float32],
    where: npt.NDArray[np.bool_],
    unusable: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    """Return a plane with pixels replaced by the median of the usable ones of 5 x 5 around."""
    y, x = pixels_of(where)
    if y.size == 0:
        return plane
    good = np.where(unusable, np.float32(np.nan), plane)
    boxes = _Around(good)
    around = np.sort(boxes.boxes(boxes.index(y, x), 5), axis=1)  # NaN goes to the end
    count = np.count_nonzero(~np.isnan(around), axis=1)
    rows = np.arange(len(y))
    middle = 0.5 * (around[rows, (count - 1).clip(0) // 2] + around[rows, count // 2])
    typical = np.float32(np.nanmedian(good[::_SAMPLE, ::_SAMPLE]))
    filled = plane.copy()
    filled[y, x] = np.where(count > 0, middle, typical)
    return filled
