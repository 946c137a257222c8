"""Plate solutions that the observatory wrote, for instruments whose headers can be trusted."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.geometry import gnomonic
from polarnight.astrometry.plates.evidence import match_nearest
from polarnight.astrometry.plates.plate import Plate, fit_plate
from polarnight.astrometry.plates.solution import Solution
from polarnight.astrometry.stars.catalogue import Stars
from polarnight.errors import AlgorithmFailed
from polarnight.frames import wcs_from_header

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

__all__ = ["register", "solution_from_header"]

Floats = npt.NDArray[np.float64]

_GRID = 7
_LARGEST_ORDER = 9  # of the convention (Shupe et al. 2005)
_LONGEST_TOLD = 160
_LEAST_MATCHES = 4
_NEGLIGIBLE_PX = 0.01
_NO_INDICES = np.zeros(0, dtype=np.int64)


def solution_from_header(
    header: Header,
    shape: tuple[int, int],
    *,
    pixel_scale: float,
    scale_tolerance: float = 0.05,
) -> Solution:
    """Take the celestial coordinates of a raw header as the plate solution.

    Only for instruments that declare ``trusted_wcs``, and only where no catalogue solves the
    frame: nothing here proves the header right. It is refused where it contradicts the
    instrument.

    Parameters
    ----------
    header : astropy.io.fits.Header
        With its reference pixel in the pixels of the frame.
    shape : tuple of int
        (ny, nx) of the frame.
    pixel_scale : float
        Arcsec per pixel as declared.
    scale_tolerance : float
        Relative difference of the scales that is allowed.

    Returns
    -------
    Solution
        Without stars; the evidence says that it is the header's.

    Raises
    ------
    AlgorithmFailed
        Where the header has no celestial coordinates, such as are none, or another scale.
    """
    _check_cards(header)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what is wrong shows in the numbers
            plate = _plate_of_header(header, shape)
    except AlgorithmFailed:
        raise
    except Exception as error:  # of wcslib, astropy and numpy, a dozen kinds
        told = " ".join(str(error).split())[:_LONGEST_TOLD] or type(error).__name__
        message = "the header's celestial coordinates are none"
        raise AlgorithmFailed(message, reason=told) from error
    if not abs(plate.scale / pixel_scale - 1.0) <= scale_tolerance:
        message = "the header's celestial coordinates have another pixel scale than the instrument"
        raise AlgorithmFailed(message, header=plate.scale, instrument=pixel_scale)
    evidence: dict[str, Any] = {
        "method": "header",
        "n_matched": 0,
        "rms_arcsec": None,
        "rms_px": None,
        "log10_chance": None,
        "pointing": "the header's own solution, not verified",
        "offset_deg": 0.0,
        "pixel_scale": plate.scale,
        "rotation_deg": plate.rotation,
        "mirrored": plate.mirrored,
        "order": plate.order,
    }
    nothing = np.zeros(0)
    return Solution(
        plate,
        shape,
        plate.to_wcs(shape),
        None,
        Stars(nothing, nothing, nothing),
        np.zeros((0, 2)),
        _NO_INDICES,
        _NO_INDICES,
        None,
        evidence,
    )


def _check_cards(header: Header) -> None:
    """Refuse cards that ask for more memory than there is, or lie outside the sky."""
    for name in ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER"):
        order = header.get(name, 0)
        if not isinstance(order, int) or not 0 <= order <= _LARGEST_ORDER:
            message = f"the header's celestial coordinates are none: {name} is no order of SIP"
            raise AlgorithmFailed(message, card=str(order), largest=_LARGEST_ORDER)
    for name, limit in (("CRVAL1", 360.0), ("CRVAL2", 90.0)):
        value = header.get(name, 0.0)
        if not isinstance(value, int | float) or not abs(value) <= limit:
            message = f"the header's celestial coordinates are none: {name} is no place in the sky"
            raise AlgorithmFailed(message, card=str(value))


def _plate_of_header(header: Header, shape: tuple[int, int]) -> Plate:
    wcs = wcs_from_header(header)
    if wcs is None or not wcs.has_celestial:
        message = "the header has no celestial coordinates to trust"
        raise AlgorithmFailed(message)
    ny, nx = shape
    columns, rows = np.meshgrid(np.linspace(0, nx - 1, _GRID), np.linspace(0, ny - 1, _GRID))
    x, y = columns.ravel(), rows.ravel()
    ra, dec = (np.asarray(v, dtype=float) for v in wcs.all_pix2world(x, y, 0))
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        message = "the header's celestial coordinates do not cover the frame"
        raise AlgorithmFailed(message)
    plate = _plate(x, y, ra, dec, shape)
    if not np.isfinite(plate.matrix).all():
        message = "the header's celestial coordinates are none: the frame covers no piece of sky"
        raise AlgorithmFailed(message)
    return plate


def _plate(x: Floats, y: Floats, ra: Floats, dec: Floats, shape: tuple[int, int]) -> Plate:
    """Return the plate through a grid of places: linear where that says all, else cubic."""
    start = (float(ra[0]), float(dec[0]))
    plate = fit_plate(x, y, ra, dec, start=start, shape=shape, order=1)
    found = np.column_stack(plate.from_plane(*gnomonic(ra, dec, plate.ra0, plate.dec0)))
    if np.hypot(*(found - np.column_stack([x, y])).T).max() > _NEGLIGIBLE_PX:
        plate = fit_plate(x, y, ra, dec, start=start, shape=shape, order=3)
    return plate


def register(wcs: WCS, sky: Floats, xy: Floats, *, reach: float) -> tuple[WCS, int, float]:
    """Lay a plate solution on the stars of another frame of the same field.

    The linear part is fitted anew where stars allow, else only the place. What is left of a
    distortion stays as it is.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Good to `reach`.
    sky : ndarray, shape (n, 2)
        Places of the reference stars, degrees.
    xy : ndarray, shape (m, 2)
        Detections of the frame, pixels.
    reach : float
        Largest distance (pixels) of a star from where it is expected.

    Returns
    -------
    wcs : astropy.wcs.WCS
    n : int
        Stars matched.
    rms : float
        Pixels, along one axis.

    Raises
    ------
    AlgorithmFailed
        Where fewer than four stars match.
    """
    radius = reach
    moved = wcs
    for _ in range(3):
        expected = np.asarray(moved.all_world2pix(sky, 0, quiet=True), dtype=float)
        known = np.flatnonzero(np.isfinite(expected).all(axis=1))
        i, j = match_nearest(xy, expected[known], radius)
        if len(i) < _LEAST_MATCHES:
            message = "too few stars agree with those of the other frame"
            raise AlgorithmFailed(message, matched=len(i), needed=_LEAST_MATCHES, reach_px=reach)
        matrix, shift = _linear(expected[known[j]], xy[i])
        moved = _transformed(moved, matrix, shift)
        left = xy[i] - (expected[known[j]] @ matrix.T + shift)
        rms = float(np.sqrt(np.mean(left**2)))
        radius = max(0.5, min(reach, 5.0 * rms))
    return moved, len(i), rms


def _linear(start: Floats, goal: Floats) -> tuple[Floats, Floats]:
    """Fit ``goal = matrix start + shift``, outliers left out; only a shift for few stars."""
    matrix: Floats = np.eye(2)
    shift: Floats = np.median(goal - start, axis=0)
    if len(start) < 2 * _LEAST_MATCHES:
        return matrix, shift
    good = np.ones(len(start), dtype=bool)
    for _ in range(3):
        design = np.column_stack([start[good], np.ones(int(good.sum()))])
        found = np.linalg.lstsq(design, goal[good], rcond=None)[0]
        matrix, shift = np.asarray(found[:2].T, np.float64), np.asarray(found[2], np.float64)
        left = np.hypot(*(goal - start @ matrix.T - shift).T)
        limit = 4.0 * 1.2533 * float(np.median(left[good])) + 1e-6
        keep = left <= limit
        if keep.sum() < 2 * _LEAST_MATCHES or (keep == good).all():
            break
        good = keep
    return matrix, shift


def _transformed(wcs: WCS, matrix: Floats, shift: Floats) -> WCS:
    """Return a WCS whose pixels are ``matrix pixel + shift`` (0-based) of the old ones."""
    new = wcs.deepcopy()
    centre = np.asarray(wcs.wcs.crpix, dtype=float) - 1.0
    new.wcs.crpix = matrix @ centre + shift + 1.0
    scale = wcs.pixel_scale_matrix @ np.linalg.inv(matrix)
    if wcs.wcs.has_cd():
        new.wcs.cd = scale
    else:
        new.wcs.cdelt = [1.0, 1.0]
        new.wcs.pc = scale
    new.wcs.set()
    return new
