"""Primitives that see the neighbours of a pixel in the image, which Ophidia does not have.

Borders: beyond the edge the image is continued as in a mirror (``d c b a | a b c d``), as
`scipy.ndimage` does unless told otherwise. Unusable pixels take no part: medians are those of
the other pixels of a window, means have their weights divided among the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.frames import UNUSABLE, Bit
from polarnight.ophidia.primitives.declaration import array, choice, integer, number, primitive
from polarnight.ophidia.primitives.declaration import text as text_parameter
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.evaluation import numbers_of
from polarnight.ophidia.primitives.mirrored import kernel_variance, separable_variance
from polarnight.ophidia.primitives.statistic import OPERATIONS, sigma_clipped, statistic

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]

__all__ = ["Image"]

_IMAGES: Final = "images"
_TRUNCATE: Final = 4.0
_MOST: Final = 501


@dataclass
class Image:
    """One image of a block, with its halo.

    Attributes
    ----------
    data : ndarray of float, shape (ny, nx)
    bad : ndarray of bool, shape (ny, nx)
        Missing or unusable.
    bits : ndarray of uint16 or None
    variance : ndarray of float or None
    """

    data: Floats
    bad: npt.NDArray[np.bool_]
    bits: npt.NDArray[np.uint16] | None = None
    variance: Floats | None = None

    def made(self, data: npt.NDArray[Any], variance: Floats | None = None) -> Image:
        """Return an image made of neighbours: unusable pixels that got a value say so."""
        dtype = self.data.dtype if data.dtype.kind == "f" else data.dtype
        lost = np.isnan(data) if data.dtype.kind == "f" else np.zeros(data.shape, np.bool_)
        bits = self.bits
        if bits is not None or lost.any():
            before = np.zeros(data.shape, np.uint16) if bits is None else bits
            cleared = before & np.uint16(~UNUSABLE & 0xFFFF)
            bits = np.where(self.bad, cleared | np.uint16(Bit.INTERPOLATED), before)
            bits = np.where(lost, before | np.uint16(Bit.NO_DATA), bits)
        made = None if variance is None else variance.astype(self.data.dtype)
        return Image(data.astype(dtype, copy=False), self.bad, bits, made)


def _odd(size: int) -> int:
    if size % 2 == 0 or not 1 <= size <= _MOST:
        msg = f"the size of a window is odd, from 1 to {_MOST}, not {size}"
        raise QueryError(msg)
    return size // 2


@primitive("median_filter", "Median of the pixels around each.", _IMAGES, array(),
           integer("size", 3), reach="image", typed=False, halo=_odd,
           example="median_filter(measure, 5)")  # fmt: skip
def median_filter(image: Image, size: int) -> Image:
    """Filter with the median of a square window."""
    from scipy import ndimage

    radius = _odd(size)
    filled = np.where(image.bad, image.data.dtype.type(0), image.data)
    data = ndimage.median_filter(filled, size=size, mode="reflect")
    if image.bad.any():
        touched = ndimage.maximum_filter(image.bad, size=size, mode="reflect")
        y, x = np.nonzero(touched)
        padded = np.pad(np.where(image.bad, np.nan, image.data), radius, mode="symmetric")
        steps = np.arange(size)
        for start in range(0, len(y), 65536):
            part = slice(start, start + 65536)
            rows = y[part, None, None] + steps[:, None]
            boxes = padded[rows, x[part, None, None] + steps].reshape(-1, size * size)
            data[y[part], x[part]] = statistic("median", boxes.astype(np.float64))
    return image.made(data)


def _weighted(image: Image, smooth: Any, smooth_squared: Any) -> Image:
    """Smooth with weights that unusable pixels do not have."""
    good = ~image.bad
    data = smooth(np.where(good, image.data, 0).astype(np.float64))
    weight: Any = 1.0
    if image.bad.any():
        weight = smooth(good.astype(np.float64))
        weight = np.where(weight > 1e-12, weight, np.nan)
    variance = None
    if image.variance is not None:
        own = np.where(good, image.variance, 0).astype(np.float64)
        variance = smooth_squared(own) / weight**2
    return image.made(data / weight, variance)


def _separable(kernel: npt.NDArray[np.float64]) -> Any:
    from scipy import ndimage

    def smooth(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        along = ndimage.correlate1d(plane, kernel, axis=0, mode="reflect")
        return np.asarray(ndimage.correlate1d(along, kernel, axis=1, mode="reflect"))

    return smooth


@primitive("box_mean", "Mean of the pixels around each.", _IMAGES, array(), integer("size", 3),
           reach="image", typed=False, halo=_odd, example="box_mean(measure, 5)")  # fmt: skip
def box_mean(image: Image, size: int) -> Image:
    """Filter with the mean of a square window."""
    _odd(size)
    kernel = np.full(size, 1.0 / size)
    return _weighted(image, _separable(kernel), partial(separable_variance, kernel=kernel))


def _gaussian_radius(sigma: float) -> int:
    radius = int(_TRUNCATE * sigma + 0.5)
    if not sigma > 0 or radius > _MOST // 2:
        msg = f"sigma is above 0 and at most {_MOST / 2 / _TRUNCATE:.0f} pixels, not {sigma:g}"
        raise QueryError(msg)
    return radius


@primitive("gaussian_filter", "Smoothed with a Gaussian of sigma pixels.", _IMAGES, array(),
           number("sigma", 1.0), reach="image", typed=False, halo=_gaussian_radius,
           example="gaussian_filter(measure, 1.5)")  # fmt: skip
def gaussian_filter(image: Image, sigma: float) -> Image:
    """Smooth; the Gaussian ends at four sigmas."""
    radius = _gaussian_radius(sigma)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    return _weighted(image, _separable(kernel), partial(separable_variance, kernel=kernel))


def _kernel(text: str) -> npt.NDArray[np.float64]:
    rows = [numbers_of(row) for row in text.split("|")]
    if len({len(row) for row in rows}) != 1 or len(rows) % 2 == 0 or len(rows[0]) % 2 == 0:
        msg = f"{text[:60]!r} is no kernel: rows between |, equally long, both numbers odd"
        raise QueryError(msg)
    kernel = np.array(rows)
    if not np.isfinite(kernel).all() or max(kernel.shape) > _MOST:
        msg = f"a kernel is made of at most {_MOST} x {_MOST} finite numbers"
        raise QueryError(msg)
    return kernel


def _kernel_reach(kernel: str, mode: str = "sum") -> int:
    return int(max(_kernel(kernel).shape)) // 2


@primitive("convolve", "Convolved with a kernel such as '0,1,0|1,-4,1|0,1,0'.", _IMAGES, array(),
           text_parameter("kernel"), choice("mode", ("sum", "mean"), "sum",
           help="mean: weights divided by their sum, of usable pixels only."),
           reach="image", typed=False, halo=_kernel_reach,
           example="convolve(measure, '1,2,1|2,4,2|1,2,1', 'mean')")  # fmt: skip
def convolve(image: Image, kernel: str, mode: str) -> Image:
    """Convolve; in mode sum, a missing neighbour makes the result missing."""
    from scipy import ndimage

    weights = _kernel(kernel)
    if mode == "mean":
        total = weights.sum()
        if not total > 0:
            msg = "the weights of a mean must have a sum above zero"
            raise QueryError(msg)
        weights = weights / total

    def smooth(plane: Any) -> Any:
        return ndimage.convolve(plane, weights, mode="reflect")

    # Convolution turns the kernel around.
    squared = partial(kernel_variance, kernel=weights[::-1, ::-1])
    if mode == "mean":
        return _weighted(image, smooth, squared)
    data = smooth(np.where(image.bad, 0, image.data).astype(np.float64))
    # The mask travels as the data do: convolution turns the kernel around.
    reach = (weights[::-1, ::-1] != 0).astype(np.uint8)
    spoiled = ndimage.maximum_filter(image.bad, footprint=reach, mode="reflect")
    variance = None
    if image.variance is not None:
        variance = squared(np.where(image.bad, 0, image.variance).astype(np.float64))
    return image.made(np.where(spoiled, np.nan, data), variance)


@primitive("laplacian", "Sum of the four neighbours less four times the pixel.", _IMAGES, array(),
           reach="image", typed=False, halo=lambda: 1, example="laplacian(measure)")  # fmt: skip
def laplacian(image: Image) -> Image:
    """Return the discrete Laplacian."""
    return convolve(image, "0,1,0|1,-4,1|0,1,0", "sum")


@primitive("cosmic_rays", "1 at pixels of cosmic rays (van Dokkum 2001), 0 elsewhere.", _IMAGES,
           array(), number("gain", 1.0, minimum=0, help="Electrons per count, without variance."),
           number("read noise", 5.0, minimum=0, help="Electrons, without variance."),
           number("nsigma", 5.0, minimum=1), number("contrast", 5.0, minimum=1),
           integer("iterations", 4, minimum=1), reach="image", typed=False,
           halo=lambda *_: None, exact=True,
           example="where(cosmic_rays(measure, 0.97, 9), nan, measure)")  # fmt: skip
def cosmic_rays(
    image: Image, gain: float, read_noise: float, nsigma: float, contrast: float, turns: int
) -> Image:
    """Find edges sharper than an image can have; the noise is that of the cube, if it has one."""
    from polarnight.calibration.laplacian import sharp_edges
    from polarnight.calibration.rules import CosmicRayRules

    good = ~image.bad
    if not good.any() or not gain > 0:
        if gain > 0:
            return image.made(np.zeros(image.data.shape, np.uint8))
        msg = "the gain must be above zero"
        raise QueryError(msg)
    data = np.where(good, image.data, np.median(image.data[good])).astype(np.float32)
    noise = image.variance
    if noise is None:
        noise = np.maximum(data, 0) / gain + (read_noise / gain) ** 2
    there = good & (noise > 0)
    if not there.any():
        msg = "the noise is zero everywhere; give a gain and a read noise"
        raise QueryError(msg)
    noise = np.where(there, noise, np.median(noise[there])).astype(np.float32)
    rules = CosmicRayRules(nsigma=nsigma, contrast=contrast, max_iterations=turns)
    return image.made(sharp_edges(data, noise, image.bad, rules).astype(np.uint8))


@primitive("background", "The sky: clipped medians of a mesh, smoothed and interpolated.", _IMAGES,
           array(), integer("size", 64, minimum=4, help="Pixels of a cell."),
           integer("filter", 3, minimum=1, help="Cells of the median that smooths the mesh."),
           number("nsigma", 3.0, minimum=1), reach="image", typed=False, halo=lambda *_: None,
           exact=True, example="measure - background(measure, 64)")  # fmt: skip
def background(image: Image, size: int, smoothing: int, nsigma: float) -> Image:
    """Model what varies slowly: cells, clipped at `nsigma`, and a spline through them."""
    from scipy import ndimage
    from scipy.interpolate import RectBivariateSpline

    _odd(smoothing)
    ny, nx = image.data.shape
    ys, xs = _cells(ny, size), _cells(nx, size)
    data = np.where(image.bad, np.nan, image.data.astype(np.float64))
    mesh = np.array([
        [statistic("median", sigma_clipped(data[y, x].reshape(1, -1), nsigma))[0] for x in xs]
        for y in ys
    ])  # fmt: skip
    if np.isnan(mesh).all():
        return image.made(np.full(image.data.shape, np.nan))
    mesh = np.where(np.isnan(mesh), np.nanmedian(mesh), mesh)
    mesh = ndimage.median_filter(mesh, size=smoothing, mode="nearest")
    centres = [[(one.start + one.stop - 1) / 2 for one in cells] for cells in (ys, xs)]
    if 1 in mesh.shape:
        repeat = [2 if n == 1 else 1 for n in mesh.shape]
        mesh = np.tile(mesh, repeat)
        centres = [c if len(c) > 1 else [c[0], c[0] + 1] for c in centres]
    ky, kx = (min(3, n - 1) for n in mesh.shape)
    spline = RectBivariateSpline(*centres, mesh, kx=ky, ky=kx)
    inside = [np.clip(np.arange(n), c[0], c[-1]) for n, c in zip((ny, nx), centres, strict=True)]
    return image.made(spline(*inside))


def _cells(n: int, size: int) -> list[slice]:
    """Return slices of equal cells, of about `size`."""
    number_of_cells = max(1, round(n / size))
    edges = np.linspace(0, n, number_of_cells + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


@primitive("image_statistic", "A statistic of all usable pixels of the image, at every pixel.",
           _IMAGES, array(), choice("operation", OPERATIONS, "median"), number("order", None),
           reach="image", typed=False, halo=lambda *_: None, exact=True,
           example="measure / image_statistic(measure, 'median')")  # fmt: skip
def image_statistic(image: Image, operation: str, order: float | None) -> Image:
    """Return one number, everywhere."""
    values = np.where(image.bad, np.nan, image.data.astype(np.float64)).reshape(1, -1)
    if order is None:
        order = {"quantile": 0.5, "clipped_mean": 3.0, "clipped_median": 3.0}.get(operation, 2.0)
    found = statistic(operation, values, order)[0]
    # The number is that of the image, whatever is wrong with a pixel.
    return Image(np.full(image.data.shape, found, image.data.dtype), image.bad)


for _name, _operation in (("image_median", "median"), ("image_mean", "avg"),
                          ("image_std", "std"), ("image_mad", "mad")):  # fmt: skip

    def _fixed(image: Image, _operation: str = _operation) -> Image:
        return image_statistic(image, _operation, None)

    primitive(_name, f"image_statistic(measure, '{_operation}')", _IMAGES, array(), reach="image",
              typed=False, halo=lambda *_: None, exact=True,
              example=f"{_name}(measure)")(_fixed)  # fmt: skip
