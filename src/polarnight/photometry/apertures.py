"""Aperture photometry with exact circles and clipped skies."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import special

from polarnight.frames import UNUSABLE
from polarnight.photometry._kernel import native_sums
from polarnight.photometry._reference import MAD_TO_SIGMA, SkyClipping, reference_sums

__all__ = ["Apertures", "aperture_photometry", "sky_variance_factor"]

FloatArray = npt.NDArray[np.float64]
_LEAST_CLIP = 2.5  # below, repeated clipping of normal noise hardly settles
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Apertures:
    """Fluxes of n sources in r circles each.

    Attributes
    ----------
    xy : ndarray, shape (n, 2)
    radii : ndarray, shape (r,)
        Pixels.
    flux, flux_err : ndarray, shape (n, r)
        Sky taken away; in the unit of the data. NaN where there was no sky to take.
    area : ndarray, shape (n, r)
        Pixels measured; less than the circle where pixels are missing.
    sky, sky_err : ndarray, shape (n,)
        Per pixel; zero where no annulus was asked for.
    sky_rms : ndarray, shape (n,)
        Scatter of the sky pixels.
    n_sky : ndarray of int, shape (n,)
        Sky pixels kept.
    bits : ndarray of uint16, shape (n, r)
        OR of the bits of all pixels the circle touches; NO_DATA also where the circle
        leaves the image or holds a value that is not finite.
    """

    xy: FloatArray
    radii: FloatArray
    flux: FloatArray
    flux_err: FloatArray
    area: FloatArray
    sky: FloatArray
    sky_err: FloatArray
    sky_rms: FloatArray
    n_sky: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.xy)


def _effective_clip(clip: float) -> float:
    """Where repeated clipping of a normal distribution settles, in sigma.

    What is kept has a smaller MAD than the whole, so that the next round cuts further in:
    the fixed point of ``c = clip * 1.4826 * MAD(kept within +-c)``; 2.98 for 3 sigma.
    """
    cut = clip
    for _ in range(100):
        kept = math.erf(cut / math.sqrt(2.0))
        cut = clip * MAD_TO_SIGMA * float(special.ndtri(0.5 + kept / 4.0))
    return cut


@functools.cache
def _clipped_normal(clip: float) -> tuple[float, float]:
    """What clipping at +-clip sigma does to a normal distribution.

    Returns the variance of what is kept, in units of the parent's, and the variance of the
    mean of what is kept times the number kept, in the same unit.

    The cuts are centred on the median, so the mean moves with it: per unit shift of the
    median by ``s = 2 c phi(c)/P``, P the fraction kept; and the median of what is kept moves
    with the cuts in turn. With E2 the second moment within the cuts, the large-sample
    variance of the mean times the number before clipping is
    ``E2/P^2 + 2 s cov/P + s^2 pi/2``, cov the covariance of the clipped sum with the median.
    """
    cut = _effective_clip(clip)
    density = math.exp(-0.5 * cut * cut) / math.sqrt(2.0 * math.pi)
    kept = math.erf(cut / math.sqrt(2.0))
    second = kept - 2.0 * cut * density
    follow = 2.0 * cut * density / kept
    cov = 2.0 * (1.0 / math.sqrt(2.0 * math.pi) - density) * math.sqrt(math.pi / 2.0)
    mean_variance = second / kept**2 + 2.0 * follow * cov / kept + follow**2 * math.pi / 2.0
    return second / kept, mean_variance * kept


def sky_variance_factor(clip: float) -> float:
    """Ratio by which ``kept variance / kept number`` underestimates the variance of the sky.

    Clipping cuts the tails off the scatter, and the clipped mean is a little less efficient
    than the mean. For 3 sigma the factor is 1.057.
    """
    scatter, mean_variance = _clipped_normal(clip)
    return mean_variance / scatter


def _plane(
    array: npt.ArrayLike | None, dtype: type[Scalar], shape: tuple[int, ...], name: str
) -> npt.NDArray[Scalar] | None:
    if array is None:
        return None
    plane = np.ascontiguousarray(array, dtype=dtype)
    if plane.shape != shape:
        msg = f"{name} has shape {plane.shape}, data has {shape}"
        raise ValueError(msg)
    return plane


def aperture_photometry(
    data: npt.ArrayLike,
    variance: npt.ArrayLike | None,
    bits: npt.ArrayLike | None,
    xy: npt.ArrayLike,
    radii: npt.ArrayLike,
    annulus: tuple[float, float] | None,
    *,
    exclude: npt.ArrayLike | None = None,
    clip: float = 3.0,
    iterations: int = 10,
    threads: int | None = None,
) -> Apertures:
    """Measure sources in circular apertures.

    A pixel counts with the exact area of it inside the circle, w; ``flux = sum(w d) -
    A sky`` with ``A = sum(w)``, and ``flux_err^2 = sum(w^2 var) + A^2 sky_err^2``. The sky
    is the mean of the annulus pixels (centres at ``r_in <= r < r_out``) that clipping
    about the median by MAD keeps; its error follows from their scatter, corrected for what
    clipping does (`sky_variance_factor`).

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        Used as float32. Values that are not finite are left out of flux and area.
    variance : array_like, shape (ny, nx), optional
        Without it the scatter of the sky stands for the noise of every pixel, which lacks
        the photons of the source.
    bits : array_like of uint16, shape (ny, nx), optional
        Pixels with unusable bits (`polarnight.frames.UNUSABLE`) are kept out of the sky;
        in the aperture they are measured and reported.
    xy : array_like, shape (n, 2)
        Positions, zero-based pixel centres.
    radii : array_like, shape (r,)
        Pixels.
    annulus : (float, float) or None
        Inner and outer radius of the sky, pixels; None: the data have no sky.
    exclude : array_like of bool, shape (ny, nx), optional
        Pixels kept out of the sky: other sources, the other beam.
    clip : float
        Sigma, at least 2.5.
    iterations : int
        At most so many rounds of clipping.
    threads : int, optional

    Returns
    -------
    Apertures

    Raises
    ------
    ValueError
        Shapes that do not match, radii that are not positive, an annulus that is none,
        clipping too deep.
    """
    image = np.ascontiguousarray(data, dtype=np.float32)
    if image.ndim != 2:
        msg = f"data must be an image, not of shape {image.shape}"
        raise ValueError(msg)
    var = _plane(variance, np.float32, image.shape, "variance")
    flags = _plane(bits, np.uint16, image.shape, "bits")
    mask = _plane(exclude, np.bool_, image.shape, "exclude")
    at = np.ascontiguousarray(np.asarray(xy, dtype=np.float64).reshape(-1, 2))
    circles = np.ascontiguousarray(np.atleast_1d(np.asarray(radii, dtype=np.float64)))
    if circles.ndim != 1 or not np.all((circles > 0) & np.isfinite(circles)):
        msg = f"radii must be positive numbers, not {radii!r}"
        raise ValueError(msg)
    if annulus is not None and not 0 <= annulus[0] < annulus[1] < math.inf:
        msg = f"annulus {annulus!r} is not an inner and a larger outer radius"
        raise ValueError(msg)
    noise = var
    if noise is None and annulus is not None:
        noise = np.ones_like(image)  # becomes the sum of the squared weights
    arguments = (image, noise, flags, mask, at, circles, annulus)
    if not clip >= _LEAST_CLIP:
        msg = f"a sky clipped at {clip} sigma has no known error; clip at {_LEAST_CLIP} or more"
        raise ValueError(msg)
    clipping = SkyClipping(UNUSABLE, clip, iterations)
    sums = native_sums(*arguments, clipping, threads)
    if sums is None:
        sums = reference_sums(*arguments, clipping)
    n = len(at)
    if annulus is None:
        sky = sky_err = np.zeros(n)
        rms = np.full(n, np.nan)
    else:
        sky = sums.level
        spread, _ = _clipped_normal(clip)
        rms = np.sqrt(sums.scatter / spread)
        factor = sky_variance_factor(clip)
        sky_err = np.sqrt(factor * sums.scatter / np.maximum(sums.n_sky, 1))
    pixel_noise = sums.variance if var is not None else sums.variance * (rms**2)[:, None]
    return Apertures(
        xy=at,
        radii=circles,
        flux=sums.flux - sums.area * sky[:, None],
        flux_err=np.sqrt(pixel_noise + (sums.area * sky_err[:, None]) ** 2),
        area=sums.area,
        sky=sky,
        sky_err=sky_err,
        sky_rms=rms,
        n_sky=sums.n_sky,
        bits=sums.bits,
    )
