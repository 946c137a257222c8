"""From a proposed transform to a fitted plate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.detections import Detections
from polarnight.astrometry.geometry import gnomonic
from polarnight.astrometry.plates.evidence import match_nearest, tail_log10
from polarnight.astrometry.plates.plate import PARAMETERS, Plate, fit_plate, select_order
from polarnight.astrometry.plates.triangles import Proposal
from polarnight.astrometry.stars.catalogue import Stars

__all__ = ["Refined", "plate_of_proposal", "refine", "stars_on_frame"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FIRST_RADIUS = 8.0
_LEAST_RADIUS = 1.0
_STEPS = 12
_RAYLEIGH = 1.1774100225154747  # median of the length of a vector with unit scatter
_HOPELESS = -2.0
_MIN_MATCHES = 5
_HEAD = 40
_FEW = 20


@dataclass(frozen=True, eq=False)
class Refined:
    """A fitted plate with its matches.

    Attributes
    ----------
    plate : Plate
    i_detection, i_star : ndarray of int
        Detections (brightest first) and stars of the fit; indices into what `refine` was given.
    radius : float
        Radius of the matches, pixels.
    rms : float
        Root mean square length of the residuals, pixels.
    """

    plate: Plate
    i_detection: Ints
    i_star: Ints
    radius: float
    rms: float


def plate_of_proposal(
    proposal: Proposal, centre: tuple[float, float], shape: tuple[int, int], pixel_scale: float
) -> Plate:
    """Express a proposed similarity transform (pixels to pixels) as a plate."""
    ny, nx = shape
    unit = max(nx, ny) / 2.0
    degrees = pixel_scale / 3600.0
    a, b = proposal.turn.real * unit * degrees, proposal.turn.imag * unit * degrees
    c, d = proposal.shift.real * degrees, proposal.shift.imag * degrees
    xi = np.array([c, a, b if proposal.mirrored else -b])
    eta = np.array([d, b, -a if proposal.mirrored else a])
    return Plate(*centre, (nx - 1) / 2.0, (ny - 1) / 2.0, unit, 0, xi, eta)


def stars_on_frame(
    plate: Plate, stars: Stars, shape: tuple[int, int], margin: float = 0.0
) -> tuple[Ints, Floats]:
    """Return which stars fall on the frame, and where (pixels, shape (m, 2))."""
    ny, nx = shape
    xi, eta = gnomonic(stars.ra, stars.dec, plate.ra0, plate.dec0)
    # A polynomial says nothing of stars far off the frame: look near it only.
    reach = plate.scale * np.hypot(nx, ny) / 3600.0
    near = np.flatnonzero((np.abs(xi) < reach) & (np.abs(eta) < reach))
    x, y = plate.from_plane(xi[near], eta[near])
    inside = (x > -0.5 - margin) & (x < nx - 0.5 + margin)
    inside &= (y > -0.5 - margin) & (y < ny - 0.5 + margin)
    return near[inside], np.column_stack([x[inside], y[inside]])


def refine(
    detections: Detections, stars: Stars, start: Plate, shape: tuple[int, int], *, depth: int = 40
) -> Refined | None:
    """Draw a plate together, from a rough start to all stars of the frame.

    Parameters
    ----------
    detections : Detections
        Brightest first.
    stars : Stars
        Brightest first; wider than the frame.
    start : Plate
        Right within some 8 pixels over most of the frame.
    shape : tuple of int
        (ny, nx).
    depth : int
        Detections to begin with; then twice as many, and so on.

    Returns
    -------
    Refined or None
        None where the start leads nowhere.
    """
    xy, plate = detections.xy, start
    area = float(shape[0] * shape[1])
    radius = max(_FIRST_RADIUS, 0.006 * float(np.hypot(*shape)))
    for step in range(_STEPS):
        some = xy[:depth]
        # The stars reach beyond the frame: its brightest are among the head of the list.
        head = stars.select(np.arange(min(len(stars), _HEAD * depth)))
        inside, places = stars_on_frame(plate, head, shape, radius)
        inside, places = inside[: 2 * depth], places[: 2 * depth]
        i, j = match_nearest(some, places, radius)
        if len(i) < _MIN_MATCHES:
            return None
        # The proposal brought three stars with it, which prove nothing.
        p = 1.0 - np.exp(-len(places) * np.pi * radius**2 / area)
        if tail_log10(len(i) - 3, len(some) - 3, p) > _HOPELESS:
            return None
        order = 0 if len(i) < 8 else 1 if len(i) < 40 or step < 4 else 2
        plate, residual = _fit(plate, xy[i], stars.select(inside[j]), shape, order, None)
        sigma = _scatter(residual, order)
        finished = depth >= len(xy) and radius <= max(4.2 * sigma, _LEAST_RADIUS)
        radius = max(_LEAST_RADIUS, min(radius, max(4.0 * sigma, 0.5 * radius)))
        depth = min(len(xy), 2 * depth)
        if finished:
            break
    return _finish(detections, stars, plate, shape, radius)


def _finish(
    detections: Detections, stars: Stars, plate: Plate, shape: tuple[int, int], radius: float
) -> Refined | None:
    """Fit all matched stars with the order that they justify, clipped at 3 sigma."""
    xy = detections.xy
    for final in (False, True):
        inside, places = stars_on_frame(plate, stars, shape, radius)
        i, j = match_nearest(xy, places, radius)
        if len(i) < _MIN_MATCHES:
            return None
        j = inside[j]
        weights = _weights(detections, i)
        keep = np.ones(len(i), dtype=bool)
        for _ in range(5):
            fits = {}
            for order in (0, 1, 2, 3):
                if order == 0 or keep.sum() >= 5 + 8 * order:
                    fits[order] = _fit(
                        plate, xy[i[keep]], stars.select(j[keep]), shape, order, weights[keep]
                    )
            w = weights[keep] / _RAYLEIGH
            scores = {o: np.repeat(r * w, 2) / np.sqrt(2.0) for o, (_, r) in fits.items()}
            order = select_order(xy[i[keep], 0], xy[i[keep], 1], scores, shape)
            plate = fits[order][0]
            residual = _residual(plate, xy[i], stars.select(j))
            sigma = _scatter(residual[keep], order)
            # Where stars are few, none is lost that is off by what its noise explains.
            noise = 3.0 / weights if len(i) < _FEW else 0.0
            fresh = residual <= np.maximum(max(3.5 * sigma, 0.3), noise)
            if fresh.sum() < _MIN_MATCHES or np.array_equal(fresh, keep):
                break
            keep = fresh
        radius = float(np.clip(4.0 * sigma, _LEAST_RADIUS, radius))
        if final:
            break
    rms = float(np.sqrt(np.mean(residual[keep] ** 2)))
    return Refined(plate, i[keep], j[keep], radius, rms)


def _scatter(residual: Floats, order: int) -> float:
    """Return the scatter of a fit per axis, pixels; few stars are fitted closer than they are."""
    n = len(residual)
    free = max(2 * n - PARAMETERS[order], 1)
    return float(np.median(residual)) / _RAYLEIGH * float(np.sqrt(2 * n / free))


def _weights(detections: Detections, i: Ints) -> Floats:
    """Inverse errors of centroids, pixels: a floor, and 0.6 FWHM over the signal to noise."""
    fwhm = detections.fwhm_median
    snr = np.nan_to_num(detections.snr[i])
    if not np.isfinite(fwhm) or not np.any(snr > 0):
        return np.full(len(i), 5.0)
    return np.asarray(1.0 / np.sqrt(0.1**2 + (0.6 * fwhm / np.maximum(snr, 1.0)) ** 2))


def _fit(
    plate: Plate,
    xy: Floats,
    stars: Stars,
    shape: tuple[int, int],
    order: int,
    weights: Floats | None,
) -> tuple[Plate, Floats]:
    fitted = fit_plate(
        xy[:, 0],
        xy[:, 1],
        stars.ra,
        stars.dec,
        start=(plate.ra0, plate.dec0),
        shape=shape,
        order=order,
        weights=weights,
        mirrored=plate.mirrored,
    )
    return fitted, _residual(fitted, xy, stars)


def _residual(plate: Plate, xy: Floats, stars: Stars) -> Floats:
    """Return the distances of detections from their stars on the plane, pixels."""
    xi, eta = gnomonic(stars.ra, stars.dec, plate.ra0, plate.dec0)
    u, v = plate.to_plane(xy[:, 0], xy[:, 1])
    return np.asarray(np.hypot(u - xi, v - eta) * 3600.0 / plate.scale)
