"""The plate model: from pixels to the tangent plane, and as a FITS WCS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.geometry import gnomonic, gnomonic_inverse

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["PARAMETERS", "Plate", "fit_plate", "select_order"]

Floats = npt.NDArray[np.float64]

# Order of the polynomial: stars that it needs. Order 0 stands for a similarity transform.
_STARS_NEEDED = {0: 3, 1: 6, 2: 18, 3: 32}
PARAMETERS = {0: 4, 1: 6, 2: 12, 3: 20}
"""Free parameters of a plate by order."""
_BIC_GAIN = 10.0
_PRIOR_PX = 1.0


def _powers(order: int) -> list[tuple[int, int]]:
    return [(p, t - p) for t in range(max(order, 1) + 1) for p in range(t, -1, -1)]


def _basis(x: Floats, y: Floats, order: int) -> Floats:
    return np.column_stack([x**p * y**q for p, q in _powers(order)])


@dataclass(frozen=True, eq=False)
class Plate:
    """A polynomial from the frame to the plane tangent at (ra0, dec0).

    Attributes
    ----------
    ra0, dec0 : float
        Tangent point, degrees.
    x0, y0 : float
        Origin of the polynomial in pixels, the centre of the frame.
    unit : float
        Pixels per unit of the polynomial's argument (half of the frame's size).
    order : int
        0 (similarity), 1 (linear), 2 or 3.
    xi, eta : ndarray of float
        Coefficients, degrees.
    """

    ra0: float
    dec0: float
    x0: float
    y0: float
    unit: float
    order: int
    xi: Floats
    eta: Floats

    def to_plane(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return standard coordinates in degrees of pixel positions."""
        u = (np.asarray(x, dtype=np.float64) - self.x0) / self.unit
        v = (np.asarray(y, dtype=np.float64) - self.y0) / self.unit
        basis = _basis(np.atleast_1d(u), np.atleast_1d(v), self.order)
        return basis @ self.xi, basis @ self.eta

    def to_sky(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return (ra, dec) in degrees of pixel positions."""
        return gnomonic_inverse(*self.to_plane(x, y), self.ra0, self.dec0)

    def from_plane(self, xi: Floats, eta: Floats) -> tuple[Floats, Floats]:
        """Return pixel positions of standard coordinates (linear start, then Newton steps)."""
        matrix = self.matrix
        target = np.stack([xi, eta])
        xy = np.linalg.solve(matrix, target - np.array([[self.xi[0]], [self.eta[0]]]))
        xy += np.array([[self.x0], [self.y0]])
        for _ in range(0 if self.order < 2 else 8):
            now = np.stack(self.to_plane(xy[0], xy[1]))
            xy = xy + np.linalg.solve(matrix, target - now)
        return xy[0], xy[1]

    @property
    def matrix(self) -> Floats:
        """Linear part, degrees per pixel, shape (2, 2)."""
        return np.array([self.xi[1:3], self.eta[1:3]]) / self.unit

    @property
    def scale(self) -> float:
        """Arcsec per pixel: the root of the area of a pixel."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))) * 3600.0)

    @property
    def skew(self) -> float:
        """Ratio of the scales along the axes where they differ most, minus one."""
        values = np.linalg.svd(self.matrix, compute_uv=False)
        return float(values[0] / values[1] - 1.0)

    @property
    def mirrored(self) -> bool:
        """False where the frame shows the sky as we see it (north up, east left)."""
        return bool(np.linalg.det(self.matrix) > 0)

    @property
    def rotation(self) -> float:
        """Position angle of the y axis of the frame, degrees from north through east."""
        matrix = self.matrix
        return float(np.degrees(np.arctan2(matrix[0, 1], matrix[1, 1])) % 360.0)

    def recentred(self) -> tuple[float, float]:
        """Return (ra, dec) of the centre of the frame, degrees."""
        ra, dec = self.to_sky(self.x0, self.y0)
        return float(ra[0]), float(dec[0])

    def to_wcs(self, shape: tuple[int, int], shift: tuple[float, float] = (0.0, 0.0)) -> WCS:
        """Return the FITS WCS (TAN, or TAN-SIP where the order is above 1).

        Parameters
        ----------
        shape : tuple of int
            (ny, nx) of the frame.
        shift : tuple of float
            (x, y) by which the images are displaced, for the other beam.
        """
        from astropy.wcs import WCS

        wcs = WCS(naxis=2)
        sip = self.order >= 2
        wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"] if sip else ["RA---TAN", "DEC--TAN"]
        wcs.wcs.cunit = ["deg", "deg"]
        wcs.wcs.radesys = "ICRS"
        wcs.wcs.crval = [self.ra0, self.dec0]
        # The origin of pixels that FITS wants is where the plate gives (0, 0).
        wcs.wcs.crpix = [self.x0 + 1.0 + shift[0], self.y0 + 1.0 + shift[1]]
        wcs.wcs.cd = self.matrix
        if sip:
            wcs.sip = self._sip(shape, wcs.wcs.crpix)
        wcs.array_shape = shape
        wcs.wcs.set()
        return wcs

    def _sip(self, shape: tuple[int, int], crpix: Floats) -> object:
        from astropy.wcs import Sip

        n = self.order + 1
        inverse = np.linalg.inv(self.matrix)
        forward = np.zeros((2, n, n))
        for (p, q), cx, cy in zip(_powers(self.order), self.xi, self.eta, strict=True):
            if p + q >= 2:
                forward[:, p, q] = inverse @ np.array([cx, cy]) / self.unit ** (p + q)
        # The way back is fitted on a grid that reaches beyond the frame.
        ny, nx = shape
        gx, gy = np.meshgrid(np.linspace(-0.1, 1.1, 25) * nx, np.linspace(-0.1, 1.1, 25) * ny)
        x, y = gx.ravel(), gy.ravel()
        plane = np.stack(self.to_plane(x, y))
        u, v = inverse @ plane
        m = self.order + 1
        pairs = [(p, t - p) for t in range(m + 1) for p in range(t, -1, -1)]
        basis = np.column_stack([(u / self.unit) ** p * (v / self.unit) ** q for p, q in pairs])
        goal = np.column_stack([x - self.x0 - u, y - self.y0 - v])
        coefficients = np.linalg.lstsq(basis, goal, rcond=None)[0]
        backward = np.zeros((2, m + 1, m + 1))
        for (p, q), pair in zip(pairs, coefficients, strict=True):
            backward[:, p, q] = pair / self.unit ** (p + q)
        return Sip(forward[0], forward[1], backward[0], backward[1], crpix)


def _prior(order: int) -> Floats:
    """Return rows that hold distortion terms near zero, by one pixel at the frame's edge.

    Where stars tell (a hundredth of a pixel), this changes nothing; where there are none, as
    in an empty corner, it keeps the polynomial from running away.
    """
    powers = _powers(order)
    rows = np.eye(len(powers))[[k for k, (p, q) in enumerate(powers) if p + q >= 2]]
    return np.asarray(rows / _PRIOR_PX)


def fit_plate(
    x: Floats,
    y: Floats,
    ra: Floats,
    dec: Floats,
    *,
    start: tuple[float, float],
    shape: tuple[int, int],
    order: int,
    weights: Floats | None = None,
    mirrored: bool | None = None,
) -> Plate:
    """Fit a plate by weighted least squares, with the tangent point at the frame's centre.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        Pixel positions.
    ra, dec : ndarray of float, shape (n,)
        Degrees.
    start : tuple of float
        First tangent point, degrees.
    shape : tuple of int
        (ny, nx) of the frame.
    order : int
        0 to 3; 0 (similarity) needs `mirrored`.
    weights : ndarray of float, shape (n,), optional
        Inverse standard errors, per pixel; by default of 0.2 pixels.
    mirrored : bool, optional
        Parity of a similarity transform, as in `Plate.mirrored`.
    """
    ny, nx = shape
    x0, y0, unit = (nx - 1) / 2.0, (ny - 1) / 2.0, max(nx, ny) / 2.0
    u, v = (x - x0) / unit, (y - y0) / unit
    w = np.full(len(x), 5.0) if weights is None else weights
    ra0, dec0 = start
    for step in range(4):
        xi, eta = gnomonic(ra, dec, ra0, dec0)
        if order == 0:
            a, b = _similarity(u, v, xi, eta, w, bool(mirrored))
        else:
            basis, goal = _basis(u, v, order) * w[:, None], np.column_stack([xi * w, eta * w])
            hold = _prior(order)
            basis, goal = np.vstack([basis, hold]), np.vstack([goal, np.zeros((len(hold), 2))])
            # The arguments lie within -1 and 1, so the normal equations are well conditioned;
            # they are ten times quicker than an orthogonal decomposition.
            a, b = np.linalg.solve(basis.T @ basis, basis.T @ goal).T
        plate = Plate(ra0, dec0, x0, y0, unit, order, a, b)
        if step == 3 or np.hypot(a[0], b[0]) < 1e-10:
            break
        ra0, dec0 = plate.recentred()
    # The tangent point is the centre of the frame to a micro-arcsecond by now.
    plate.xi[0] = plate.eta[0] = 0.0
    return plate


def _similarity(
    u: Floats, v: Floats, xi: Floats, eta: Floats, w: Floats, mirrored: bool
) -> tuple[Floats, Floats]:
    s = 1.0 if mirrored else -1.0
    zero, one = np.zeros_like(u), np.ones_like(u)
    # xi = c + p u + q v, eta = d - s q u + s p v: determinant s (p^2 + q^2). The sky seen
    # as it is has east to the left, hence a negative determinant.
    rows = np.vstack(
        [np.column_stack([one, zero, u, v]), np.column_stack([zero, one, s * v, -s * u])]
    )
    both = np.concatenate([w, w])
    c, d, p, q = np.linalg.lstsq(
        rows * both[:, None], np.concatenate([xi, eta]) * both, rcond=None
    )[0]
    return np.array([c, p, q]), np.array([d, -s * q, s * p])


def select_order(x: Floats, y: Floats, residuals: dict[int, Floats], shape: tuple[int, int]) -> int:
    """Choose the order that the stars justify.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        Positions of the stars of the fit, pixels.
    residuals : dict of int to ndarray of shape (2 n,)
        Weighted residuals of the fits by order.
    shape : tuple of int
        (ny, nx) of the frame.

    Returns
    -------
    int
        The lowest order that no higher one beats by 10 in the Bayesian information
        criterion (Schwarz 1978, Ann. Statist. 6, 461). Orders above 1 need stars in all
        four quarters of the frame, since a polynomial runs away where nothing holds it.
    """
    ny, nx = shape
    quarter = 2 * (y > (ny - 1) / 2.0) + (x > (nx - 1) / 2.0)
    spread = np.bincount(quarter.astype(int), minlength=4).min()
    best, best_score = min(residuals), np.inf
    for order in sorted(residuals):
        n = len(residuals[order]) // 2
        if n < _STARS_NEEDED[order] or (order >= 2 and spread < 4):
            continue
        chi2 = max(float(np.sum(residuals[order] ** 2)), 1e-300)
        score = 2 * n * np.log(chi2 / (2 * n)) + PARAMETERS[order] * np.log(2 * n)
        if score < best_score - (_BIC_GAIN if np.isfinite(best_score) else 0.0):
            best, best_score = order, score
    return best
