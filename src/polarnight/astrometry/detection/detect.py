"""Detection of sources: background mesh, matched filter, deblending, windowed centroids.

The heavy parts are those of `sep` (Barbary 2016, JOSS 1, 58), the library form of
SExtractor (Bertin and Arnouts 1996, A&AS 117, 393).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.detections import DetectionFlag, Detections
from polarnight.astrometry.detection.widths import BRIGHT, usual_elongation, widths
from polarnight.errors import AlgorithmFailed
from polarnight.frames import Bit

__all__ = ["detect"]

Floats = npt.NDArray[np.float64]

# Saturated pixels stay in: without them a bright star would be found as a broken ring.
_HIDDEN = int(Bit.TRAIL | Bit.COSMIC_RAY | Bit.BAD_PIXEL | Bit.NO_DATA)
_NARROWEST = 0.4  # of the expected seeing
_KERNELS = (1.5, 5.0)  # FWHM of the filter, pixels, bounded for speed
_BROADEST = 15.0  # where images are out of focus
_BLURRED = 2.5  # of the expected seeing, above which sources are no stars in focus
_FINE = 5.0  # of the expected seeing, mesh where there is light between the stars
_MORE = 1.25
_FEW_STARS = 8
_FEWEST = 5
_ALIKE = 0.7
_ROUNDER = 1.5  # of the usual elongation, where all stars are trailed
_LONG = 2.0  # ratio of the axes of what is no star
_SIGMA = 2.3548200450309493
# Sizes of sep's pixel buffer: the small one is faster, the large one is for crowded fields.
_PIXEL_STACKS = (300_000, 3_000_000)


def detect(
    data: npt.NDArray[Any],
    variance: npt.NDArray[Any] | None = None,
    bits: npt.NDArray[np.uint16] | None = None,
    *,
    pixel_scale: float,
    threshold: float = 1.5,
    min_area: int = 5,
    box: int = 64,
    seeing: float = 1.8,
    border: int = 2,
) -> Detections:
    """Detect the sources of a frame.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        Calibrated pixels; not altered. NaN counts as masked.
    variance : ndarray, shape (ny, nx), optional
        For the errors of the fluxes; without it the noise of the sky alone is used.
    bits : ndarray of uint16, shape (ny, nx), optional
        Flags of `polarnight.frames.Bit`. Bad, blank and cosmic-ray pixels are left out;
        saturated ones are kept and flagged.
    pixel_scale : float
        Arcsec per pixel.
    threshold : float
        In units of the local noise of the sky, for the filtered image.
    min_area : int
        Pixels above the threshold.
    box : int
        Size of the background mesh, pixels; smaller on small frames.
    seeing : float
        Expected FWHM, arcsec, which gives the width of the matched filter.
    border : int
        Sources closer than this to the border are flagged, pixels.

    Returns
    -------
    Detections
        In order of decreasing flux; may be empty.

    Raises
    ------
    AlgorithmFailed
        Where there is no usable pixel, or more sources than can be told apart (an
        uncalibrated frame).
    """
    image = np.array(data, dtype=np.float32, order="C")
    mask = ~np.isfinite(image)
    if bits is not None:
        mask |= (bits & np.uint16(_HIDDEN)) != 0
    n_good = int(mask.size - np.count_nonzero(mask))
    if n_good < 256:
        msg = "nothing can be detected: hardly any usable pixel"
        raise AlgorithmFailed(msg, usable=n_good, pixels=int(mask.size))
    image[mask] = 0.0
    side = max(8, min(box, min(image.shape) // 4))
    expected = seeing / pixel_scale

    sharpest = max(expected, _KERNELS[0])

    def attempt(
        mesh: int, width: float, widest: float = np.inf, significance: float = threshold
    ) -> Detections:
        limits = (_NARROWEST * expected, widest)
        return _attempt(
            image, variance, bits, mask, mesh, width, significance, min_area, border, limits
        )

    kernel = float(np.clip(expected, *_KERNELS))
    first = attempt(side, kernel)
    broad = _usual(first.fwhm)
    if not broad > _BLURRED * sharpest:
        return first
    # Light between the stars (a nebula) asks for a finer mesh, images out of focus or trailed
    # for a broader filter: the one shows more stars in focus, the other little but images
    # that are alike.
    widest = _BLURRED * sharpest
    fine = attempt(max(8, min(side, round(_FINE * sharpest))), kernel, widest)
    n_fine = np.count_nonzero(fine.clean)
    more = n_fine > max(_MORE * np.count_nonzero(first.clean), _FEW_STARS)
    if more and fine.fwhm_median <= widest:
        return fine
    # A broader filter leaves less of the noise: the threshold stays as significant as it was.
    wide = min(broad, _BROADEST)
    blurred = attempt(side, wide, significance=threshold * _noise_left(wide) / _noise_left(kernel))
    alike = _purity(blurred)
    return blurred if alike >= _ALIKE and alike > _purity(first) else first


def _purity(found: Detections) -> float:
    """Return the fraction of the sources that look like stars; 0 where there are hardly any."""
    return float(found.clean.mean()) if len(found) >= _FEWEST else 0.0


def _usual(fwhm: Floats) -> float:
    """Return the median width of the brightest sources, 0 where there are none."""
    some = fwhm[:BRIGHT]
    some = some[np.isfinite(some)]
    return float(np.median(some)) if len(some) else 0.0


def _attempt(
    image: npt.NDArray[np.float32],
    variance: npt.NDArray[Any] | None,
    bits: npt.NDArray[np.uint16] | None,
    mask: npt.NDArray[np.bool_],
    mesh: int,
    width: float,
    threshold: float,
    min_area: int,
    border: int,
    limits: tuple[float, float],
) -> Detections:
    """Detect with one mesh and one width of the filter (FWHM, pixels)."""
    import sep

    background = sep.Background(image, mask=mask, bw=mesh, bh=mesh, fw=3, fh=3)
    flat = image - background.back(dtype=np.float32)
    flat[mask] = 0.0
    rms = background.rms(dtype=np.float32)
    if not background.globalrms > 0:
        return _empty(background.globalback, 0.0)
    found = _extract(flat, rms, mask, threshold, min_area, width)
    if len(found) == 0:
        return _empty(background.globalback, background.globalrms)
    return _measure(flat, rms, variance, bits, mask, found, background, border, limits)


def _extract(
    image: npt.NDArray[np.float32],
    rms: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    threshold: float,
    min_area: int,
    width: float,
) -> Any:
    import sep

    for size in _PIXEL_STACKS:
        sep.set_extract_pixstack(size)
        try:
            return sep.extract(
                image,
                threshold,
                err=rms,
                mask=mask,
                minarea=min_area,
                filter_kernel=_gaussian_kernel(width),
                filter_type="conv",
                deblend_nthresh=32,
                deblend_cont=0.005,
            )
        except Exception as error:  # sep raises bare Exception for overfull buffers
            if size == _PIXEL_STACKS[-1]:
                msg = "detection gave up: too many pixels above the threshold"
                raise AlgorithmFailed(msg, reason=str(error), threshold=threshold) from error
    raise AssertionError


def _measure(
    image: npt.NDArray[np.float32],
    rms: npt.NDArray[np.float32],
    variance: npt.NDArray[Any] | None,
    bits: npt.NDArray[np.uint16] | None,
    mask: npt.NDArray[np.bool_],
    found: npt.NDArray[Any],
    background: Any,
    border: int,
    limits: tuple[float, float],
) -> Detections:
    import sep

    x, y = found["x"], found["y"]
    width, fwhm = widths(image, mask, found, limits)
    sigma = np.full(len(x), width / _SIGMA)
    xw, yw, bad = sep.winpos(image, x, y, sigma, mask=mask, subpix=5)
    # A windowed centroid that wanders off belongs to a brighter neighbour.
    lost = ((bad & ~sep.APER_HASMASKED) != 0) | ~(np.hypot(xw - x, yw - y) < max(1.0, width / 2))
    x, y = np.where(lost, x, xw), np.where(lost, y, yw)

    noise = rms**2 if variance is None else np.ascontiguousarray(variance, dtype=np.float32)
    noise = np.where(np.isfinite(noise) & ~mask, noise, np.float32(0.0))
    flux, flux_err, _ = sep.sum_circle(image, x, y, 1.5 * width, var=noise, mask=mask)

    a, b = found["a"], np.maximum(found["b"], 1e-3)
    flags = _flags(found, x, y, width, image.shape, bits, mask, border)
    flags[lost] |= np.uint16(DetectionFlag.UNCENTRED)
    longest = max(_LONG, _ROUNDER * usual_elongation(found))
    odd = (fwhm < 0.6 * width) | (fwhm > 1.8 * width) | (a / b > longest)
    flags[odd] |= np.uint16(DetectionFlag.NOT_STELLAR)

    # Order by flux, then by place, so that the same frame always gives the same list.
    order = np.lexsort((x, y, -flux))
    order = order[flux[order] > 0]
    clean = flags[order] == 0
    return Detections(
        x=x[order],
        y=y[order],
        flux=flux[order],
        flux_err=flux_err[order],
        peak=found["peak"][order].astype(np.float64),
        fwhm=fwhm[order],
        elongation=(a / b)[order],
        theta=np.degrees(found["theta"])[order],
        npix=found["npix"][order].astype(np.int64),
        flags=flags[order],
        background_level=float(background.globalback),
        background_rms=float(background.globalrms),
        fwhm_median=float(np.median(fwhm[order][clean])) if clean.any() else float("nan"),
    )


def _noise_left(fwhm: float) -> float:
    """Return the noise of filtered pixels, of that of unfiltered ones."""
    return float(np.sqrt(np.sum(_gaussian_kernel(fwhm).astype(np.float64) ** 2)))


def _gaussian_kernel(fwhm: float) -> npt.NDArray[np.float32]:
    """Return a Gaussian of odd size with unit sum; `fwhm` in pixels."""
    sigma = fwhm / _SIGMA
    half = max(1, round(1.5 * sigma))
    grid = np.arange(-half, half + 1)
    profile = np.exp(-0.5 * (grid / sigma) ** 2)
    kernel = np.outer(profile, profile)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def _flags(
    found: npt.NDArray[Any],
    x: Floats,
    y: Floats,
    width: float,
    shape: tuple[int, ...],
    bits: npt.NDArray[np.uint16] | None,
    mask: npt.NDArray[np.bool_],
    border: int,
) -> npt.NDArray[np.uint16]:
    import sep

    ny, nx = shape
    flags = np.zeros(len(x), dtype=np.uint16)
    flags[(found["flag"] & sep.OBJ_MERGED) != 0] |= np.uint16(DetectionFlag.BLENDED)
    edge = (found["flag"] & sep.OBJ_TRUNC) != 0
    edge |= (found["xmin"] < border) | (found["ymin"] < border)
    edge |= (found["xmax"] >= nx - border) | (found["ymax"] >= ny - border)

    # The core of every source: a disc of one FWHM.
    r = max(1, round(width))
    dy, dx = np.mgrid[-r : r + 1, -r : r + 1]
    disc = np.hypot(dx, dy) <= r
    cols = np.clip(np.rint(x).astype(int)[:, None] + dx[disc], 0, nx - 1)
    rows = np.clip(np.rint(y).astype(int)[:, None] + dy[disc], 0, ny - 1)
    flags[mask[rows, cols].any(axis=1)] |= np.uint16(DetectionFlag.MASKED)
    if bits is not None:
        core = np.bitwise_or.reduce(bits[rows, cols], axis=1)
        flags[(core & np.uint16(Bit.SATURATED)) != 0] |= np.uint16(DetectionFlag.SATURATED)
        edge |= (core & np.uint16(Bit.NEAR_EDGE | Bit.NO_DATA)) != 0
    flags[edge] |= np.uint16(DetectionFlag.NEAR_EDGE)
    return flags


def _empty(level: float, rms: float) -> Detections:
    nothing = Detections.from_positions([], [], [])
    return Detections(
        **{
            **{name: getattr(nothing, name) for name in nothing.__dataclass_fields__},
            "background_level": float(level),
            "background_rms": float(rms),
        }
    )
